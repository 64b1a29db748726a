//! What a bench leaves behind: the JSON file, from which the table, the report and later comparisons are made.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::law::Law;
use super::stats::Spread;

/// Raised when a reader of an older file would misread a newer one.
pub(super) const SCHEMA: u32 = 1;

/// One bench: where, what, and every figure.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Record {
    /// [`SCHEMA`] of the writer.
    pub(super) schema: u32,
    /// When it began, in seconds since 1970.
    pub(super) time: u64,
    /// What was asked for, as a command line.
    pub(super) command: String,
    /// What was checked out; `None` outside a git work tree.
    pub(super) commit: Option<String>,
    pub(super) machine: Machine,
    pub(super) seed: u64,
    pub(super) points: Vec<Point>,
    /// A law for each series of points that differ in nothing but their workers.
    pub(super) scaling: Vec<Scaling>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Machine {
    pub(super) os: String,
    pub(super) architecture: String,
    pub(super) processor: Option<String>,
    pub(super) cores: Option<usize>,
    pub(super) rustc: Option<String>,
}

/// What was measured at one point of the sweep.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Point {
    #[serde(flatten)]
    pub(super) what: What,
    /// Events per second.
    pub(super) rate: Spread,
    /// CPU-seconds, user and system, of the process alone, per million events.
    pub(super) cpu: Option<Spread>,
    /// In bytes.
    pub(super) peak_resident: Option<Spread>,
    /// Voluntary and involuntary, of all threads, per thousand events.
    pub(super) context_switches: Option<Spread>,
    pub(super) start_to_ready_seconds: Option<Spread>,
    /// Empty where no fixed rate was asked for.
    pub(super) latency: Vec<Latency>,
    /// Queued events over the time of the run with the median rate.
    pub(super) depth: Vec<Depth>,
    pub(super) runs: Vec<Run>,
}

/// The name of a point: points with the same name can be compared.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub(super) struct What {
    pub(super) subject: Subject,
    pub(super) workload: Workload,
    pub(super) source: Source,
    pub(super) sink: Sink,
    pub(super) workers: u32,
    /// The field whose order is kept, if any.
    pub(super) key: Option<String>,
    /// `thread` or `process`.
    pub(super) isolation: String,
    /// Whether a journal keeps what the source takes in; older files do not say.
    #[serde(default)]
    pub(super) journal: bool,
    /// Whether it has to do without the sender's core, as what has one thread always does; older files do not say.
    #[serde(default)]
    pub(super) off_sender: bool,
}

/// Who did the work.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Subject {
    /// The daemon of this work tree, or of a binary that was given.
    Daemon,
    /// The daemon of another revision, built beside this one.
    Revision(String),
    /// Another way to do the same.
    Peer(Peer),
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(super) enum Peer {
    /// The textbook's: asyncio, a `multiprocessing.Queue`, worker processes.
    Python,
    /// One thread, `serde_json::Value`.
    Serde,
    /// One thread, typed `sonic-rs` with borrowed strings.
    Expert,
    /// The computing of `cpu` on threads that share nothing: how far the cores scale at all.
    Threads,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Workload {
    /// Parse, count, discard.
    W0,
    /// Parse, keep three of four types, add a weight by type, drop a nested field, write.
    W1,
    /// A fixed amount of computing for each event.
    Cpu,
    /// A sleep for each event.
    Delay,
    /// Forty events out of one.
    Explode,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// One connection; the sender shares the machine.
    Tcp,
    /// Made in the daemon's own process.
    Demo,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sink {
    Blackhole,
    File,
}

/// One run at full speed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Run {
    /// Events sent.
    pub(super) events: u64,
    /// From the first byte sent until every event was accounted for.
    pub(super) seconds: f64,
    pub(super) rate: f64,
    pub(super) cpu: Option<f64>,
    pub(super) peak_resident: Option<u64>,
    pub(super) context_switches: Option<f64>,
}

/// Latency from the moment an event was due to be sent until its row was seen written, at a fixed rate.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Latency {
    /// Events per second, as asked for.
    pub(super) asked: u64,
    /// Events per second, as sent.
    pub(super) sent: f64,
    /// Rows whose latency was taken, of all runs together.
    pub(super) events: u64,
    pub(super) p50_micros: u64,
    pub(super) p90_micros: u64,
    pub(super) p99_micros: u64,
    pub(super) p999_micros: u64,
    pub(super) max_micros: u64,
    /// CPU-seconds per million events at this rate, of all runs together.
    pub(super) cpu: Option<f64>,
    /// In bytes, the most of all runs.
    pub(super) peak_resident: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Depth {
    /// Since the first byte was sent.
    pub(super) seconds: f64,
    pub(super) events: u64,
}

/// How a series of points scales with its workers.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Scaling {
    /// What the points share; its `workers` are those of the first.
    pub(super) of: What,
    /// Workers, events per second, and efficiency: the rate over that of one worker times their number.
    pub(super) points: Vec<(u32, f64, f64)>,
    pub(super) law: Law,
}
