//! What a journal asks of the place where it keeps its files.

use std::io;
use std::ops::Range;

/// A flat folder of files: real ones ([`crate::Files`]), or a simulation that can lose what was not
/// synced ([`crate::sim::Sim`]).
///
/// The promises that a journal builds on are those of POSIX and less: bytes written are safe once
/// [`sync`](Storage::sync) has returned, names made, changed or removed once
/// [`sync_names`](Storage::sync_names) has; before that each of them may survive or not, in any order,
/// so that a file whose name was changed may have both names or none.
pub trait Storage: Send + Sync {
    /// An open file. It stays readable after its name is removed.
    type File: Send + Sync;

    /// The names that exist, in any order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes an empty file; fails if the name exists.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file that exists.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Gives the file `from` the name `to`, which must be free.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes durable which names exist.
    fn sync_names(&self) -> io::Result<()>;

    /// The length of `file`.
    fn len(&self, file: &Self::File) -> io::Result<u64>;

    /// Fills `buffer` from `offset`, and says how much of it: less than all only at the file's end.
    fn read_at(&self, file: &Self::File, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`, past the end too.
    fn write_at(&self, file: &Self::File, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes durable what was written to `file`, its length included. Says nothing about its name.
    fn sync(&self, file: &Self::File) -> io::Result<()>;

    /// What lies there, and is synced, is not wanted soon: memory that a cache has spent on it may serve
    /// others. A hint, which changes nothing that can be read.
    fn forget(&self, _file: &Self::File, _bytes: Range<u64>) {}
}
