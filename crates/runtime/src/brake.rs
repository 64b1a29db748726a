use std::ops::Range;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use millpond_queue::{Gate, ReadySet, monotonic_nanos};

use crate::intensity::{Intensity, PauseReason, Tolerance};

/// Its shards stand still.
const PAUSED: u8 = 1;
/// Its shards let go of what they have not run.
const LEAVING: u8 = 2;

/// Stops one pipeline while the others run on: when it crashes too often, until somebody resumes it; or for good,
/// when what it has not run is to be left to its sources. A clone is the same brake.
#[derive(Clone)]
pub struct Brake {
    inner: Arc<Inner>,
}

struct Inner {
    pipeline: String,
    flags: AtomicU8,
    crashes: Mutex<Intensity>,
    paused: Mutex<Option<Paused>>,
    explained: AtomicU64,
    unexplained: AtomicU64,
    gate: Gate,
    ready: Arc<ReadySet>,
    shards: Range<usize>,
}

/// Since when a pipeline is paused, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paused {
    /// Since when.
    pub since: SystemTime,
    /// Why.
    pub reason: PauseReason,
}

/// How often the lines of a pipeline have crashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crashes {
    /// Explained by an event that was quarantined for it.
    pub explained: u64,
    /// Explained by none.
    pub unexplained: u64,
}

impl Brake {
    /// Of the pipeline whose shards are `shards` of `ready`, and behind whose `gate` sources wait.
    pub(crate) fn new(
        pipeline: &str,
        tolerance: Tolerance,
        gate: Gate,
        ready: Arc<ReadySet>,
        shards: Range<usize>,
    ) -> Self {
        let inner = Inner {
            pipeline: pipeline.to_owned(),
            flags: AtomicU8::new(0),
            crashes: Mutex::new(Intensity::new(tolerance)),
            paused: Mutex::new(None),
            explained: AtomicU64::new(0),
            unexplained: AtomicU64::new(0),
            gate,
            ready,
            shards,
        };
        Brake {
            inner: Arc::new(inner),
        }
    }

    /// A line of the pipeline crashed; `attributed` to an event that was quarantined for it. One crash too many
    /// pauses the pipeline.
    pub fn crashed(&self, attributed: bool) {
        let counter = match attributed {
            true => &self.inner.explained,
            false => &self.inner.unexplained,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let reason = lock(&self.inner.crashes).crashed(attributed, monotonic_nanos());
        if let Some(reason) = reason {
            self.pause(reason);
        }
    }

    /// Since when it is paused, and why.
    pub fn paused(&self) -> Option<Paused> {
        *lock(&self.inner.paused)
    }

    /// Pauses it until it is resumed, because somebody wants that; false when it is paused already.
    pub fn hold(&self) -> bool {
        self.pause(PauseReason::Operator)
    }

    /// Lets it go on; false when it is not paused. What happened before is not held against it.
    pub fn resume(&self) -> bool {
        let mut paused = lock(&self.inner.paused);
        if paused.take().is_none() {
            return false;
        }
        lock(&self.inner.crashes).forget();
        self.inner.flags.fetch_and(!PAUSED, Ordering::AcqRel);
        self.inner.gate.open();
        drop(paused);
        tracing::info!(pipeline = self.inner.pipeline, "the pipeline is resumed");
        self.wake();
        true
    }

    /// Lets go of everything that has not been run, paused or not, and of what comes later: it counts as abandoned,
    /// and its sources are asked to do it again. The pipeline can end then.
    pub fn leave(&self) {
        self.inner.flags.fetch_or(LEAVING, Ordering::AcqRel);
        self.wake();
    }

    /// How often its lines have crashed.
    pub fn crashes(&self) -> Crashes {
        Crashes {
            explained: self.inner.explained.load(Ordering::Relaxed),
            unexplained: self.inner.unexplained.load(Ordering::Relaxed),
        }
    }

    /// Events have been run, those that crashed included.
    pub(crate) fn ran(&self, events: u64) {
        if events > 0 {
            lock(&self.inner.crashes).ran(events, monotonic_nanos());
        }
    }

    /// Whether a shard has to stand still. It is unparked when that is over.
    pub(crate) fn holds(&self) -> bool {
        self.flags() & (PAUSED | LEAVING) == PAUSED
    }

    /// Whether a shard is to let go of what it has not run.
    pub(crate) fn is_leaving(&self) -> bool {
        self.flags() & LEAVING != 0
    }

    fn flags(&self) -> u8 {
        self.inner.flags.load(Ordering::Acquire)
    }

    /// False when it is paused already.
    fn pause(&self, reason: PauseReason) -> bool {
        let mut paused = lock(&self.inner.paused);
        if paused.is_some() {
            return false;
        }
        *paused = Some(Paused {
            since: SystemTime::now(),
            reason,
        });
        self.inner.flags.fetch_or(PAUSED, Ordering::AcqRel);
        self.inner.gate.close();
        drop(paused);
        let (pipeline, name) = (&*self.inner.pipeline, reason.name());
        match reason {
            PauseReason::Operator => {
                tracing::info!(pipeline, reason = name, "the pipeline is paused: {reason}");
            }
            _ => tracing::error!(pipeline, reason = name, "the pipeline is paused: {reason}"),
        }
        true
    }

    /// Has every shard look at what it is to do.
    pub fn wake(&self) {
        self.inner
            .shards
            .clone()
            .for_each(|shard| self.inner.ready.unpark(shard));
        self.inner.ready.mark_all(self.inner.shards.clone());
    }
}

/// Nothing panics while it is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
