use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::UNIX_EPOCH;

use xxhash_rust::xxh3::xxh3_64;

/// How far each partition of a source had come when the process ended the last time.
pub type Resume = HashMap<u64, Resumed>;

/// Where a partition goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// The byte offset of what was not taken in yet.
    pub offset: u64,
    /// The sequence of the next event.
    pub sequence: u64,
}

/// The highest bit of a partition's number tells files from connections, which are counted.
const FILE: u64 = 1 << 63;

/// Whether a partition is a file, whose number is the same whenever it is read.
pub fn is_file(partition: u64) -> bool {
    partition & FILE != 0
}

/// The partition that a file is: made of its device, its inode and, where the file system knows it, the
/// time it was made, so that a new file in an old one's inode is another.
pub(crate) fn partition(file: &Metadata) -> u64 {
    let born = file
        .created()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let mut identity = Vec::with_capacity(32);
    identity.extend_from_slice(&file.dev().to_le_bytes());
    identity.extend_from_slice(&file.ino().to_le_bytes());
    identity.extend_from_slice(&born.map_or(0, |time| time.as_nanos()).to_le_bytes());
    xxh3_64(&identity) | FILE
}
