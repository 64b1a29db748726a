//! The checkpoint: which records are done with, in two slots that take turns, so that a write that is
//! cut short leaves the other one.

use crate::error::{Error, Result};
use crate::le::{is_later, u32_at, u64_at};
use crate::storage::Storage;

/// The file's name.
pub(crate) const NAME: &str = "checkpoint";
/// The last byte is the version of the format.
const MAGIC: [u8; 8] = *b"mpjchk\0\x01";
/// Slots are a page apart, so that no write touches both.
const SPACING: u64 = 4096;
const SLOT: usize = 56;
/// In place of a segment's number: there is none. No segment gets this number.
pub(crate) const NONE: u64 = u64::MAX;

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// The journal's random number.
    pub(crate) journal: u64,
    /// Counts stores, and wraps. Its last bit says which slot.
    pub(crate) counter: u64,
    /// Records below this are done with.
    pub(crate) committed: u64,
    /// The newest segment that was taken into use, or [`NONE`]: it was allocated before, so it is
    /// there, or it has been lost.
    pub(crate) newest: u64,
    /// Every group so far has a number before this: counting must go on from there even if no
    /// segment is left, since one whose removal was lost may come back.
    pub(crate) group: u64,
}

/// What the file said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    pub(crate) newest: Option<Checkpoint>,
    /// Whether a slot holds something that cannot be read: a store that was cut short, or damage.
    pub(crate) unreadable: bool,
}

impl Checkpoint {
    fn bytes(&self) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.journal.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.counter.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.committed.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.newest.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.group.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..48]);
        bytes[48..52].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8; SLOT]) -> Option<Self> {
        let good = bytes[..8] == MAGIC && u32_at(bytes, 48) == crc32fast::hash(&bytes[..48]);
        good.then(|| Self {
            journal: u64_at(bytes, 8),
            counter: u64_at(bytes, 16),
            committed: u64_at(bytes, 24),
            newest: u64_at(bytes, 32),
            group: u64_at(bytes, 40),
        })
    }

    /// The checkpoint that comes after this one.
    pub(crate) fn next(&self) -> Self {
        Self {
            counter: self.counter.wrapping_add(1),
            ..*self
        }
    }

    /// Writes this one over the older slot, and syncs.
    pub(crate) fn store<S: Storage>(&self, storage: &S, file: &S::File) -> Result<()> {
        storage
            .write_at(file, &self.bytes(), (self.counter & 1) * SPACING)
            .and_then(|()| storage.sync(file))
            .map_err(|source| Error::io("store", NAME, source))
    }
}

/// Reads both slots.
pub(crate) fn load<S: Storage>(storage: &S, file: &S::File) -> Result<Found> {
    let mut found = Found::default();
    for slot in 0..2 {
        let mut bytes = [0; SLOT];
        storage
            .read_at(file, &mut bytes, slot * SPACING)
            .map_err(|source| Error::io("read", NAME, source))?;
        match Checkpoint::read(&bytes) {
            Some(read) => {
                let newer = found
                    .newest
                    .is_none_or(|other| is_later(read.counter, other.counter));
                if newer {
                    found.newest = Some(read);
                }
            }
            None => found.unreadable |= bytes != [0; SLOT],
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Sim;

    #[test]
    fn the_counter_wraps_and_the_newest_is_still_found() {
        let sim = Sim::new(1);
        let file = sim.create(NAME).unwrap();
        let mut stored = Checkpoint {
            journal: 7,
            counter: u64::MAX - 3,
            committed: 0,
            newest: NONE,
            group: 0,
        };
        for committed in 0..8 {
            stored = Checkpoint {
                committed,
                ..stored.next()
            };
            stored.store(&sim, &file).unwrap();
            assert_eq!(load(&sim, &file).unwrap().newest, Some(stored));
        }
        assert_eq!(stored.counter, 4);
    }

    #[test]
    fn a_slot_that_cannot_be_read_leaves_the_other_and_is_told() {
        let sim = Sim::new(1);
        let file = sim.create(NAME).unwrap();
        let first = Checkpoint {
            journal: 7,
            counter: 0,
            committed: 5,
            newest: NONE,
            group: 0,
        };
        first.store(&sim, &file).unwrap();
        assert!(
            !load(&sim, &file).unwrap().unreadable,
            "a slot that was never written is no damage"
        );
        first.next().store(&sim, &file).unwrap();
        for byte in 0..52 {
            sim.flip(NAME, SPACING + byte, 1);
            let found = load(&sim, &file).unwrap();
            assert_eq!((found.newest, found.unreadable), (Some(first), true));
            sim.flip(NAME, SPACING + byte, 1);
        }
    }
}
