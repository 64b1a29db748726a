use std::io;

use crate::recovery::Damage;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a journal did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process has the folder.
    #[error("{folder} is in use by another process, expected to have the journal to itself")]
    Locked {
        /// The journal's folder.
        folder: String,
    },
    /// There is no room within the journal's bound. Heals when [`crate::Journal::truncate`] frees a segment.
    #[error(
        "the journal holds {used} bytes and needs a segment of {needed} more, expected at most {bound} in all"
    )]
    Full {
        /// What its segments take up.
        used: u64,
        /// What one segment more would take.
        needed: u64,
        /// The bound.
        bound: u64,
    },
    /// There is no room on the disk. Nothing was accepted; heals when there is space.
    #[error("no space on the disk for segment {name}: {source}")]
    DiskFull {
        /// The segment that could not be allocated.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// These records fit in no segment.
    #[error("records of {size} bytes in one append, expected at most {bound}")]
    TooLarge {
        /// What they take up.
        size: u64,
        /// What fits.
        bound: u64,
    },
    /// A write or a sync failed, so that nobody knows what the disk holds: this journal accepts
    /// nothing more until it is opened anew.
    #[error("the journal stopped for good after an earlier failure: {reason}")]
    Poisoned {
        /// The failure that stopped it.
        reason: String,
    },
    /// The storage failed.
    #[error("cannot {doing} {name}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// There are segments, but neither the checkpoint nor any segment says which journal they are of.
    #[error(
        "neither the checkpoint nor the head of any segment can be read, expected at least one of them"
    )]
    Unreadable,
    /// Records that were once durable cannot be read; see [`crate::Journal::accept_damage`].
    #[error("{0}; nothing behind it is read until an operator accepts the loss")]
    Damaged(Damage),
    /// A sequence that the journal does not hold.
    #[error("sequence {sequence} is not in the journal, expected one from {from} to {to}")]
    OutOfRange {
        /// What was asked for.
        sequence: u64,
        /// The lowest that would do.
        from: u64,
        /// The highest that would do.
        to: u64,
    },
    /// An option that makes no sense.
    #[error("{name} = {value}, expected {expected}")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value.
        value: u64,
        /// What would do.
        expected: String,
    },
    /// The numbers of records or segments are used up: a journal of 2^64 of them.
    #[error("the journal has used up its {what} numbers")]
    Exhausted {
        /// Which.
        what: &'static str,
    },
}

impl Error {
    /// Whether the same call may succeed later, nothing having been accepted.
    pub fn heals(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::DiskFull { .. })
    }

    /// Whether nothing was accepted, and nothing is the worse for it.
    pub(crate) fn refuses(&self) -> bool {
        self.heals() || matches!(self, Self::Exhausted { .. })
    }

    pub(crate) fn io(doing: &'static str, name: &str, source: io::Error) -> Self {
        Self::Io {
            doing,
            name: name.to_owned(),
            source,
        }
    }
}

/// Whether the storage said that there is no space, which heals.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
