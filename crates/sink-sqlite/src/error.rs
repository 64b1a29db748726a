use std::io;

use millpond_sinks::WriteError;
use rusqlite::{Error, ErrorCode};

/// What an error of SQLite means for rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may work later.
    Later,
    /// This row will never be taken.
    Refused,
    /// Nothing will ever work again.
    Never,
}

pub(crate) fn verdict(error: &Error) -> Verdict {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::SchemaChanged
            | ErrorCode::OperationAborted
            | ErrorCode::OperationInterrupted,
        ) => Verdict::Later,
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => {
            Verdict::Refused
        }
        _ => Verdict::Never,
    }
}

/// An error behind `done` rows that are written.
pub(crate) fn failed(error: &Error, done: usize) -> WriteError {
    let message = error.to_string();
    match verdict(error) {
        Verdict::Later => WriteError::transient(io::Error::other(message)).after(done),
        Verdict::Refused => WriteError::Rejected {
            done,
            reason: "rejected",
            detail: message,
        },
        Verdict::Never => WriteError::Fatal { done, message },
    }
}
