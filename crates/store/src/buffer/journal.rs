use std::path::{Path, PathBuf};

use millpond_journal::{Files, Journal, Options, Reader, Storage};

use super::{BufferView, Mark};
use crate::{Error, Result};

/// The smallest buffer: a few segments, each of which holds the largest rows that are usual.
pub const LEAST: u64 = 16 << 20;

/// Records are let go of once there are this many bytes of them, or all: each time costs a sync.
const LET_GO: u64 = 1 << 20;

/// What of a segment no record can have: the segment's head, a frame's and the record's own.
const OVERHEAD: u64 = 128;

/// While it holds more than this, it will be long before what comes in is read: the system need not cache it.
const CACHED: u64 = 64 << 20;

/// Memory beyond this is freed rather than used for the next record.
const MOST_FRAMED: usize = 1 << 20;

type OpenStorage<S> = Box<dyn Fn() -> millpond_journal::Result<S> + Send>;

/// Records in order on a journal of their own, which this process has to itself.
///
/// [`append`](Self::append) and [`sync`](Self::sync) put records behind the others, [`read`](Self::read)
/// takes the next ones to be delivered, and [`settle`](Self::settle) lets go of those that are.
pub struct Buffer<S: Storage = Files> {
    folder: PathBuf,
    storage: OpenStorage<S>,
    options: Options,
    /// None after a failure, since nobody knows then what the disk holds: it is opened anew.
    open: Option<Open<S>>,
    /// What was read, or need not be.
    read: Place,
    /// What is delivered.
    settled: Place,
    /// What was let go of.
    let_go: Mark,
    /// The mark behind everything that was appended.
    end: Mark,
    /// Memory for the record that is being taken in.
    framed: Vec<u8>,
    view: BufferView,
}

struct Open<S: Storage> {
    journal: Journal<S>,
    reader: Option<Reader<S>>,
}

/// A place between records: the record behind it, and the mark.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    sequence: u64,
    mark: Mark,
}

/// Where a record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number.
    pub sequence: u64,
    /// Its rows.
    pub rows: u64,
    /// The mark behind it.
    pub end: Mark,
    /// Rows before it that were damaged, and cannot be read.
    pub lost: u64,
}

impl Kept {
    fn behind(self) -> Place {
        Place {
            sequence: self.sequence.saturating_add(1),
            mark: self.end,
        }
    }
}

impl Buffer {
    /// Opens the buffer in `folder`, making it if need be. `max`: the most bytes it may take up, at least
    /// [`LEAST`].
    ///
    /// # Errors
    /// When the folder cannot be used, or is in use ([`Error::is_locked`]).
    pub fn open(folder: impl AsRef<Path>, max: u64) -> Result<Self> {
        let max = max.max(LEAST);
        let options = Options {
            segment_bytes: (max / 16).min(16 << 20) & !7,
            max_bytes: max,
            ..Options::default()
        };
        let opened = folder.as_ref().to_owned();
        let storage = Box::new(move || Files::open(&opened));
        Self::open_within(folder.as_ref(), options, storage)
    }
}

impl<S: Storage> Buffer<S> {
    pub(super) fn open_within(
        folder: &Path,
        options: Options,
        storage: OpenStorage<S>,
    ) -> Result<Self> {
        let mut buffer = Buffer {
            folder: folder.to_owned(),
            storage,
            options,
            open: None,
            read: Place::default(),
            settled: Place::default(),
            let_go: Mark::default(),
            end: Mark::default(),
            framed: Vec::new(),
            view: BufferView::default(),
        };
        let journal = buffer.reopen()?;
        let first = buffer.first(&journal)?;
        buffer.settled = Place {
            sequence: journal.committed_sequence(),
            mark: first.unwrap_or_default(),
        };
        (buffer.read, buffer.let_go) = (buffer.settled, buffer.settled.mark);
        buffer.begin(journal)?;
        Ok(buffer)
    }

    /// How it does.
    pub fn view(&self) -> BufferView {
        self.view.clone()
    }

    /// What it holds that is not delivered.
    pub fn held(&self) -> Mark {
        self.end.since(self.settled.mark)
    }

    /// Whether everything it holds was read: what comes next may go on without it.
    pub fn is_read(&self) -> bool {
        self.read.mark == self.end
    }

    /// Whether a record of so many bytes could ever be taken in.
    ///
    /// # Errors
    /// [`Error::is_full`] when it is too large.
    pub fn may_hold(&self, bytes: usize) -> Result<()> {
        let (size, bound) = (bytes as u64, self.options.segment_bytes - OVERHEAD);
        if size > bound {
            let source = millpond_journal::Error::TooLarge { size, bound };
            return Err(Error::buffer(&self.folder)(source));
        }
        Ok(())
    }

    /// Takes in a record of `rows` rows, which is what `write` appends; it is durable after the next
    /// [`sync`](Self::sync).
    ///
    /// # Errors
    /// [`Error::is_full`] when there is no room for it; nothing was taken in then. After every other
    /// failure what came since the last sync is best taken in again.
    pub fn append(&mut self, rows: u32, write: impl FnOnce(&mut Vec<u8>)) -> Result<Kept> {
        self.opened()?;
        self.end.frame(rows, &mut self.framed, write);
        let end = self.end.after(Mark {
            rows: u64::from(rows),
            bytes: self.framed.len() as u64,
        });
        let framed = std::mem::take(&mut self.framed);
        let appended = self.opened()?.journal.append(&[&framed]);
        if framed.capacity() <= MOST_FRAMED {
            self.framed = framed;
        }
        let sequence = self.or_close(appended)?.start;
        self.end = end;
        Ok(Kept {
            sequence,
            rows: u64::from(rows),
            end,
            lost: 0,
        })
    }

