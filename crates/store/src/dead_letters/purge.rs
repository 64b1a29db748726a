//! Deleting letters from the midst of a journal.

use millpond_journal::Storage;

use super::record::{Kept, Record};
use super::shelf::{FRAMING, Shelf};
use super::{Filter, Found, Id};
use crate::{Error, Result};

impl<S: Storage> Shelf<S> {
    /// Deletes the letters that `filter` wants, and returns how many.
    ///
    /// A journal can only be let go of from its front. So letters that stay are written anew behind the others,
    /// a few at a time, and then the old ones go: nothing is ever lost, and a crash leaves copies that do not count.
    pub(crate) fn purge(&mut self, filter: &Filter) -> Result<u64> {
        self.index().begin_run();
        let purged = self.rewrite_without(filter);
        if purged.is_err() {
            // What is gone and what is not is counted anew at the next opening.
            self.journal = None;
        }
        purged
    }

    fn rewrite_without(&mut self, filter: &Filter) -> Result<u64> {
        let (begin, end) = self.extent()?;
        let mut wanted = 0;
        self.each(begin, end, |found| {
            wanted += u64::from(filter.matches(found));
            Ok(())
        })?;
        if wanted == 0 {
            return Ok(0);
        }
        let mut copies: Vec<Vec<u8>> = Vec::new();
        let mut at = begin;
        while at < end {
            let batch = self.segment_bytes / 2;
            let mut size = 0;
            let next = self.each_until(at, end, |found| {
                if !filter.matches(found) {
                    let copy = Kept {
                        letter: found.letter,
                        replayed: found.replayed,
                        copy_of: Some(found.id.sequence),
                    };
                    let mut record = Vec::new();
                    copy.write(&mut record);
                    size += record.len() as u64 + FRAMING;
                    copies.push(record);
                }
                Ok(size < batch)
            })?;
            for record in copies.drain(..) {
                let sequence = self.write(&record)?;
                if let Ok(Record::Letter(kept)) = Record::read(&record) {
                    let held = record.len() as u64 + FRAMING;
                    self.index().add(sequence, held, Some(&kept));
                }
            }
            self.sync()?;
            self.truncate(next)?;
            at = next;
        }
        self.index().full = false;
        Ok(wanted)
    }

    /// The sequences of all that is durable.
    pub(super) fn extent(&mut self) -> Result<(u64, u64)> {
        self.sync()?;
        let journal = self.journal()?;
        Ok((journal.committed_sequence(), journal.durable_sequence()))
    }

    pub(super) fn each(
        &mut self,
        from: u64,
        to: u64,
        mut each: impl FnMut(&Found<'_>) -> Result<()>,
    ) -> Result<()> {
        self.each_until(from, to, |found| each(found).map(|()| true))
            .map(|_| ())
    }

    /// Hands over the letters of `from..to` while it is told to go on, and says where to go on later.
    fn each_until(
        &mut self,
        from: u64,
        to: u64,
        mut each: impl FnMut(&Found<'_>) -> Result<bool>,
    ) -> Result<u64> {
        let folder = self.folder.clone();
        let class = self.class;
        let journal = self.journal()?;
        let committed = journal.committed_sequence();
        let mut reader = journal.reader(from).map_err(Error::journal(&folder))?;
        while let Some(records) = reader.next_records().map_err(Error::journal(&folder))? {
            for (sequence, bytes) in records {
                if sequence >= to {
                    return Ok(to);
                }
                let record = Record::read(bytes);
                let kept = match record.map_err(|problem| self.unreadable(sequence, problem))? {
                    Record::Letter(kept) if kept.copy_of.is_none_or(|of| of < committed) => kept,
                    _ => continue,
                };
                let found = Found {
                    id: Id { class, sequence },
                    letter: kept.letter,
                    replayed: kept.replayed || self.replayed.contains(sequence),
                };
                if !each(&found)? {
                    return Ok(sequence + 1);
                }
            }
        }
        Ok(to)
    }
}
