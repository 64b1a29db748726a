//! The way of a few chunks through the process, as `tracing` spans.
//!
//! A source asks for each chunk whether it is one of those that are followed ([`chunk`]), which costs a load and a
//! branch. If so, the chunk is a span until nothing of it is on its way any more, and its trace, a number, travels with its
//! ticket and its receipts. Whoever does something for it makes a child of that span: [`journal`], [`batch`],
//! [`write`](fn@write). Whatever carries no trace has 0 there, and costs a branch.
//!
//! ```text
//! chunk       source, partition, first sequence, events, bytes; whether it is durable, whether it has to come again
//! ├─ journal  from the append until it is durable
//! ├─ batch    pipeline, shard, events, how long it waited; with an event for each stage
//! └─ write    sink, rows, errors; linked with the other chunks that have rows in the same write
//! ```
//!
//! Subscribers and the [rate](set_rate) are the process's. A chunk that is followed is looked at more closely (each of its
//! events is timed in each stage), but goes the same way as any other.

mod chunk;
mod open;
mod work;

pub use chunk::{Chunk, chunk, set_rate};
pub use work::{Stage, batch, failed, journal, stage, write};

/// The target of every span and event of this crate, by which filters choose them.
pub const TARGET: &str = "millpond_spans";

/// A quantity. OpenTelemetry has no unsigned numbers, and makes texts of them.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
