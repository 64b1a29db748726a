use serde::Deserialize;
use serde_json::Value;

/// What may be changed by whoever knows the token.
pub trait Control: Send + Sync {
    /// The token. It is compared in constant time, and never shown.
    fn token(&self) -> &str;

    /// Begins to do what is ordered, and says under which number it is shown. Must not wait.
    ///
    /// # Errors
    /// What stands against it at the moment.
    fn begin(&self, order: Order) -> Result<u64, String>;

    /// Lets a paused pipeline go on. Must not wait.
    ///
    /// # Errors
    /// Why there is nothing to resume.
    fn resume(&self, pipeline: &str) -> Result<(), String>;

    /// Pauses a pipeline. Must not wait.
    ///
    /// # Errors
    /// Why it cannot be.
    fn pause(&self, pipeline: &str) -> Result<(), String>;

    /// Takes over what has changed in the configuration, and says which keys did. May take a while.
    ///
    /// # Errors
    /// Why nothing was taken over.
    fn reload(&self) -> Result<Vec<String>, NotReloaded>;

    /// How the last order does.
    fn last(&self) -> Value;

    /// Changes how many workers there are. Must not wait.
    ///
    /// # Errors
    /// Why there cannot be so many.
    fn set_workers(&self, workers: u64) -> Result<(), String>;

    /// Where the token can be read by whoever may, if it is in a file.
    fn token_file(&self) -> Option<String> {
        None
    }
}

/// Why a configuration was not taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReloaded {
    /// It is wrong.
    Invalid(String),
    /// It may be right, and needs more than a reload.
    Conflict(String),
}

/// What is to be done with dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What.
    pub kind: OrderKind,
    /// With which.
    pub letters: Wanted,
}

/// What can be done with dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKind {
    /// Run them through their pipeline again.
    Replay,
    /// Delete them.
    Purge,
}

/// Which pipeline is meant: the body of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfPipeline {
    pub(crate) pipeline: String,
}

/// Which dead letters are meant: the body of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Conditions such as `reason=refused`; with none, every letter.
    #[serde(rename = "where")]
    pub conditions: Vec<String>,
    /// Those too that have been replayed before.
    #[serde(default)]
    pub again: bool,
}
