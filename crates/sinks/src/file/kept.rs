use std::io;

use super::positions::Positions;
use crate::rows::total_rows;
use crate::{Fresh, Rows, Skipped};

/// The rows of a file since the driver's last flush, and which of them are stored already: a file that is
/// moved away in between has its own rows stored before.
pub(crate) struct Kept {
    pub(crate) positions: Positions,
    written: usize,
    stored: usize,
    skipped: Skipped,
    /// What was not stored and is taken back; the next flush tells.
    failed: Option<(io::ErrorKind, String)>,
}

impl Kept {
    pub(crate) fn new(positions: Positions) -> Self {
        Kept {
            positions,
            written: 0,
            stored: 0,
            skipped: Skipped::default(),
            failed: None,
        }
    }

    /// The rows that are not there yet.
    pub(crate) fn fresh<'a>(&self, batches: &[Rows<'a>]) -> Fresh<'a> {
        self.positions.marks.fresh(batches)
    }

    /// What the driver hears of a write: with how many of the fresh rows done, `before` having been written
    /// since the last flush, how many of all.
    pub(crate) fn done(&mut self, before: usize, fresh: &Fresh<'_>, done: usize) -> usize {
        self.skipped.append(before, &fresh.skipped, done);
        fresh.skipped.done(done)
    }

    /// Rows written since the last flush.
    pub(crate) fn written(&self) -> usize {
        self.written
    }

    pub(crate) fn wrote(&mut self, batches: &[Rows<'_>]) {
        self.written += total_rows(batches);
        self.positions.marks.wrote(batches);
    }

    /// An error for as long as the driver does not know that rows were taken back.
    pub(crate) fn check(&self) -> io::Result<()> {
        match &self.failed {
            Some((kind, text)) => Err(io::Error::new(*kind, text.as_str())),
            None => Ok(()),
        }
    }

    /// All that was written is stored, or what is not is taken back.
    pub(crate) fn settled(&mut self, stored: io::Result<()>) -> io::Result<()> {
        match &stored {
            Ok(()) => self.stored = self.written,
            Err(error) => {
                self.positions.marks.undo();
                self.failed = Some((error.kind(), error.to_string()));
            }
        }
        stored
    }

    /// The driver hears of it: how many leading rows since the last flush are done, whatever comes of the
    /// others.
    pub(crate) fn flushed(&mut self) -> usize {
        let done = self.skipped.done(self.stored);
        (self.written, self.stored) = (0, 0);
        self.skipped = Skipped::default();
        self.failed = None;
        done
    }
}
