//! A durable, segmented log of byte records that never loses what it acknowledged. It knows nothing of
//! what the records mean, has no thread of its own, and needs nothing but a folder.
//!
//! - [`Journal::append`] takes records in, after space for them is allocated; [`Journal::sync`] makes
//!   durable all that was appended, with one sync of the file: group commit is appending whatever
//!   arrived in the meantime before the next sync.
//! - [`Journal::truncate`] lets go of records that are done with.
//! - A [`Reader`] follows behind, a frame at a time, while the writer goes on.
//! - [`Journal::open`] says in a [`Report`] what it found. A write that was cut short is removed. What
//!   was once durable and is damaged is kept, reported with its range of sequences, and passed over
//!   only when an operator has said so ([`Journal::accept_damage`]).
//!   That word is stored, and covers what was reported, not what is damaged later.
//! - [`ReadOnly`] looks at a journal that another process may be writing, and changes nothing.
//! - A failed write or sync is final: nobody knows what the disk holds, so the journal accepts nothing
//!   more until it is opened anew. A disk or a journal that is full is not: it refuses, and heals.
//!
//! Files are kept by a [`Storage`]: real ones ([`Files`]), or [`sim::Sim`], which loses whatever was
//! not synced and serves the tests of anything built on a journal.
//!
//! ```
//! use millpond_journal::{Files, Journal, Options};
//!
//! # let folder = tempfile::tempdir()?;
//! let (mut journal, report) = Journal::open(Files::open(folder.path())?, Options::default())?;
//! assert!(report.damages.is_empty());
//!
//! let sequences = journal.append(&["one", "two", "three"])?;
//! assert_eq!(sequences, 0..3);
//! assert_eq!(journal.sync()?, 3, "everything below 3 is durable");
//!
//! let mut reader = journal.reader(1)?;
//! let records = reader.next_records()?.expect("two of them are wanted");
//! assert_eq!(records.collect::<Vec<_>>(), [(1, &b"two"[..]), (2, b"three")]);
//!
//! journal.truncate(3)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The files
//!
//! Numbers are little-endian. Checksums are CRC-32/ISO-HDLC (polynomial 0x04C11DB7 reflected, initial
//! value and final XOR 0xFFFFFFFF: that of zlib and PNG).
//!
//! `lock` is empty; whoever has the folder holds a lock on it.
//!
//! `checkpoint` holds two slots, at bytes 0 and 4096. They are written in turn, so that a store that is
//! cut short leaves the other; the one with the later counter counts.
//!
//! | bytes | of a slot |
//! |---|---|
//! | 0..8 | `mpjchk`, 0, version 1 |
//! | 8..16 | the journal's number, drawn at random |
//! | 16..24 | counter, wraps; its lowest bit says which slot |
//! | 24..32 | committed: records below this are done with |
//! | 32..40 | the newest segment in use, all ones if there is none |
//! | 40..48 | every group so far has a number before this |
//! | 48..52 | checksum of bytes 0..48 |
//! | 52..56 | zeros |
//!
//! `accepted` is there once an operator has accepted damage; it holds entries, one behind the other.
//!
//! | bytes | of an entry |
//! |---|---|
//! | 0..8 | `mpjacc`, 0, version 1 |
//! | 8..16 | the journal's number |
//! | 16..24 | the first sequence that was given up |
//! | 24..32 | the first behind it, all ones if nobody knew |
//! | 32..40 | the segment that was missing or cut short, all ones if none was |
//! | 40..44 | checksum of bytes 0..40 |
//! | 44..48 | zeros |
//!
//! `<number>.segment`, the number in 16 hexadecimal digits, holds a head and frames without a gap. It
//! is written full of zeros and synced, or it was a segment with a lower number that was let go and got
//! this name; either way its name is durable before it is taken into use. So behind the last frame lie
//! zeros or what the earlier use left, and none of that verifies under the new number.
//!
//! | bytes | of a segment's head |
//! |---|---|
//! | 0..8 | `mpjseg`, 0, version 1 |
//! | 8..16 | the journal's number |
//! | 16..24 | the segment's number |
//! | 24..32 | the sequence of its first record |
//! | 32..40 | the length that the file was made with |
//! | 40..44 | checksum of bytes 0..40 |
//! | 44..48 | zeros |
//!
//! Frames begin at byte 48 and at multiples of 8.
//!
//! | bytes | of a frame |
//! |---|---|
//! | 0..4 | length of the payload, at most 16 MiB |
//! | 4..8 | checksum of the journal's number, the segment's number, bytes 0..4, four zeros, bytes 8..32 and the payload |
//! | 8..16 | group, wraps |
//! | 16..24 | the sequence of its first record |
//! | 24..28 | how many records there are, at least 1 |
//! | 28..32 | where in the segment its group begins, 0 for the first, which the head belongs to |
//! | 32.. | the payload: each record as its length in 4 bytes and its bytes |
//!
//! Behind the last frame of a group, if there is room for it, lies the group's end: the fixed part of a
//! frame with length 0, no records, and the sequence that comes next. The next group is written over
//! it. So whatever else lies behind the last good frame is a write that was cut short.
//!
//! The checksum covers where the frame belongs, so that a frame of another journal or segment never
//! verifies, and neither do bytes that a client shapes like a frame: it does not know the number.
//!
//! A *group* is what one sync makes durable. It is written only after the group before is synced, and
//! lies within one segment. So if a bad place is followed by a good frame whose group begins behind it,
//! the bad place was once synced: that is damage. Otherwise it may be the last group, cut short.

#[cfg(all(
    any(
        millpond_seed_bug = "acknowledge_before_sync",
        millpond_seed_bug = "unlink_before_checkpoint"
    ),
    not(debug_assertions)
))]
compile_error!("a bug is built in on purpose, which no release may have");

mod accepted;
mod checkpoint;
mod error;
mod files;
mod frame;
mod le;
mod options;
mod prepare;
mod read_only;
mod reader;
mod readers;
mod recovery;
mod repair;
mod scan;
mod segment;
mod shared;
pub mod sim;
mod storage;
mod torn;
mod truncate;
mod writer;

pub use error::{Error, Result};
pub use files::Files;
pub use frame::{Header, Home, Records, decode};
pub use options::{Options, Origin};
pub use read_only::{ReadOnly, Snapshot};
pub use reader::Reader;
pub use readers::Readers;
pub use recovery::{Damage, Report};
pub use storage::Storage;
pub use torn::TornTail;
pub use writer::Journal;
