use std::io;

/// What befalls a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails with this error, half done.
    Error(io::ErrorKind),
    /// It is done, but nobody hears of it: every call from here on fails, until
    /// [`kill`](super::Sim::kill) or [`cut_power`](super::Sim::cut_power).
    Stop,
}

impl Fault {
    /// The error that keeps a call on a name from doing anything.
    pub(super) fn before(self) -> Option<io::Error> {
        match self {
            Self::Error(kind) => Some(kind.into()),
            Self::Stop => None,
        }
    }
}

/// What a call that was done says.
pub(super) fn after<T>(fault: Option<Fault>, value: T) -> io::Result<T> {
    match fault {
        None => Ok(value),
        Some(Fault::Error(kind)) => Err(kind.into()),
        Some(Fault::Stop) => Err(gone()),
    }
}

pub(super) fn gone() -> io::Error {
    io::Error::other("the simulated machine has stopped")
}
