use std::io;
use std::path::PathBuf;

/// Why a source could not be opened, or not be read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`: {source}")]
    Listen {
        /// The address as configured.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be opened.
    #[error("cannot open `{}`: {source}", path.display())]
    Open {
        /// The path as configured.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The input cannot be read any further.
    #[error("cannot read `{input}`: {source}")]
    Read {
        /// The path, or `stdin`.
        input: String,
        /// What the system said.
        source: io::Error,
    },
    /// It was asked to acknowledge what is durable, and nothing makes it so.
    #[error(
        "source `{source_name}` has `ack = \"durable\"`, which needs a journal, and there is none: \
         expected a `[journal]`, or `ack` as \"received\" or \"delivered\""
    )]
    NoJournal {
        /// The source's name.
        source_name: String,
    },
    /// What a setting names cannot be used.
    #[error("{key}: {message}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// What is wrong, and what was expected.
        message: String,
    },
    /// The pipe that wakes a blocked reader cannot be made.
    #[error("cannot make a pipe to stop `{input}` by: {source}")]
    Pipe {
        /// The path, or the kind of the source.
        input: String,
        /// What the system said.
        source: io::Error,
    },
}
