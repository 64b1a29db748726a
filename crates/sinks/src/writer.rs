use std::io;
use std::time::{Duration, Instant};

use crate::Rows;

/// The IO half of a sink: takes whole rows in order and hands them to the destination.
///
/// Only one thread uses a writer, so it may block. The driver behind [`spawn`](crate::spawn) calls
/// it by three rules:
///
/// - after a failed [`write`](Writer::write) the next one begins with the first row that was not
///   done, so nothing overtakes and nothing that was done is repeated; it may bring fewer rows, and
///   leave out rows that were set aside meanwhile;
/// - rows count as delivered once a [`flush`](Writer::flush) behind them has succeeded;
/// - after a failed flush, every row since the one before it is written again, except the leading
///   ones that the error calls done.
pub trait Writer: Send {
    /// Writes the rows in order; returns when all of them are handed to the destination.
    ///
    /// # Errors
    /// [`WriteError`], which says how many leading rows of `batches` are surely done.
    fn write(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError>;

    /// Makes what was written as durable as the sink is configured to.
    ///
    /// # Errors
    /// [`WriteError`]; its `done` counts from the first row after the flush before this one.
    fn flush(&mut self) -> Result<(), WriteError> {
        Ok(())
    }

    /// These rows, the next ones, are set aside and will not be written. Whether what tells of them
    /// elsewhere is durable by the time of a crash, nobody knows: a writer that remembers across crashes
    /// which rows it has must let these come again.
    fn set_aside(&mut self, rows: &[Rows<'_>]) {
        let _ = rows;
    }

    /// Opens the destination anew: somebody moved it away (SIGHUP).
    ///
    /// # Errors
    /// [`WriteError`]; the writer goes on with what it had open, if it can.
    fn reopen(&mut self) -> Result<(), WriteError> {
        Ok(())
    }

    /// Work that time calls for, such as rotation: called before the first write, and again when
    /// the returned moment has come. `None`: not again.
    ///
    /// # Errors
    /// [`WriteError`]; the work is then tried again.
    fn tick(&mut self, now: Instant) -> Result<Option<Instant>, WriteError> {
        let _ = now;
        Ok(None)
    }

    /// How long rows may gather when none waited, for a destination that nobody watches: fewer and larger
    /// writes then. Not when nothing more will come, or whoever has more finds no space for it.
    fn gather(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether rows that came while it wrote wait for others, too, for as long as [`gather`](Writer::gather) says: for
    /// a destination where each write costs much and nobody waits for it.
    fn gathers_after_writes(&self) -> bool {
        false
    }

    /// The last call: everything is written and flushed, and nothing more will come.
    fn finish(&mut self) {}

    /// The longest pause between two attempts that makes sense here, whatever the configuration says:
    /// shorter for what is near than for what many ask at once.
    fn longest_pause(&self) -> Duration {
        Duration::MAX
    }
}

/// Why rows were not written. `done` is the number of leading rows that surely are.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It may work later: the rows are tried again, in order.
    #[error("{error}")]
    Transient {
        /// Leading rows that are surely written.
        done: usize,
        /// What the system said.
        error: io::Error,
        /// For how long the destination wants to be left alone, if it said so.
        not_before: Option<Duration>,
    },
    /// The destination will never take the row behind those that are done: it is set aside, and the
    /// others are tried at once. No answer to [`Writer::tick`] or [`Writer::reopen`].
    #[error("{detail}")]
    Rejected {
        /// Leading rows that are surely written.
        done: usize,
        /// Why, in a word for machines.
        reason: &'static str,
        /// Why, for people.
        detail: String,
    },
    /// The reader at the other end is gone for good, which is no failure: the run may end quietly.
    #[error("the reader is gone")]
    Closed {
        /// Leading rows that are surely written.
        done: usize,
    },
    /// It will never work again.
    #[error("{message}")]
    Fatal {
        /// Leading rows that are surely written.
        done: usize,
        /// What happened.
        message: String,
    },
}

impl WriteError {
    /// How many leading rows are surely written.
    pub fn done(&self) -> usize {
        match self {
            WriteError::Transient { done, .. }
            | WriteError::Rejected { done, .. }
            | WriteError::Closed { done }
            | WriteError::Fatal { done, .. } => *done,
        }
    }

    /// The same error, with `before` more rows done.
    pub fn after(mut self, before: usize) -> Self {
        match &mut self {
            WriteError::Transient { done, .. }
            | WriteError::Rejected { done, .. }
            | WriteError::Closed { done }
            | WriteError::Fatal { done, .. } => *done += before,
        }
        self
    }

    /// A transient error before anything was done.
    pub fn transient(error: io::Error) -> Self {
        WriteError::Transient {
            done: 0,
            error,
            not_before: None,
        }
    }
}
