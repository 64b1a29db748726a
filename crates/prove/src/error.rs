use std::io;
use std::path::{Path, PathBuf};

/// Why the proof could not be run to its verdict. What the daemon does wrong is no error but part of the verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something on this machine does not work.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What came of it.
        error: io::Error,
    },
    /// The directory to keep the trial in holds something already.
    #[error("{} is not empty, expected a new or empty directory to keep the trial in", .0.display())]
    NotEmpty(PathBuf),
    /// The tcp sink's peer cannot listen.
    #[error("cannot listen on 127.0.0.1 for the tcp sink: {0}")]
    Listen(io::Error),
    /// There is nowhere to write the table to.
    #[error("cannot write the table: {0}")]
    Output(io::Error),
    /// Somebody asked for the end.
    #[error("interrupted: nothing is proved")]
    Interrupted,
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Error::Io {
            action,
            path,
            error,
        }
    }
}
