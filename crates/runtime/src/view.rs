use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millpond_delivery::Ledger;
use millpond_engine::LineStats;
use millpond_queue::{IntakeView, monotonic_nanos};

use crate::brake::Brake;
use crate::elastic::{Meters, processor_time};
use crate::service::{Service, ServiceCounts};
use crate::throttle::Throttle;

/// Dead letters by stage and reason.
pub type LetterCounts = BTreeMap<(String, String), u64>;

/// A read-only view of a running pipeline. Keeps nobody from ending it.
#[derive(Clone)]
pub struct PipelineView {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) intake: IntakeView,
    pub(crate) stages: Arc<dyn Fn() -> Arc<LineStats> + Send + Sync>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) brake: Brake,
    pub(crate) service: Arc<ServiceCounts>,
}

/// What a pipeline's shards count besides the ledger.
#[derive(Default)]
pub(crate) struct Counts {
    /// Rows in the shards' outboxes.
    pub(crate) outbox_rows: AtomicU64,
    pub(crate) parked_shards: AtomicU64,
    pub(crate) panics: AtomicU64,
    /// Lines rebuilt that had stages with state.
    pub(crate) state_lost: AtomicU64,
    /// What is said of crashes, and of lost state.
    pub(crate) said: Throttle,
    pub(crate) lost_said: Throttle,
    letters: Mutex<LetterCounts>,
}

impl Counts {
    pub(crate) fn add_letters(&self, letters: &mut Vec<((String, String), u64)>) {
        if letters.is_empty() {
            return;
        }
        let mut counts = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, more) in letters.drain(..) {
            *counts.entry(kind).or_default() += more;
        }
    }
}

impl PipelineView {
    /// The pipeline's name.
    pub fn name(&self) -> &str {
        self.ledger.name()
    }

    /// The accounts of its inputs.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Its mailboxes.
    pub fn intake(&self) -> &IntakeView {
        &self.intake
    }

    /// What the stages of its present plan counted.
    pub fn stages(&self) -> Arc<LineStats> {
        (self.stages)()
    }

    /// Dead letters so far, by stage and reason; derived events included.
    pub fn letters(&self) -> LetterCounts {
        self.counts
            .letters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Rows that wait in shards for space in a sink's room.
    pub fn outbox_rows(&self) -> u64 {
        self.counts.outbox_rows.load(Ordering::SeqCst)
    }

    /// Shards that wait for space in a sink's room.
    pub fn parked_shards(&self) -> u64 {
        self.counts.parked_shards.load(Ordering::Relaxed)
    }

    /// What pauses it when it crashes too often.
    pub fn brake(&self) -> &Brake {
        &self.brake
    }

    /// What it takes to run it.
    pub fn service(&self) -> Service {
        self.service.look()
    }

    /// How often a line was rebuilt without the state that its stages had.
    pub fn state_lost(&self) -> u64 {
        self.counts.state_lost.load(Ordering::Relaxed)
    }

    /// Panics caught in stages.
    pub fn panics(&self) -> u64 {
        self.counts.panics.load(Ordering::Relaxed)
    }

    /// Events in the senders' hands, in the mailboxes and in workers' hands: everything this side
    /// of the outboxes, counted from upstream to downstream.
    pub fn upstream(&self) -> u64 {
        self.intake.arriving() + self.intake.events() + self.intake.in_hand()
    }
}

/// A read-only view of the worker pool.
#[derive(Clone)]
pub struct WorkersView {
    pub(crate) inner: Arc<WorkerCounts>,
}

pub(crate) struct WorkerCounts {
    pub(crate) running: AtomicUsize,
    pub(crate) restarts: AtomicU64,
    busy_nanos: AtomicU64,
    /// Per worker: when it took the shard it is running; 0 = it runs none.
    since: Box<[AtomicU64]>,
    /// Per worker: that shard.
    shard: Box<[AtomicUsize]>,
    /// Per worker: what the system calls its thread.
    threads: Box<[Mutex<Option<PathBuf>>]>,
    pub(crate) meters: Meters,
}

impl WorkersView {
    /// For so many workers, the first `metered` of which have their time on a core counted.
    pub(crate) fn new(workers: usize, metered: usize) -> Self {
        let inner = WorkerCounts {
            running: AtomicUsize::new(0),
            restarts: AtomicU64::new(0),
            busy_nanos: AtomicU64::new(0),
            since: (0..workers).map(|_| AtomicU64::new(0)).collect(),
            shard: (0..workers).map(|_| AtomicUsize::new(0)).collect(),
            threads: (0..workers).map(|_| Mutex::default()).collect(),
            meters: Meters::new(metered),
        };
        WorkersView {
            inner: Arc::new(inner),
        }
    }

