//! Why the daemon did not start.

use crate::config::{Place, nest};

/// Why the daemon did not start, and so how it exits.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The configuration is wrong: exit 78.
    #[error("{at}{message}")]
    Config { at: Place, message: String },
    /// What the configuration names could not be opened: exit 1.
    #[error("{at}{message}")]
    Open { at: Place, message: String },
    /// What the processes of workers are told cannot be written: exit 1.
    #[error("the orders for the processes of workers: {0}")]
    Orders(serde_json::Error),
    /// Nobody can be sent spans: exit 1.
    #[error("tracing.otlp: {0}")]
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "they are not sent"))]
    Spans(String),
    /// The workers could not be started: exit 1.
    #[error(transparent)]
    Runtime(#[from] millpond_runtime::RuntimeError),
}

/// An error of a component's own settings: the key inside the component, and what is wrong.
pub(crate) trait Setting {
    fn parts(self) -> (String, String);
}

impl Setting for millpond_stages::ConfigError {
    fn parts(self) -> (String, String) {
        (self.key, self.message)
    }
}

impl Setting for millpond_sinks::ConfigError {
    fn parts(self) -> (String, String) {
        (self.key, self.message)
    }
}

impl Setting for millpond_ingest::ConfigError {
    fn parts(self) -> (String, String) {
        (self.key, self.message)
    }
}

impl StartError {
    pub(crate) fn at(place: &Place, message: String) -> Self {
        StartError::Config {
            at: place.clone(),
            message,
        }
    }

    pub(crate) fn config(place: &Place, error: impl Setting) -> Self {
        let (key, message) = error.parts();
        let at = Place {
            origin: place.origin.clone(),
            key: nest(&place.key, &key),
        };
        StartError::Config { at, message }
    }

    pub(crate) fn open(place: &Place, error: impl std::error::Error) -> Self {
        StartError::Open {
            at: place.clone(),
            message: error.to_string(),
        }
    }

    /// Something at `place` could not be opened.
    pub(crate) fn failed_at(place: &Place, message: String) -> Self {
        StartError::Open {
            at: place.clone(),
            message,
        }
    }

    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            StartError::Config { .. } => 78,
            _ => 1,
        }
    }
}
