use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millpond_journal::Files;

use super::batch::Batch;
use super::index::Index;
use super::ranges::Ranges;
use super::shelf::{Bound, LEAST, Shelf, lock};
use super::{Class, Count, Filter, Glimpse, Group, Id};
use crate::{NotTaken, Result};

/// The store of dead letters, which this process has to itself. Clones are handles of the same store.
///
/// Half of its size is for rejects and half for accepted events, so that neither takes the other's room.
#[derive(Clone)]
pub struct DeadLetters {
    shelves: Arc<Mutex<[Shelf<Files>; 2]>>,
    view: DeadLettersView,
}

/// Counts of the store, read without waiting for the disk. Clones are cheap.
#[derive(Clone)]
pub struct DeadLettersView {
    indexes: [Arc<Mutex<Index>>; 2],
}

impl DeadLetters {
    /// Opens the store in `folder`, making it if need be. `max`: the most bytes it may take up, at least 64 KiB.
    ///
    /// # Errors
    /// When the folder cannot be used, is in use ([`Error::is_locked`](crate::Error::is_locked)), or holds letters of another release.
    pub fn open(folder: impl AsRef<Path>, max: u64) -> Result<Self> {
        warn_of_old_files(folder.as_ref());
        Self::open_within(folder.as_ref(), Bound::Share(max.max(LEAST) / 2))
    }

    /// Opens the store in `folder` for whoever does not know how large it may be: to purge it, say.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_as_it_is(folder: impl AsRef<Path>) -> Result<Self> {
        Self::open_within(folder.as_ref(), Bound::AsItIs)
    }

    fn open_within(folder: &Path, bound: Bound) -> Result<Self> {
        let open = |class: Class| {
            let folder = folder.join(class.as_str());
            let opened = folder.clone();
            let storage = Box::new(move || Files::open(&opened));
            Shelf::open(class, &folder, bound, storage)
        };
        let shelves = [open(Class::Rejects)?, open(Class::Accepted)?];
        let view = DeadLettersView {
            indexes: [shelves[0].shared_index(), shelves[1].shared_index()],
        };
        Ok(DeadLetters {
            shelves: Arc::new(Mutex::new(shelves)),
            view,
        })
    }

    /// A read-only view for metrics.
    pub fn view(&self) -> DeadLettersView {
        self.view.clone()
    }

    /// Takes in letters in order, as [`Letter::write_record`](super::Letter::write_record) wrote them. They are
    /// durable after the next [`sync`](Self::sync).
    ///
    /// # Errors
    /// [`Error::Full`](crate::Error::Full) for an accepted event that there is no room for: nothing is deleted for it. It may be
    /// offered again, as it may after every other failure; [`NotTaken`] says how many before it need not be.
    pub fn append<'a>(&self, records: impl IntoIterator<Item = &'a [u8]>) -> Result<(), NotTaken> {
        let mut shelves = self.lock();
        let mut batch = Batch::new(&mut shelves);
        records
            .into_iter()
            .try_for_each(|record| batch.push(record))?;
        batch.finish()
    }

    /// Makes durable what was taken in.
    ///
    /// # Errors
    /// When the disk fails. Letters since the sync before may be there or not, and are best taken in again.
    pub fn sync(&self) -> Result<()> {
        let mut shelves = self.lock();
        shelves.iter_mut().try_for_each(Shelf::sync)
    }

    /// Marks letters as replayed; durable when it returns.
    ///
    /// # Errors
    /// When the marks cannot be written. They may be there or not.
    pub fn mark_replayed(&self, letters: &[Id]) -> Result<()> {
        let mut shelves = self.lock();
        for class in Class::ALL {
            let mut marks = Ranges::default();
            for id in letters.iter().filter(|id| id.class == class) {
                marks.add(id.sequence, id.sequence + 1);
            }
            shelves[class as usize].mark(&marks)?;
        }
        Ok(())
    }

    /// Deletes the letters that `filter` wants, and returns how many there were.
    ///
    /// # Errors
    /// When the disk fails; some of them may be gone then.
    pub fn purge(&self, filter: &Filter) -> Result<u64> {
        let mut shelves = self.lock();
        let mut purged = 0;
        for shelf in shelves.iter_mut() {
            purged += shelf.purge(filter)?;
        }
        Ok(purged)
    }

    /// A shelf closes its journal at every failure and opens it anew, so one whose user panicked serves too.
    fn lock(&self) -> MutexGuard<'_, [Shelf<Files>; 2]> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeadLettersView {
    /// How many letters there are of each group of a class.
    pub fn groups(&self, class: Class) -> BTreeMap<Group, Count> {
        self.index(class).groups()
    }

    /// The letters that came last, newest first: a few of each class.
    pub fn latest(&self) -> Vec<Glimpse> {
        let of = |class| {
            let index = self.index(class);
            index.latest.letters().cloned().collect::<Vec<_>>()
        };
        let mut latest = Class::ALL.map(of).concat();
        latest.sort_by_key(|letter| std::cmp::Reverse((letter.time_micros, letter.id)));
        latest
    }

    /// Rejects that this process deleted to make room for others.
    pub fn deleted(&self) -> u64 {
        self.index(Class::Rejects).deleted
    }

    /// What the letters take up.
    pub fn bytes(&self) -> u64 {
        Class::ALL
            .map(|class| self.index(class).bytes())
            .iter()
            .sum()
    }

    /// Whether an accepted event waits because there is no room for its letter.
    pub fn is_full(&self) -> bool {
        self.index(Class::Accepted).full
    }

    fn index(&self, class: Class) -> MutexGuard<'_, Index> {
        lock(&self.indexes[class as usize])
    }
}

/// Earlier releases kept letters in files of lines. They are left as they are, and nothing reads them.
fn warn_of_old_files(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut old: Vec<String> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.starts_with("dead-letters-") && name.ends_with(".ndjson"))
        .collect();
    if !old.is_empty() {
        old.sort();
        let (folder, files) = (folder.display(), old.join(", "));
        tracing::warn!(%folder, files, "dead letters of an earlier release are left as they are, outside of the store");
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
