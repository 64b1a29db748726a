//! Workers that take ready shards and run a stage pipeline over them, for any item type.
//!
//! A [`Runtime`] owns some pipelines, each split into shards, and a pool of worker threads. A shard
//! owns its mailbox, its instance of the line and so its state; a worker takes a ready shard, works
//! through its mailbox for one time slice and gives it back. At most one worker runs a shard at a
//! time, so order inside a shard is kept while workers come and go.
//!
//! A worker never waits for a sink: output that finds a sink's room full stays in the shard's
//! outbox, and the shard leaves the ready set until the room has space again.
//!
//! What an item is, how it is decoded from a batch and encoded for a sink is the business of a
//! [`Codec`]. [`Passthrough`] is the codec for Rust values that need neither; with it and a
//! [`Feed`], [`LocalPipeline`] runs a pipeline over one's own type in about 30 lines: see
//! `examples/own_type.rs`.

#[cfg(all(
    any(
        millpond_seed_bug = "dropped_ticket",
        millpond_seed_bug = "dropped_ticket_counts_as_delivered"
    ),
    not(debug_assertions)
))]
compile_error!("a bug is built in on purpose, which no release may have");

pub mod admission;
mod brake;
mod codec;
mod collect;
mod crash;
mod design;
mod elastic;
mod error;
mod events;
mod exit;
mod feed;
mod followed;
mod handover;
mod hangs;
mod intensity;
mod local;
mod options;
mod output;
mod owing;
mod panics;
mod passthrough;
mod pool;
pub mod process;
mod recover;
mod renew;
mod service;
mod shard;
mod throttle;
mod times;
mod view;
mod wakes;
mod watch;
mod worker;

pub use brake::{Brake, Crashes, Paused};
pub use codec::{Codec, Letter, Refused};
pub use crash::{Crash, KeepCrash, Supervision};
pub use design::{Design, OtherExits};
pub use elastic::{Controller, Decision, Elastic, PoolView, Reason, Sample, Verdict};
pub use error::RuntimeError;
pub use events::DECODE;
pub use exit::{Exit, OnFull, output_spares};
pub use feed::Feed;
pub use hangs::{Hang, Hangs};
pub use intensity::{PauseReason, Tolerance};
pub use local::{LocalError, LocalPipeline};
pub use options::{Options, PipelineSpec};
pub use panics::{Panic, catch_panic, note_panics};
pub use passthrough::{Failure, Passthrough, Row, Rows};
pub use pool::{Assembled, IntakeOf, Left, PoolHandle, Runtime, Started, assemble};
pub use service::Service;
pub use times::{TIMES, TimesSeen};
pub use view::{LetterCounts, PipelineView, WorkersView};
pub use worker::{Step, Worker};
