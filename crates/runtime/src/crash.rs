use std::sync::Arc;

use crate::intensity::Tolerance;

/// An event crashed its line, and is set aside for it.
#[derive(Clone, Copy, Debug)]
pub struct Crash<'a> {
    /// The pipeline.
    pub pipeline: &'a str,
    /// The stage that crashed, or `decode`.
    pub stage: &'a str,
    /// What it said, or how its process ended.
    pub message: &'a str,
    /// The place in the source code, where it is known.
    pub location: Option<&'a str>,
    /// The event as it came in.
    pub event: &'a [u8],
}

/// Keeps what reproduces a crash, and says where; not every one has to be kept. Called by the worker whose line
/// crashed, before the event is set aside.
pub type KeepCrash = Arc<dyn Fn(&Crash<'_>) -> Option<String> + Send + Sync>;

/// What is done about the crashes of a pipeline.
#[derive(Clone, Default)]
pub struct Supervision {
    /// How often its line may crash before it is paused.
    pub tolerance: Tolerance,
    /// Keeps what reproduces them.
    pub keep_crash: Option<KeepCrash>,
}

impl Supervision {
    /// Has a crash kept, and says what the dead letter says of it: with it, where it is kept.
    pub(crate) fn keep(&self, crash: &Crash<'_>) -> String {
        let mut told = match crash.location {
            Some(location) => format!("{} at {location}", crash.message),
            None => crash.message.to_owned(),
        };
        if let Some(file) = self.keep_crash.as_ref().and_then(|keep| keep(crash)) {
            told.push_str("; `millpond replay ");
            told.push_str(&file);
            told.push_str("` reproduces it");
        }
        told
    }
}
