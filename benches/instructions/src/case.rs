use std::error::Error;

pub(crate) type Failure = Box<dyn Error>;

/// A named piece of work that is counted.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The case whose work this one does, too: its count is taken off.
    pub(crate) beyond: Option<&'static str>,
    pub(crate) prepare: fn() -> Result<Work, Failure>,
}

/// Work that can be done again and again.
pub(crate) struct Work {
    /// How many events a round has.
    pub(crate) events: u64,
    pub(crate) round: Box<dyn FnMut()>,
}

impl Case {
    /// Does `rounds` rounds and says how many events each had.
    pub(crate) fn run(&self, rounds: u32) -> Result<u64, Failure> {
        let mut work = (self.prepare)().map_err(|error| format!("{}: {error}", self.name))?;
        for _ in 0..rounds {
            (work.round)();
        }
        Ok(work.events)
    }
}

impl Work {
    pub(crate) fn new(events: u64, round: impl FnMut() + 'static) -> Self {
        Work {
            events,
            round: Box::new(round),
        }
    }
}
