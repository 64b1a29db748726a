use std::time::Duration;

/// How things stand at one moment, as far as the number of workers depends on it. Totals are since any
/// fixed moment; what counts is their growth.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// When it was taken.
    pub at: Duration,
    /// Workers that run.
    pub workers: usize,
    /// Time that workers spent on shards, summed, slices under way included; a total.
    pub busy: Duration,
    /// Events taken in; a total.
    pub received: u64,
    /// Events that no worker has run yet.
    pub waiting: u64,
    /// How long the oldest of them has waited.
    pub oldest: Duration,
    /// Shards that wait for a worker.
    pub ready: usize,
    /// Shards that wait for space in a sink's room.
    pub parked: u64,
    /// Whether output has overdrawn the byte budget.
    pub overdrawn: bool,
    /// Time that workers were on a core or waited for one, summed; a total, where the system tells.
    pub on_core: Option<Duration>,
    /// Processor time of the whole process; a total, where the system tells.
    pub process: Option<Duration>,
}
