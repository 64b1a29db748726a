use std::io;
use std::path::PathBuf;

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The file of headers cannot be read.
    #[error("cannot read the headers in {}: {source}", path.display())]
    Headers {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of it is no header. What it says is a secret.
    #[error("line {line} of {} is no header, expected NAME: VALUE", path.display())]
    Header {
        /// Its path.
        path: PathBuf,
        /// Which one, from 1.
        line: usize,
    },
    /// An `https` endpoint, and no certificate that could vouch for it.
    #[error("the system has no certificates to trust")]
    NoRoots,
    /// The exporter does not take the settings.
    #[error("{0}")]
    Refused(String),
}
