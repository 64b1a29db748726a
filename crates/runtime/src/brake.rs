use std::ops::Range;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use millpond_delivery::{Arrears, Ledger};
use millpond_queue::{Gate, IntakeView, ReadySet, monotonic_nanos};

use crate::intensity::{Intensity, PauseReason, Tolerance};

/// Its shards stand still.
const PAUSED: u8 = 1;
/// Its shards let go of what they have not run.
const LEAVING: u8 = 2;
/// Its shards give back what they have not run, to be read from the journal again.
const STANDS: u8 = 4;

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
    intake: IntakeView,
    arrears: Arrears,
    ready: Arc<ReadySet>,
    shards: Range<usize>,
}

/// The way into a pipeline, seen by its brake.
pub(crate) struct Way {
    /// Behind it sources wait.
    pub(crate) gate: Gate,
    pub(crate) intake: IntakeView,
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
    /// Of the pipeline with this ledger, whose shards are `shards` of `ready`, and that is reached by this way.
    pub(crate) fn new(
        ledger: &Arc<Ledger>,
        tolerance: Tolerance,
        way: Way,
        ready: Arc<ReadySet>,
        shards: Range<usize>,
    ) -> Self {
        let Way { gate, intake } = way;
        let inner = Inner {
            pipeline: ledger.name().to_owned(),
            flags: AtomicU8::new(0),
            crashes: Mutex::new(Intensity::new(tolerance)),
            paused: Mutex::new(None),
            explained: AtomicU64::new(0),
            unexplained: AtomicU64::new(0),
            gate,
            intake,
            arrears: Arrears::new(ledger.clone(), shards.len()),
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

    /// Lets it go on; false when it is not paused. What happened before is not held against it. Behind a journal it
    /// is first given what it has missed.
    pub fn resume(&self) -> bool {
        let mut paused = lock(&self.inner.paused);
        if paused.take().is_none() {
            return false;
        }
        lock(&self.inner.crashes).forget();
        let before = self.inner.flags.fetch_and(!PAUSED, Ordering::AcqRel);
        if before & STANDS == 0 {
            self.inner.gate.open();
        }
        drop(paused);
        tracing::info!(pipeline = self.inner.pipeline, "the pipeline is resumed");
        self.wake();
        self.inner.arrears.rouse();
        true
    }

    /// What it has still to be given, where a journal keeps it.
    pub fn arrears(&self) -> &Arrears {
        &self.inner.arrears
    }

    /// Whether it was resumed and stands still until the reader of the journal is ready for it.
    pub(crate) fn waits_to_catch_up(&self) -> bool {
        self.flags() & (PAUSED | STANDS) == STANDS
    }

    /// It goes on with what it has missed, if it was resumed and all of its shards have given back what they had;
    /// called by the one who hands on what the journal keeps. False if it has to be asked again.
    pub(crate) fn catch_up(&self) -> bool {
        let paused = lock(&self.inner.paused);
        let intake = &self.inner.intake;
        // What is on its way in, given back or run, is in one of these places, looked at in the order of the way.
        let at_rest = intake.arriving() == 0 && intake.events() == 0 && intake.in_hand() == 0;
        if paused.is_some() || !at_rest {
            return false;
        }
        self.inner.arrears.catch_up();
        self.inner.flags.fetch_and(!STANDS, Ordering::AcqRel);
        self.inner.gate.open();
        drop(paused);
        self.wake();
        true
    }

    /// Lets go of everything that has not been run, paused or not, and of what comes later: it counts as abandoned,
    /// and its sources are asked to do it again. The pipeline can end then.
    pub fn leave(&self) {
        self.inner.flags.fetch_or(LEAVING, Ordering::AcqRel);
        self.inner.arrears.leave();
        self.wake();
    }

    /// How often its lines have crashed.
    pub fn crashes(&self) -> Crashes {
        Crashes {
            explained: self.inner.explained.load(Ordering::Relaxed),
            unexplained: self.inner.unexplained.load(Ordering::Relaxed),
        }
    }

    /// Events have been run until now, those that crashed included.
    pub(crate) fn ran(&self, events: u64, now: u64) {
        if events > 0 {
            lock(&self.inner.crashes).ran(events, now);
        }
    }

    /// Whether a shard has to stand still. It is unparked when that is over.
    pub(crate) fn holds(&self) -> bool {
        let flags = self.flags();
        flags & LEAVING == 0 && flags & (PAUSED | STANDS) != 0
    }

    /// Whether a shard that stands still is to give back what it has not run.
    pub(crate) fn is_kept(&self) -> bool {
        self.flags() & STANDS != 0
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
        let arrears = &self.inner.arrears;
        let kept = arrears.is_kept();
        if kept {
            arrears.stand();
        }
        let flags = if kept { PAUSED | STANDS } else { PAUSED };
        self.inner.flags.fetch_or(flags, Ordering::AcqRel);
        self.inner.gate.close();
        drop(paused);
        let (pipeline, name) = (&*self.inner.pipeline, reason.name());
        match reason {
            PauseReason::Operator => {
                tracing::info!(pipeline, reason = name, "the pipeline is paused: {reason}");
            }
            _ => tracing::error!(pipeline, reason = name, "the pipeline is paused: {reason}"),
        }
        if kept {
            // Those that wait for a sink, too, give back what they have.
            self.wake();
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
