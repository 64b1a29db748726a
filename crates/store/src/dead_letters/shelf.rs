//! The letters of one class: a journal that this process has to itself, and the index of what is in it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millpond_journal::{Journal, Options, Storage};
use xxhash_rust::xxh3::xxh3_64;

use super::batch::Entry;
use super::index::Index;
use super::ranges::Ranges;
use super::record::{Kept, Record, write_marks};
use super::{Class, Truncated};
use crate::{Error, NotTaken, Result};

/// What is kept of an original that does not fit into a segment.
const PREFIX: usize = 1024;

/// A journal counts whole segments: beside those that are full of letters it needs the one in use and the one that
/// is prepared, and a purge or a mark needs room when the letters have none left.
const RESERVE: u64 = 3;

/// What a record takes up beside itself, alone in its frame.
pub(super) const FRAMING: u64 = 40;

type OpenStorage<S> = Box<dyn Fn() -> millpond_journal::Result<S> + Send>;

pub(crate) struct Shelf<S: Storage> {
    pub(super) class: Class,
    pub(super) folder: PathBuf,
    storage: OpenStorage<S>,
    share: u64,
    pub(super) segment_bytes: u64,
    /// None after a failure, since nobody knows then what the disk holds: it is opened anew.
    pub(super) journal: Option<Journal<S>>,
    index: Arc<Mutex<Index>>,
    pub(super) replayed: Ranges,
}

/// The smallest store.
pub(crate) const LEAST: u64 = 64 << 10;

/// What the letters of a class may take up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    Share(u64),
    /// What they do, and little more.
    AsItIs,
}

/// The size of a segment when a class may take up `share` bytes.
fn segment_bytes(share: u64) -> u64 {
    (share / 16).clamp(4 << 10, 4 << 20) & !7
}

/// The bytes of all segments that are there, and of the longest.
fn existing<S: Storage>(storage: &S) -> io::Result<(u64, u64)> {
    let (mut all, mut longest) = (0, 0);
    for name in storage.list()? {
        if name.ends_with(".segment") {
            let bytes = storage.len(&storage.open(&name)?)?;
            (all, longest) = (all + bytes, bytes.max(longest));
        }
    }
    Ok((all, longest))
}

impl<S: Storage> Shelf<S> {
    /// Opens the letters of `class`, which may take up `share` bytes.
    pub(crate) fn open(
        class: Class,
        folder: &Path,
        bound: Bound,
        storage: OpenStorage<S>,
    ) -> Result<Self> {
        let share = match bound {
            Bound::Share(share) => share,
            Bound::AsItIs => {
                let found = storage().map_err(Error::journal(folder))?;
                let (all, longest) = existing(&found).map_err(|error| unlisted(folder, error))?;
                all.max(16 * longest).max(LEAST / 2)
            }
        };
        let segment_bytes = segment_bytes(share);
        let mut shelf = Self {
            class,
            folder: folder.to_owned(),
            storage,
            share,
            segment_bytes,
            journal: None,
            index: Arc::new(Mutex::new(Index::new(segment_bytes / 2))),
            replayed: Ranges::default(),
        };
        shelf.journal()?;
        Ok(shelf)
    }

    pub(crate) fn shared_index(&self) -> Arc<Mutex<Index>> {
        self.index.clone()
    }

    /// What the letters may take up.
    pub(crate) fn bound(&self) -> u64 {
        self.share - RESERVE * self.segment_bytes
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        lock(&self.index)
    }

    fn reopen(&mut self) -> Result<Journal<S>> {
        let failed = Error::journal(&self.folder);
        let storage = (self.storage)().map_err(&failed)?;
        let (all, _) = existing(&storage).map_err(|error| unlisted(&self.folder, error))?;
        let options = Options {
            segment_bytes: self.segment_bytes,
            // A store that may be smaller now than it was must still be able to make room.
            max_bytes: self.share.max(all + RESERVE * self.segment_bytes),
            ..Options::default()
        };
        let (mut journal, report) = Journal::open(storage, options).map_err(&failed)?;
        for damage in report.damages.iter().chain(&report.accepted) {
            // The damaged file is kept until room is made, and this is said again at every opening.
            let folder = self.folder.display();
            tracing::error!(%folder, %damage, "dead letters are lost; the others are served");
        }
        journal.accept_damage().map_err(&failed)?;
        let committed = journal.committed_sequence();
        let mut index = Index::new(self.segment_bytes / 2);
        let mut replayed = Ranges::default();
        let mut reader = journal.reader(committed).map_err(&failed)?;
        while let Some(records) = reader.next_records().map_err(&failed)? {
            for (sequence, bytes) in records {
                let held = bytes.len() as u64 + FRAMING;
                let record = Record::read(bytes);
                match record.map_err(|problem| self.unreadable(sequence, problem))? {
                    Record::Letter(kept) => {
                        let counts = kept.copy_of.is_none_or(|original| original < committed);
                        index.add(sequence, held, counts.then_some(&kept));
                    }
                    Record::Marks(marks) => {
                        index.add(sequence, held, None);
                        marks.iter().for_each(|&(from, to)| replayed.add(from, to));
                    }
                }
            }
        }
        drop(reader);
        index.deleted = self.index().deleted;
        index.latest.mark(&replayed);
        *self.index() = index;
        self.replayed = replayed;
        Ok(journal)
    }

    pub(super) fn unreadable(&self, sequence: u64, problem: String) -> Error {
        Error::Unreadable {
            folder: self.folder.clone(),
            class: self.class,
            sequence,
            problem,
        }
    }

