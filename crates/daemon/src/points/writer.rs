use std::sync::Arc;
use std::time::{Duration, Instant};

use millpond_sinks::{Rows, WriteError, Writer};
use millpond_tap::{Point, Sample};

/// A writer whose rows can be looked at once its destination has taken them.
pub(super) struct Shown {
    writer: Box<dyn Writer>,
    point: Arc<Point>,
}

impl Shown {
    pub(super) fn new(writer: Box<dyn Writer>, point: Arc<Point>) -> Self {
        Shown { writer, point }
    }

    /// The first `done` rows went through.
    fn show(&self, batches: &[Rows<'_>], mut done: usize) {
        for batch in batches {
            let rows = batch.len().min(done);
            if rows > 0 {
                self.point.pass(rows, |row| Sample::of(batch.row(row)));
            }
            done -= rows;
        }
    }
}

impl Writer for Shown {
    fn write(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        let written = self.writer.write(batches);
        if self.point.is_watched() {
            let done = match &written {
                Ok(()) => usize::MAX,
                Err(error) => error.done(),
            };
            self.show(batches, done);
        }
        written
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        self.writer.flush()
    }

    fn set_aside(&mut self, rows: &[Rows<'_>]) {
        self.writer.set_aside(rows);
    }

    fn reopen(&mut self) -> Result<(), WriteError> {
        self.writer.reopen()
    }

    fn tick(&mut self, now: Instant) -> Result<Option<Instant>, WriteError> {
        self.writer.tick(now)
    }

    fn gather(&self) -> Duration {
        self.writer.gather()
    }

    fn gathers_after_writes(&self) -> bool {
        self.writer.gathers_after_writes()
    }

    fn finish(&mut self) {
        self.writer.finish();
    }

    fn longest_pause(&self) -> Duration {
        self.writer.longest_pause()
    }
}