    /// Makes durable what was taken in.
    ///
    /// # Errors
    /// When the disk fails: what came since the last sync is best taken in again.
    pub fn sync(&mut self) -> Result<()> {
        let cached = self.held().bytes <= CACHED;
        let journal = &mut self.opened()?.journal;
        journal.set_cached(cached);
        let synced = journal.sync();
        self.or_close(synced)?;
        self.view.holds(self.held());
        Ok(())
    }

    /// What is durable up to `last` need not be read: somebody has it still.
    pub fn pass_over(&mut self, last: Kept) {
        self.read = last.behind();
        if let Some(open) = &mut self.open {
            open.reader = None;
        }
    }

    /// Hands the next records to `each`; false when there are none.
    ///
    /// # Errors
    /// When they cannot be read; they are not passed over.
    pub fn read(&mut self, mut each: impl FnMut(Kept, &[u8])) -> Result<bool> {
        let from = self.read;
        let open = self.opened()?;
        let reader = match open.reader.take() {
            Some(reader) => Ok(reader),
            None => open.journal.reader(from.sequence),
        };
        let mut reader = self.or_close(reader)?;
        let mut read = from;
        let found = reader.next_records().map(|records| {
            let found = records.is_some();
            for (sequence, framed) in records.into_iter().flatten() {
                // Its checksum says that this journal wrote it, and so that it is framed.
                let Some((begin, rows, record)) = Mark::read(framed) else {
                    continue;
                };
                let end = begin.after(Mark {
                    rows,
                    bytes: framed.len() as u64,
                });
                let kept = Kept {
                    sequence,
                    rows,
                    end,
                    lost: begin.since(read.mark).rows,
                };
                read = kept.behind();
                each(kept, record);
            }
            found
        });
        let found = self.or_close(found)?;
        self.read = read;
        if let Some(open) = &mut self.open {
            open.reader = Some(reader);
        }
        Ok(found)
    }

    /// Everything up to `last` is delivered.
    ///
    /// # Errors
    /// When the disk fails: a later opening may then find some of it again.
    pub fn settle(&mut self, last: Kept) -> Result<()> {
        self.settled = last.behind();
        self.view.holds(self.held());
        let done = last.end.since(self.let_go).bytes;
        if done >= LET_GO || self.settled.mark == self.end {
            let settled = self.settled;
            let truncated = self.opened()?.journal.truncate(settled.sequence);
            self.or_close(truncated)?;
            self.let_go = settled.mark;
        }
        Ok(())
    }

    fn opened(&mut self) -> Result<&mut Open<S>> {
        if self.open.is_none() {
            let journal = self.reopen()?;
            self.begin(journal)?;
        }
        // It is there: that was seen to above.
        self.open.as_mut().ok_or_else(|| Error::Buffer {
            folder: self.folder.clone(),
            source: millpond_journal::Error::Unreadable,
        })
    }

    fn reopen(&self) -> Result<Journal<S>> {
        let failed = Error::buffer(&self.folder);
        let storage = (self.storage)().map_err(&failed)?;
        let (mut journal, report) =
            Journal::open(storage, self.options.clone()).map_err(&failed)?;
        for damage in report.damages.iter().chain(&report.accepted) {
            let folder = self.folder.display();
            tracing::error!(%folder, %damage, "rows in the buffer of a sink are lost; the others are served");
        }
        journal.accept_damage().map_err(&failed)?;
        Ok(journal)
    }

    /// Finds the end of what the journal holds, and takes it into use.
    fn begin(&mut self, journal: Journal<S>) -> Result<()> {
        let next = journal.next_sequence();
        let last = self.last(&journal, next.saturating_sub(1))?;
        let last = match last {
            Some(last) => Some(last),
            // Damage may have taken the last ones.
            None => self.last(&journal, self.settled.sequence)?,
        };
        self.end = last.unwrap_or(self.settled.mark);
        if self.read.sequence > next {
            self.read = Place {
                sequence: next,
                mark: self.end,
            };
        }
        self.open = Some(Open {
            journal,
            reader: None,
        });
        self.view.holds(self.held());
        Ok(())
    }

    /// The mark before the first record.
    fn first(&self, journal: &Journal<S>) -> Result<Option<Mark>> {
        let mut first = None;
        self.each(journal, journal.committed_sequence(), |begin, _| {
            first = Some(begin);
            false
        })?;
        Ok(first)
    }

    /// The mark behind the last record, looked for from `from` on.
    fn last(&self, journal: &Journal<S>, from: u64) -> Result<Option<Mark>> {
        let mut last = None;
        let from = from.max(journal.committed_sequence());
        self.each(journal, from, |_, end| {
            last = Some(end);
            true
        })?;
        Ok(last)
    }

    fn each(
        &self,
        journal: &Journal<S>,
        from: u64,
        mut each: impl FnMut(Mark, Mark) -> bool,
    ) -> Result<()> {
        let failed = Error::buffer(&self.folder);
        if from >= journal.next_sequence() {
            return Ok(());
        }
        let mut reader = journal.reader(from).map_err(&failed)?;
        while let Some(records) = reader.next_records().map_err(&failed)? {
            for (_, framed) in records {
                let Some((begin, rows, _)) = Mark::read(framed) else {
                    continue;
                };
                let end = begin.after(Mark {
                    rows,
                    bytes: framed.len() as u64,
                });
                if !each(begin, end) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// A journal that failed for good is closed, to be opened anew when it is needed.
    fn or_close<T>(&mut self, result: millpond_journal::Result<T>) -> Result<T> {
        let result = result.map_err(Error::buffer(&self.folder));
        if result.as_ref().is_err_and(|error| !error.is_full()) {
            self.open = None;
        }
        result
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
