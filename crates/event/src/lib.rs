//! The Millpond event: a JSON object kept as the bytes it came in, plus a small index of its top two levels,
//! plus a list of edits.
//!
//! Reading a field looks in the index, writing a field records an edit, serialising copies the untouched runs
//! of the original bytes and splices the edits in. What nobody touched goes out exactly as it came: the
//! spelling of numbers (`1.0`, integers beyond `u64`), the order of members, escapes, whitespace.
//!
//! ```
//! use millpond_event::{Event, Path};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kind = Path::parse("type")?;
//! let agent = Path::parse("context.ua")?;
//! let weight = Path::parse("weight")?;
//!
//! let mut event = Event::parse(br#"{"type":"click","price":1.10,"context":{"ua":"x","page":"/"}}"#)?;
//! if event.get_str(&kind).as_deref() == Some("click") {
//!     event.set(&weight, 1)?;
//!     event.remove(&agent);
//! }
//! let mut line = Vec::new();
//! event.write_to(&mut line);
//! assert_eq!(line, br#"{"type":"click","price":1.10,"context":{"page":"/"},"weight":1}"#);
//! # Ok(())
//! # }
//! ```
//!
//! Many events are read without copying them: a [`Chunk`] is one buffer of whole lines, a [`Slice`] the events
//! of it that one shard gets, and one [`Event`] reads them all, one after another.
//!
//! ```
//! use std::sync::Arc;
//! use millpond_event::{BufferPool, Chunk, Event, KeyPath, Origin, Records, Slice, SplitScratch};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = BufferPool::new(256 << 10, || 1 << 20);
//! let mut buffer = pool.take();
//! let lines = b"{\"user\":\"a\"}\n{\"user\":\"b\"}\nnot json\n";
//! buffer[..lines.len()].copy_from_slice(lines);
//! let origin = Origin { source: "demo".into(), partition: 0, first_sequence: 0, offset: 0, received_micros: 0 };
//! let chunk = Arc::new(Chunk::new(buffer, lines.len(), origin));
//!
//! let (mut event, mut records, mut rejected) = (Event::default(), Records::default(), Vec::new());
//! if let Some(slice) = Slice::whole(chunk) {
//!     slice.split(&KeyPath::parse("user")?, 64, 0, &mut SplitScratch::default(), |_shard, part| {
//!         for i in 0..part.len() {
//!             match event.read(&part, i) {
//!                 Ok(()) => records.push(i as u32, |row| event.write_to(row)),
//!                 Err(error) => rejected.push((part.sequence(i), error.reason(), error.offset)),
//!             }
//!         }
//!     });
//! }
//! assert_eq!(records.len(), 2);
//! assert_eq!(rejected, [(2, "bad_syntax", 0)]);
//! # Ok(())
//! # }
//! ```
//!
//! # What is accepted
//!
//! RFC 8259 to the letter, in UTF-8, and an object at the top; anything else is rejected with a reason and a
//! byte offset, never half-read. Two things the grammar allows are refused as well: an escape of half a
//! surrogate pair (as I-JSON does, RFC 7493), and containers nested deeper than [`MAX_DEPTH`].
//!
//! # What this crate does not do
//!
//! It reads no files or sockets, starts no threads, looks at no clock, and has no `unsafe`.

mod blocks;
mod chunk;
mod draft;
mod error;
mod escape;
mod event;
mod frame;
mod glance;
mod judge;
mod key;
mod memo;
mod numbers;
pub mod outline;
mod parse;
mod path;
mod pool;
mod raw;
mod records;
mod scalar;
mod scan;
mod shape;
mod simd;
mod slice;
mod spelled;
mod splice;
mod strings;
mod tag;
mod value;
mod view;
mod words;

pub use crate::{
    chunk::{Chunk, Origin, Position, Refusal, Span},
    error::{EditError, MAX_DEPTH, ParseError, ParseErrorKind, PathError},
    event::Event,
    judge::Judge,
    key::{HASH_NAME, KeyPath, shard_of},
    path::Path,
    pool::{Buffer, BufferPool},
    raw::{RawJson, on_one_line},
    records::Records,
    scalar::Scalar,
    slice::{Slice, SplitScratch},
    value::{Kind, Value},
    words::Words,
};
