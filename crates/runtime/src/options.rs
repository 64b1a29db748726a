use std::sync::Arc;
use std::time::Duration;

use millpond_delivery::Ledger;
use millpond_queue::Budget;

use crate::{Codec, Design, Elastic, Exit, Supervision};

/// How a runtime works.
#[derive(Clone)]
pub struct Options {
    /// Worker threads to begin with.
    pub workers: usize,
    /// The most there may be later on; no fewer than there are to begin with.
    pub workers_max: usize,
    /// Makes their number follow the load; without, it stays until somebody changes it.
    pub elastic: Option<Elastic>,
    /// Shards per pipeline: the unit of order and of state.
    pub shards: usize,
    /// How long a worker stays with one shard while others wait.
    pub slice: Duration,
    /// How many batches a shard runs while others wait.
    pub turn: usize,
    /// Output is handed to its sink once it pins this many bytes, or at the end of the slice.
    pub output_bytes: u64,
    /// How often stages are told the time when there is nothing else to do; `None` for lines that
    /// do not mind.
    pub tick: Option<Duration>,
    /// The byte budget that output is charged to.
    pub budget: Budget,
    /// The smallest charge of a batch that a source sends, in bytes: bounds how many can wait.
    pub batch_bytes_min: usize,
}

impl Options {
    /// The defaults: 64 shards, slices of 5 ms and 16 batches, output in pieces of 256 KiB, no ticks.
    pub fn new(workers: usize, budget: Budget) -> Self {
        Options {
            workers,
            workers_max: workers,
            elastic: None,
            shards: 64,
            slice: Duration::from_millis(5),
            turn: 16,
            output_bytes: 256 << 10,
            tick: None,
            budget,
            batch_bytes_min: 4 << 10,
        }
    }
}

/// A pipeline to run.
pub struct PipelineSpec<C: Codec> {
    /// Its ledger, which also has its name.
    pub ledger: Arc<Ledger>,
    /// The plan of its line, and those that may take its place.
    pub design: Design<C::Item>,
    /// Makes a shard's codec.
    pub codec: Box<dyn Fn() -> C + Send + Sync>,
    /// Its sinks, in the order of [`Blueprint::exits`](millpond_engine::Blueprint::exits).
    pub exits: Vec<Exit<C::Output>>,
    /// Where dead letters go; without, they are dropped and counted as such.
    pub dead_letters: Option<Exit<C::Output>>,
    /// What is done about crashes of its line.
    pub supervision: Supervision,
}
