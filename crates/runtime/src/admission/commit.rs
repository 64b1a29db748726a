use std::sync::atomic::Ordering;
use std::time::Instant;

use millpond_journal::{Error, Storage};

use super::keep::Keep;
use super::writer::{Halt, Kept, Writer};

/// What the writer does beside writing: it lets go of what is done with.
impl<K: Keep, S: Storage> Writer<K, S> {
    /// Appends a summary, if there is anything new to sum up.
    pub(super) fn append_summary(&mut self) -> Result<(), Halt> {
        if !self.unsummed {
            return Ok(());
        }
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        let wanted = self.keep.summary(&mut record);
        self.unsummed = false;
        self.summed_at = Instant::now();
        let appended = if wanted {
            match self.journal.append(&[&record]) {
                Ok(sequences) => {
                    self.group.push((sequences.start, Kept::Summary));
                    Ok(())
                }
                // There will be another time.
                Err(error) if error.heals() => {
                    self.unsummed = true;
                    Ok(())
                }
                Err(error) => Err(Halt::Failed(error)),
            }
        } else {
            Ok(())
        };
        self.record = record;
        appended
    }

    pub(super) fn commit_in_time(&mut self) -> Result<(), Halt> {
        let due = self.committed_at.elapsed() >= self.options.commit_every;
        if !due && !self.shared.lock().pressed {
            return Ok(());
        }
        self.commit_all()
    }

    /// Commits what has settled. Where there are summaries, a new one first, if the latest holds it up.
    fn commit_all(&mut self) -> Result<(), Halt> {
        let settled = self.shared.settled();
        let holds = |summary: u64| settled > summary;
        if settled > self.journal.committed_sequence()
            && self.unsummed
            && self.summary.is_none_or(holds)
        {
            self.append_summary()?;
            self.sync()?;
        }
        self.commit(settled)
    }

    pub(super) fn commit(&mut self, settled: u64) -> Result<(), Halt> {
        self.committed_at = Instant::now();
        let to = self.summary.map_or(settled, |summary| summary.min(settled));
        if to <= self.journal.committed_sequence() {
            // Segments of an earlier commit may still have to go.
            return Ok(());
        }
        let bytes = self.bytes_below(settled);
        match self.journal.truncate(to) {
            Ok(()) => {}
            // Held by the damage; what can be committed below it was, or will be at the next start.
            Err(Error::Damaged(_)) => return Ok(()),
            Err(error) => return Err(Halt::Failed(error)),
        }
        self.shared.counts.committed.store(to, Ordering::Relaxed);
        self.shared.change(|state| {
            state.committed_bytes = bytes;
            state.pressed = false;
        });
        Ok(())
    }

    /// The bytes of all records below `settled`: an estimate, where pipelines are owed some of those that others have
    /// settled.
    fn bytes_below(&self, settled: u64) -> u64 {
        let progress = self.shared.prefix.progress();
        if settled >= progress.settled {
            return progress.settled_bytes;
        }
        let committed = self.journal.committed_sequence();
        let before = self.shared.lock().committed_bytes;
        let bytes = progress.settled_bytes.saturating_sub(before);
        let share = u128::from(settled.saturating_sub(committed)) * u128::from(bytes)
            / u128::from((progress.settled - committed).max(1));
        before + u64::try_from(share).unwrap_or(bytes)
    }

    /// Nothing more comes: commits what settles until everything that can has.
    pub(super) fn settle(&mut self) -> Result<(), Halt> {
        loop {
            self.commit_all()?;
            let state = self.shared.lock();
            let settled = self.shared.settled();
            if state.finished || (state.read && settled == state.durable) {
                drop(state);
                return self.commit_all();
            }
            drop(self.shared.wait_for(state, self.options.commit_every));
        }
    }
}
