//! Why the daemon did not start.

use crate::config::{Component, Place};

/// Why the daemon did not start, and so how it exits.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The configuration is wrong: exit 78.
    #[error("{origin}: {key}: {message}")]
    Config {
        origin: String,
        key: String,
        message: String,
    },
    /// A source or a sink could not be opened: exit 1.
    #[error("{what} {name:?}: {message}")]
    Open {
        what: &'static str,
        name: String,
        message: String,
    },
    /// The admin listener could not be opened: exit 1.
    #[error(transparent)]
    Admin(#[from] millpond_admin::AdminError),
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
            origin: place.origin.clone(),
            key: place.key.clone(),
            message,
        }
    }

    pub(crate) fn config(place: &Place, error: impl Setting) -> Self {
        let (key, message) = error.parts();
        let key = if key.is_empty() {
            place.key.clone()
        } else {
            format!("{}.{key}", place.key)
        };
        StartError::Config {
            origin: place.origin.clone(),
            key,
            message,
        }
    }

    pub(crate) fn source(component: &Component, error: millpond_ingest::SourceError) -> Self {
        StartError::Open {
            what: "source",
            name: component.name.clone(),
            message: error.to_string(),
        }
    }

    pub(crate) fn sink(name: &str, error: millpond_sinks::SinkError) -> Self {
        StartError::Open {
            what: "sink",
            name: name.to_owned(),
            message: error.to_string(),
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
