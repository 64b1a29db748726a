//! Letting go of records that are done with: checkpoint, sync, unlink, sync the names, in that order.
//! A crash in between leaves segments that nobody needs, which the next opening removes; the other way
//! round it would leave a checkpoint that asks for records that are gone.

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::storage::Storage;
use crate::writer::Journal;

impl<S: Storage> Journal<S> {
    /// Records that everything below `committed` is done with, and removes the segments that hold
    /// nothing else.
    pub fn truncate(&mut self, committed: u64) -> Result<()> {
        self.check_poison()?;
        let state = self.shared.lock();
        let (from, to) = (state.committed, state.durable);
        let blocking = state
            .unaccepted()
            .find(|damage| damage.from < committed && damage.matters(from))
            .cloned();
        drop(state);
        if committed < from || committed > to {
            return Err(Error::OutOfRange {
                sequence: committed,
                from,
                to,
            });
        }
        if let Some(damage) = blocking {
            return Err(Error::Damaged(damage));
        }
        if cfg!(millpond_seed_bug = "unlink_before_checkpoint") {
            self.shared.lock().committed = committed;
            self.remove_committed()?;
        }
        if committed > from {
            self.checkpoint = Checkpoint {
                committed,
                group: self.group,
                ..self.checkpoint.next()
            };
            let stored = self
                .checkpoint
                .store(&self.shared.storage, &self.checkpoint_file);
            self.or_poison(stored)?;
            self.shared.lock().committed = committed;
        }
        self.remove_committed()
    }

    /// Lets go of segments that lie below the committed sequence, the last one aside: some are kept
    /// to be used again, the others removed. One that cannot be removed is tried again the next time.
    pub(crate) fn remove_committed(&mut self) -> Result<()> {
        loop {
            let state = self.shared.lock();
            let [oldest, second, ..] = state.segments[..] else {
                break;
            };
            if second.first > state.committed {
                break;
            }
            drop(state);
            self.shared.lock().segments.remove(0);
            self.spares.push_back(oldest);
        }
        if self.remove_spares()? {
            let synced = self.shared.storage.sync_names();
            let synced = synced.map_err(|source| Error::io("sync", "the journal's folder", source));
            self.or_poison(synced)?;
        }
        Ok(())
    }
}
