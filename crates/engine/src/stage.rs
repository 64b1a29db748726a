use std::fmt;

use crate::Output;

/// Microseconds since the Unix epoch, handed in by the caller: the engine reads no clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

/// One step of a line: looks at an event, changes it in place, and says what becomes of it.
///
/// A stage instance belongs to one line of one shard, so it is never shared and may keep state.
/// Only [`process`](Stage::process) is required.
pub trait Stage<E>: Send {
    /// Handles one event.
    ///
    /// What the stage makes in addition goes to `out` and is released when this call returns `Ok`,
    /// before the event itself goes on.
    ///
    /// # Errors
    ///
    /// An error concerns this event alone: it ends as failed, and what this call emitted is taken
    /// back. State that the stage changed before it failed stays changed.
    fn process(&mut self, event: &mut E, out: &mut Output<E>) -> Result<Flow, StageError>;

    /// Time has passed; called now and then between events, with no promise how often.
    ///
    /// # Errors
    ///
    /// What this call emitted is taken back, and the error is reported without an event.
    fn tick(&mut self, now: Timestamp, out: &mut Output<E>) -> Result<(), StageError> {
        let _ = (now, out);
        Ok(())
    }

    /// The input has truly ended: the last chance to emit what is still held.
    ///
    /// # Errors
    ///
    /// As for [`tick`](Stage::tick).
    fn finish(&mut self, out: &mut Output<E>) -> Result<(), StageError> {
        let _ = out;
        Ok(())
    }

    /// Appends the state to `into`. Called only where the factory says
    /// [`is_stateful`](crate::StageFactory::is_stateful).
    fn save(&self, into: &mut Vec<u8>) {
        let _ = into;
    }

    /// Takes over a state that [`save`](Stage::save) wrote.
    ///
    /// # Errors
    ///
    /// When `from` is not such a state; the stage must not be used afterwards.
    fn load(&mut self, from: &[u8]) -> Result<(), StageError> {
        let _ = from;
        Ok(())
    }
}

/// What becomes of the event that a stage was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It goes on to the next stage, or leaves the line after the last one.
    Pass,
    /// The stage said no; it ends here.
    Filter,
    /// It became the events that the stage emitted; it ends here.
    Consume,
    /// It went into the stage's state; it ends here.
    Absorb,
    /// It is given up on purpose, and counted under this reason.
    Drop(Reason),
}

/// The machine name of why an event was dropped, such as `too_late`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reason(&'static str);

impl Reason {
    /// A reason by its name: lower case, words joined by underscores.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name, fit to label a metric.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Why a stage could not handle an event.
///
/// One word wide, so that what a stage returns stays small where nothing fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", .0.reason, .0.message)]
pub struct StageError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    reason: &'static str,
    message: String,
}

impl StageError {
    /// An error with a machine name (`not_an_array`, fit to label a metric) and a message for people.
    #[must_use]
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { reason, message }))
    }

    /// The machine name.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.0.reason
    }

    /// The message for people: what was found and what was expected.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }
}
