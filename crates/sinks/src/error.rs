use std::io;
use std::path::PathBuf;

/// Why a sink could not be opened, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The system refused a file or directory.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried, as in "cannot ... PATH".
        action: &'static str,
        /// The path at fault.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file or directory has a writer already, in this process or another one.
    #[error("{} is already being written by another sink or process, expected a path of its own", path.display())]
    InUse {
        /// The path at fault.
        path: PathBuf,
    },
    /// The path leads to something that a sink cannot append rows to.
    #[error("{} is {found}, expected a regular file or a path that does not exist yet", path.display())]
    NotAFile {
        /// The path at fault.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The destination is not what was expected.
    #[error("cannot use {destination}: {message}")]
    Unusable {
        /// Its name.
        destination: String,
        /// What it is like, and what was expected.
        message: String,
    },
    /// Standard output cannot be used.
    #[error("cannot use standard output: {error}")]
    Stdout {
        /// What the system said.
        error: io::Error,
    },
    /// The operating system gave no thread for the writer.
    #[error("cannot start the writer of sink {sink:?}: {error}")]
    Thread {
        /// The sink's name.
        sink: String,
        /// What the system said.
        error: io::Error,
    },
    /// The writer failed for good while it ran.
    #[error("sink {sink:?} failed: {message}")]
    Failed {
        /// The sink's name.
        sink: String,
        /// What happened.
        message: String,
    },
}

impl SinkError {
    /// The sink that it is about, where that is known.
    pub fn sink(&self) -> Option<&str> {
        match self {
            SinkError::Thread { sink, .. } | SinkError::Failed { sink, .. } => Some(sink),
            _ => None,
        }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, error: io::Error) -> Self {
        SinkError::Io {
            action,
            path: path.into(),
            error,
        }
    }
}
