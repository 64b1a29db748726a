use std::path::{Path, PathBuf};

use crate::Class;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The journal underneath refused.
    #[error("dead letters in {}: {source}", folder.display())]
    Journal {
        /// The journal's folder.
        folder: PathBuf,
        /// What it said.
        source: millpond_journal::Error,
    },
    /// The folder cannot be read.
    #[error("cannot list the dead letters in {}: {source}", folder.display())]
    Folder {
        /// The journal's folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The journal of a sink's buffer refused.
    #[error("the buffer in {}: {source}", folder.display())]
    Buffer {
        /// The journal's folder.
        folder: PathBuf,
        /// What it said.
        source: millpond_journal::Error,
    },
    /// There are as many letters of accepted events as the store may hold.
    #[error(
        "the dead letters of accepted events fill {} with {held} bytes, expected at most {bound}: \
         replay or purge some, or give it more room",
        folder.display()
    )]
    Full {
        /// The journal's folder.
        folder: PathBuf,
        /// What they take up.
        held: u64,
        /// What they may take up.
        bound: u64,
    },
    /// What was to be taken in is no letter.
    #[error("a record to be kept {problem}, expected a letter")]
    NotALetter {
        /// What is wrong with it.
        problem: String,
    },
    /// A record that this version cannot read.
    #[error("letter {class}-{sequence} in {} {problem}", folder.display())]
    Unreadable {
        /// The journal's folder.
        folder: PathBuf,
        /// Which journal.
        class: Class,
        /// The letter's number.
        sequence: u64,
        /// What is wrong with it.
        problem: String,
    },
}

/// Letters from the `taken`th on were not taken in.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct NotTaken {
    /// How many were, and are durable after the next sync: none if the disk failed, for then all since the last sync may be
    /// lost.
    pub taken: usize,
    /// Why not the next.
    pub error: Error,
}

impl NotTaken {
    /// After the first `taken` were given to the journal.
    pub(crate) fn after(taken: usize, error: Error) -> Self {
        let lasts = match &error {
            Error::Journal { source, .. } => source.heals(),
            Error::Full { .. } | Error::NotALetter { .. } => true,
            Error::Folder { .. } | Error::Buffer { .. } | Error::Unreadable { .. } => false,
        };
        NotTaken {
            taken: if lasts { taken } else { 0 },
            error,
        }
    }
}

impl Error {
    /// Whether another process has the store.
    pub fn is_locked(&self) -> bool {
        matches!(
            self,
            Self::Journal {
                source: millpond_journal::Error::Locked { .. },
                ..
            } | Self::Buffer {
                source: millpond_journal::Error::Locked { .. },
                ..
            }
        )
    }

    /// Whether a buffer has no room for what it was to take in: it may have later, or never have for so
    /// large a record.
    pub fn is_full(&self) -> bool {
        let Self::Buffer { source, .. } = self else {
            return false;
        };
        source.heals() || matches!(source, millpond_journal::Error::TooLarge { .. })
    }

    pub(crate) fn buffer(folder: &Path) -> impl Fn(millpond_journal::Error) -> Self + '_ {
        |source| Self::Buffer {
            folder: folder.to_owned(),
            source,
        }
    }

    pub(crate) fn journal(folder: &Path) -> impl Fn(millpond_journal::Error) -> Self + '_ {
        |source| Self::Journal {
            folder: folder.to_owned(),
            source,
        }
    }
}
