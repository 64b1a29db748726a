use crate::{Part, Receipt, Settled, TicketInfo};

/// A batch that a source took in, on its way to a journal: before it is split and has a ticket.
pub struct Taken<B> {
    /// The events.
    pub batch: B,
    /// What they are.
    pub info: TicketInfo,
    /// Who wants to know what becomes of them.
    pub listener: Option<std::sync::Arc<dyn Settled>>,
    /// When the source had read them, on the process's monotonic clock, in nanoseconds.
    pub received_nanos: u64,
}

/// A batch on its way in: what a source took in for one shard, and the part that answers for it.
#[derive(Debug)]
pub struct Inbound<B> {
    /// The events.
    pub batch: B,
    /// Answers for them.
    pub part: Part,
    /// When the source had read them, on the process's monotonic clock, in nanoseconds.
    pub received_nanos: u64,
}

/// Where rows come from: they reach a sink in the order of their input within a lane, and in none
/// between lanes. What a sink delivers once is told by lane, position and output index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// The pipeline.
    pub pipeline: std::sync::Arc<str>,
    /// Its shard.
    pub shard: u32,
}

/// A batch on its way out: what a worker encoded for one sink, and the receipt it asks for.
#[derive(Debug)]
pub struct Outbound<O> {
    /// The encoded rows.
    pub output: O,
    /// Where they come from.
    pub lane: Lane,
    /// To be answered by the sink's writer.
    pub receipt: Receipt,
}
