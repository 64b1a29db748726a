use std::sync::Arc;

use crate::journal::JournalObserved;
use millpond_delivery::{Ledger, SinkLedger, SourceLedger};
use millpond_queue::{Budget, IntakeView, RoomView};
use millpond_runtime::Service;

use crate::control::Control;
use crate::letters::LatestLetter;
use crate::pipelines::Supervision;
use crate::taps::Taps;

/// Reads a value at the moment it is asked for. Must not wait.
pub type Read<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// Everything the admin listener shows.
pub struct Observed {
    /// What is running.
    pub build: BuildInfo,
    /// The sources.
    pub sources: Vec<Arc<SourceLedger>>,
    /// The pipelines.
    pub pipelines: Vec<PipelineObserved>,
    /// The sinks, the store of dead letters included.
    pub sinks: Vec<SinkObserved>,
    /// The store of dead letters.
    pub letters: Read<LetterStore>,
    /// What is in it.
    pub kept_letters: Read<Vec<KeptLetters>>,
    /// The letters that came last, newest first.
    pub latest_letters: Read<Vec<LatestLetter>>,
    /// The journal, if there is one.
    pub journal: Option<JournalObserved>,
    /// The byte budget.
    pub budget: Budget,
    /// The worker pool.
    pub workers: Read<WorkerCounts>,
    /// The processes of the workers, if each has one of its own.
    pub processes: Option<Read<WorkerProcesses>>,
    /// Memory of the process that is resident, in bytes, where the system tells.
    pub resident_bytes: Read<Option<u64>>,
    /// The last decisions about how many workers there are, oldest first.
    pub decisions: Read<Vec<WorkerDecision>>,
    /// The spans that were sent to a collector, if they are sent to one.
    pub spans: Option<Read<SpanCounts>>,
    /// Whether the process is well.
    pub health: Arc<dyn Health>,
    /// Takes orders; without it there are none to give.
    pub control: Option<Arc<dyn Control>>,
    /// Lets events be looked at while they pass, if anybody may.
    pub taps: Option<Arc<dyn Taps>>,
}

/// Whether the process is well. Asked at every `/livez` and `/readyz`; must not wait.
pub trait Health: Send + Sync {
    /// Whether the process makes progress.
    ///
    /// # Errors
    /// Why it should be restarted.
    fn live(&self) -> Result<(), String> {
        Ok(())
    }

    /// Whether the process should get traffic.
    ///
    /// # Errors
    /// Why it should not.
    fn ready(&self) -> Result<(), String>;
}

/// What is running.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BuildInfo {
    /// The program's name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it was built for, such as `linux-x86_64`.
    pub target: &'static str,
}

/// A pipeline.
pub struct PipelineObserved {
    /// The accounts of its inputs, and its name.
    pub ledger: Arc<Ledger>,
    /// The sources that it reads, by name.
    pub from: Vec<String>,
    /// The sinks that it leads to, by name.
    pub to: Vec<String>,
    /// The path of the field whose events stay in order, if there is one.
    pub key: Option<String>,
    /// Its mailboxes. The name of the view is the `queue` label: unique among all queues.
    pub intake: IntakeView,
    /// Its stages in the order of the line, by name. They may become others.
    pub stages: Read<Vec<(String, StageCounts)>>,
    /// Counts the events in every place that may hold one, from upstream to downstream; see
    /// [`Ledger::unaccounted`].
    pub held: Read<u64>,
    /// Dead letters written so far.
    pub letters: Read<Vec<LetterCount>>,
    /// Whether it runs, and how often it has crashed.
    pub supervision: Read<Supervision>,
    /// What it takes to run it.
    pub service: Read<Service>,
    /// How many of its shards wait for space in a sink's room.
    pub parked_shards: Read<u64>,
}

/// What a stage has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageCounts {
    /// Events that went on.
    pub passed: u64,
    /// Events the stage said no to.
    pub filtered: u64,
    /// Events that became other events.
    pub consumed: u64,
    /// Events that went into the stage's state.
    pub absorbed: u64,
    /// Events given up.
    pub dropped: u64,
    /// Events that ended in an error.
    pub failed: u64,
    /// Events the stage made.
    pub emitted: u64,
    /// Events whose time was taken.
    pub timed_events: u64,
    /// Nanoseconds spent on those.
    pub timed_nanos: u64,
}

impl StageCounts {
    /// Events that came to the stage.
    pub(crate) fn seen(&self) -> u64 {
        let went = self.passed + self.filtered + self.consumed;
        went + self.absorbed + self.dropped + self.failed
    }
}

/// How many dead letters one stage wrote for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterCount {
    /// The stage that refused the events.
    pub stage: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub letters: u64,
}

