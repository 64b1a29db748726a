//! A small number for a name, by which most names that differ are told apart without looking at their bytes.

use xxhash_rust::xxh3::xxh3_64;

/// The tag of no name: of a member whose name has to be looked at, because it does not stand in the text as it is.
pub(crate) const ASK: u16 = 0;

/// The tag of a name.
pub(crate) fn of(name: &[u8]) -> u16 {
    (xxh3_64(name) as u16).max(1)
}