    /// Takes in letters in order, all at once where there is room for them; they are durable after the next
    /// [`sync`](Self::sync).
    pub(crate) fn append_all(&mut self, letters: &[Entry<'_>]) -> Result<(), NotTaken> {
        let bytes = letters.iter().map(Entry::held).sum::<u64>();
        let room = self.bound().saturating_sub(self.index().bytes());
        if bytes <= self.batch().min(room) {
            match self.write_all(letters) {
                Ok(first) => {
                    let mut index = self.index();
                    index.add_all(first, letters);
                    index.full = false;
                    return Ok(());
                }
                // Then as many as there is room for.
                Err(Error::Journal { source, .. }) if source.heals() => {}
                Err(error) => return Err(NotTaken::after(0, error)),
            }
        }
        for (taken, letter) in letters.iter().enumerate() {
            self.append(letter.record, &letter.kept)
                .map_err(|error| NotTaken::after(taken, error))?;
        }
        Ok(())
    }

    /// The most that is taken in at once: little beside a segment, whose end may stay empty for that.
    pub(super) fn batch(&self) -> u64 {
        self.segment_bytes / 32
    }

    /// Takes in the record of a letter; it is durable after the next [`sync`](Self::sync).
    pub(crate) fn append(&mut self, record: &[u8], kept: &Kept<'_>) -> Result<()> {
        if record.len() as u64 > self.most() {
            let (mut short, event) = (*kept, kept.letter.event);
            short.letter.event = &event[..event.len().min(PREFIX)];
            short.letter.truncated = short.letter.truncated.or_else(|| {
                Some(Truncated {
                    length: event.len() as u64,
                    hash: xxh3_64(event),
                })
            });
            let mut record = Vec::new();
            short.write(&mut record);
            return self.append_fitting(&record, &short);
        }
        self.append_fitting(record, kept)
    }

    /// The longest record that fits.
    fn most(&self) -> u64 {
        self.segment_bytes - 128
    }

    fn append_fitting(&mut self, record: &[u8], kept: &Kept<'_>) -> Result<()> {
        let bytes = record.len() as u64 + FRAMING;
        loop {
            let held = self.index().bytes();
            if held + bytes <= self.bound() {
                match self.write(record) {
                    Ok(sequence) => {
                        let mut index = self.index();
                        index.add(sequence, bytes, Some(kept));
                        index.full = false;
                        return Ok(());
                    }
                    Err(Error::Journal {
                        source: millpond_journal::Error::Full { .. },
                        ..
                    }) => {}
                    Err(error) => return Err(error),
                }
            }
            if self.class == Class::Accepted || !self.make_room()? {
                self.index().full = true;
                // What was taken in before is not to wait for room.
                self.sync()?;
                return Err(Error::Full {
                    folder: self.folder.clone(),
                    held,
                    bound: self.bound(),
                });
            }
        }
    }

    /// Deletes the oldest run of letters; false if there is only one.
    fn make_room(&mut self) -> Result<bool> {
        let Some((end, letters)) = self.index().oldest() else {
            return Ok(false);
        };
        self.sync()?;
        self.truncate(end)?;
        self.index().deleted += letters;
        let folder = self.folder.display();
        tracing::warn!(%folder, letters, "rejected events fill the dead letters: the oldest are deleted");
        Ok(true)
    }

    /// Marks letters as replayed, durably.
    pub(crate) fn mark(&mut self, marks: &Ranges) -> Result<()> {
        for record in write_marks(marks, self.most().min(64 << 10) as usize) {
            let sequence = self.write(&record)?;
            self.index()
                .add(sequence, record.len() as u64 + FRAMING, None);
        }
        self.sync()?;
        self.index().latest.mark(marks);
        marks
            .iter()
            .for_each(|(from, to)| self.replayed.add(from, to));
        Ok(())
    }

    /// Makes durable what was taken in.
    pub(crate) fn sync(&mut self) -> Result<()> {
        let synced = self.journal()?.sync();
        self.or_close(synced).map(|_| ())
    }

    pub(super) fn truncate(&mut self, sequence: u64) -> Result<()> {
        let truncated = self.journal()?.truncate(sequence);
        self.or_close(truncated)?;
        self.index().forget_below(sequence);
        self.replayed.forget_below(sequence);
        Ok(())
    }

    pub(super) fn write(&mut self, record: &[u8]) -> Result<u64> {
        self.write_all(&[record])
    }

    /// Takes in records, all or none of them, and says the sequence of the first.
    fn write_all<R: AsRef<[u8]>>(&mut self, records: &[R]) -> Result<u64> {
        let appended = self.journal()?.append(records);
        self.or_close(appended).map(|sequences| sequences.start)
    }

    pub(super) fn journal(&mut self) -> Result<&mut Journal<S>> {
        let journal = match self.journal.take() {
            Some(journal) => journal,
            None => self.reopen()?,
        };
        Ok(self.journal.insert(journal))
    }

    /// A journal that failed for good is closed, to be opened anew when it is needed.
    fn or_close<T>(&mut self, result: millpond_journal::Result<T>) -> Result<T> {
        if result.as_ref().is_err_and(|error| !error.heals()) {
            self.journal = None;
        }
        result.map_err(Error::journal(&self.folder))
    }
}

fn unlisted(folder: &Path, source: io::Error) -> Error {
    Error::Folder {
        folder: folder.to_owned(),
        source,
    }
}

/// Every change under this lock leaves a whole index at every step.
pub(crate) fn lock(index: &Mutex<Index>) -> MutexGuard<'_, Index> {
    index.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "shelf_tests.rs"]
mod tests;