/// How the store of dead letters does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LetterStore {
    /// Letters that were deleted to make room for others.
    pub deleted: u64,
    /// Bytes it holds.
    pub bytes: u64,
    /// Whether it takes no more accepted events, so that sources wait.
    pub full: bool,
}

/// The letters in the store that one stage wrote for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct KeptLetters {
    /// `rejects` or `accepted`: whether they make room for others.
    pub class: &'static str,
    /// The pipeline they were in.
    pub pipeline: String,
    /// The stage that refused the events.
    pub stage: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub letters: u64,
    /// When the first of them was written, in microseconds since the Unix epoch.
    pub oldest_micros: u64,
    /// When the last of them was.
    pub newest_micros: u64,
}

/// A sink.
pub struct SinkObserved {
    /// The accounts of its rows, and its name.
    pub ledger: Arc<SinkLedger>,
    /// Its room. The name of the view is the `queue` label: unique among all queues.
    pub room: RoomView,
    /// What kind of sink it is.
    pub kind: String,
    /// Whether inputs wait for it.
    pub required: bool,
    /// Reads what it is doing.
    pub state: Read<SinkState>,
    /// Its disk buffer, if it has one.
    pub buffer: Option<Read<BufferStore>>,
}

/// How the disk buffer of a sink does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BufferStore {
    /// Rows that lie in it and are not delivered.
    pub rows: u64,
    /// What these take up.
    pub bytes: u64,
}

/// What a sink is doing.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SinkState {
    /// It takes rows.
    Running,
    /// Its destination fails, and it tries again.
    Retrying {
        /// For how long, in seconds.
        seconds: f64,
        /// What the destination said last.
        error: String,
        /// Failed attempts in a row.
        failures: u32,
        /// Whether only a few rows are tried at a time.
        circuit: Circuit,
    },
    /// Its destination refused rows, and it waits for space in the store of dead letters.
    Held {
        /// For how long, in seconds.
        seconds: f64,
    },
    /// Its destination went away; rows are dropped and counted.
    Closed,
    /// Its input ended, and everything was written.
    Ended,
}

/// Whether a sink that fails tries all it has in hand, or a few rows first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Circuit {
    /// Everything is tried.
    Closed,
    /// It has failed often: nothing is tried until a pause has passed.
    Open,
    /// The pause has passed, and a few rows are being tried.
    HalfOpen,
}

impl SinkState {
    /// What a sink can be seen doing, as the label `state` has it.
    pub(crate) const LABELS: [&str; 7] = [
        "running",
        "retrying",
        "open",
        "half_open",
        "held",
        "closed",
        "ended",
    ];

    /// Which of [`SinkState::LABELS`] it is doing.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            SinkState::Running => "running",
            SinkState::Retrying { circuit, .. } => match circuit {
                Circuit::Closed => "retrying",
                Circuit::Open => "open",
                Circuit::HalfOpen => "half_open",
            },
            SinkState::Held { .. } => "held",
            SinkState::Closed => "closed",
            SinkState::Ended => "ended",
        }
    }
}

/// The worker pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerCounts {
    /// Workers that run.
    pub running: u64,
    /// How many there should be now.
    pub wanted: u64,
    /// The fewest there may be.
    pub min: u64,
    /// The most there may be.
    pub max: u64,
    /// Nanoseconds spent on shards, summed over workers.
    pub busy_nanos: u64,
    /// Nanoseconds of them on a core, or waiting for one, where that is counted.
    pub on_core_nanos: Option<u64>,
    /// Nanoseconds that the whole process has been on a core, where the system tells.
    pub process_nanos: Option<u64>,
    /// Cores that the process may use.
    pub cores: u64,
    /// Lines rebuilt after a panic.
    pub restarts: u64,
}

/// The processes of the workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerProcesses {
    /// By worker: its process's id, if it has one at the moment.
    pub ids: Vec<Option<u32>>,
    /// How many were replaced, by how they ended.
    pub replaced: Vec<(&'static str, u64)>,
    /// Events that were set aside because processes ended over them.
    pub set_aside: u64,
}

/// The spans of chunks that were followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanCounts {
    /// The collector took them.
    pub sent: u64,
    /// It did not, or there was none.
    pub failed: u64,
    /// Too many waited to be sent.
    pub dropped: u64,
}

/// A decision about how many workers there are.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct WorkerDecision {
    /// Seconds since 1970.
    pub time: f64,
    /// Workers before.
    pub from: u64,
    /// Workers since: as many, where it was decided to leave it at that.
    pub to: u64,
    /// One word for the reason.
    pub reason: &'static str,
    /// The reason with its figures.
    pub because: String,
}
