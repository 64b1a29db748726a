//! Looking at events while they pass: what may be asked for, and who opens it.

use millpond_tap::{Sample, Tap};

/// Opens taps. Asked only for requests with the token.
pub trait Taps: Send + Sync {
    /// Opens what is wanted. Must not wait.
    ///
    /// # Errors
    /// Why it cannot be.
    fn open(&self, wanted: &TapWanted) -> Result<Tapped, TapRefusal>;
}

/// What somebody wants to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapWanted {
    /// Where.
    pub at: TapAt,
    /// Only events for which these hold.
    pub conditions: Vec<String>,
    /// So many events a second at most.
    pub rate: u32,
}

/// A place to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TapAt {
    /// What a source takes in, as it came.
    Source(String),
    /// What comes to a stage.
    Stage {
        /// The pipeline that it is in.
        pipeline: String,
        /// Its name.
        stage: String,
    },
    /// What a sink has written.
    Sink(String),
    /// What is set aside.
    DeadLetters,
}

/// Why a tap cannot be opened, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TapRefusal {
    /// The conditions are not understood.
    Bad(String),
    /// There is no such place; which there are.
    Unknown(String),
    /// It can never be done here.
    Cannot(String),
    /// Not at the moment.
    Later(String),
}

/// Writes a sample down as one line of JSON, if it is wanted. Told how many events passed unseen before it.
pub type ShowSample = Box<dyn FnMut(&Sample, u64) -> Option<String> + Send>;

/// An open tap; it is closed when this is dropped.
pub struct Tapped {
    /// What comes out of it.
    pub tap: Tap,
    /// How many events have passed since it was opened, where the tap does not know.
    pub passed: Option<Box<dyn Fn() -> u64 + Send>>,
    /// How a sample is shown.
    pub show: ShowSample,
}