    pub(crate) fn begin(&self, worker: usize, now: u64, shard: usize) {
        self.inner.shard[worker].store(shard, Ordering::Relaxed);
        self.inner.since[worker].store(now, Ordering::Release);
    }

    /// How many workers there may be.
    pub(crate) fn places(&self) -> usize {
        self.inner.since.len()
    }

    /// When a worker took the shard that it is running, and which.
    pub(crate) fn slice_of(&self, worker: usize) -> Option<(u64, usize)> {
        let since = self.inner.since[worker].load(Ordering::Acquire);
        (since > 0).then(|| (since, self.inner.shard[worker].load(Ordering::Relaxed)))
    }

    /// The worker with this number runs on the calling thread.
    pub(crate) fn runs_on_this_thread(&self, worker: usize) {
        let mut thread = self.inner.threads[worker]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *thread = std::fs::read_link("/proc/thread-self").ok();
    }

    /// What the system says of the thread of a worker: whether it runs, and where in the kernel it waits.
    pub(crate) fn thread(&self, worker: usize) -> Option<String> {
        let thread = self.inner.threads[worker]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let folder = Path::new("/proc").join(thread.as_ref()?);
        drop(thread);
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let state = status
            .lines()
            .find_map(|line| line.strip_prefix("State:"))?;
        let wait = std::fs::read_to_string(folder.join("wchan")).unwrap_or_default();
        Some(match wait.trim() {
            "" | "0" => state.trim().to_owned(),
            wait => format!("{} in {wait}", state.trim()),
        })
    }

    pub(crate) fn end(&self, worker: usize, took: u64) {
        self.inner.since[worker].store(0, Ordering::Relaxed);
        self.inner.busy_nanos.fetch_add(took, Ordering::Relaxed);
    }

    /// Workers that run.
    pub fn running(&self) -> usize {
        self.inner.running.load(Ordering::Relaxed)
    }

    /// Time that workers spent on shards, summed over workers.
    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.inner.busy_nanos.load(Ordering::Relaxed))
    }

    /// The same up to `now`, slices under way included.
    pub(crate) fn busy_at(&self, now: u64) -> Duration {
        let under_way = |since: &AtomicU64| match since.load(Ordering::Relaxed) {
            0 => 0,
            since => now.saturating_sub(since),
        };
        // What ends meanwhile is counted in neither, which the next look makes good.
        let under_way = self.inner.since.iter().map(under_way).sum();
        self.busy() + Duration::from_nanos(under_way)
    }

    /// How long workers have been on a core or waited for one; `None` where that is not counted.
    pub fn on_core(&self) -> Option<Duration> {
        self.inner.meters.look()
    }

    /// How long the whole process has been on a core; `None` where the system does not tell.
    pub fn processor_time(&self) -> Option<Duration> {
        processor_time()
    }

    /// Lines rebuilt after a panic.
    pub fn restarts(&self) -> u64 {
        self.inner.restarts.load(Ordering::Relaxed)
    }

    /// How long the slowest worker has been with its present shard. A slice takes milliseconds; much
    /// more means that a stage hangs.
    pub fn longest_slice(&self) -> Duration {
        let now = monotonic_nanos();
        let slice = |since: &AtomicU64| match since.load(Ordering::Relaxed) {
            0 => 0,
            since => now.saturating_sub(since),
        };
        Duration::from_nanos(self.inner.since.iter().map(slice).max().unwrap_or(0))
    }
}
