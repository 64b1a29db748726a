use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millpond_queue::{ReadySet, monotonic_nanos};

use crate::codec::Codec;
use crate::panics::catch_panic;
use crate::process::Remote;
use crate::shard::Shard;
use crate::view::WorkersView;
use crate::wakes::Wakes;

/// A worker: takes ready shards, one at a time. [`Worker::run`] merely loops over [`Worker::step`].
pub struct Worker<C: Codec> {
    pub(crate) ready: Arc<ReadySet>,
    /// Each locked by the worker that claimed it, and by nobody else.
    pub(crate) shards: Arc<[Mutex<Shard<C>>]>,
    pub(crate) number: usize,
    pub(crate) view: WorkersView,
    /// The process that runs its lines, if it does not itself.
    pub(crate) remote: Option<Box<dyn Remote<C>>>,
    pub(crate) tick: Option<Duration>,
    /// Where to look for the next ready shard.
    pub(crate) cursor: usize,
    /// It slept until just now.
    pub(crate) slept: bool,
    /// Sinks to wake.
    pub(crate) wakes: Wakes<C>,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A shard was run for a slice.
    Ran,
    /// No shard is ready.
    Idle,
    /// Every shard has finished: there will be no more.
    Finished,
}

impl<C: Codec> Worker<C> {
    /// Runs one ready shard for a slice, if there is one. Never waits.
    pub fn step(&mut self) -> Step {
        let step = self.step_on();
        self.wakes.wake();
        step
    }

    /// The same for a worker that goes on with the next step at once: sinks are woken for several steps together.
    fn step_on(&mut self) -> Step {
        let Some(shard) = self.ready.claim_as(self.number, self.cursor) else {
            self.wakes.wake();
            return if self.ready.is_finished() {
                Step::Finished
            } else {
                Step::Idle
            };
        };
        self.cursor = shard + 1;
        if self.ready.any_ready() {
            self.ready.ring();
        }
        let started = monotonic_nanos();
        self.view.begin(self.number, started, shard);
        let (after, ended) = {
            let mut shard = self.shards[shard]
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let remote = self.remote.as_mut().map(|remote| &mut **remote as _);
            let slept = std::mem::take(&mut self.slept);
            // What a process of its own runs is looked at too seldom to keep a sink waiting for it.
            let quick = shard.is_quick() && remote.is_none();
            let ring_by = self.wakes.before(&shard.shared, quick);
            shard.ring_by = ring_by;
            let ran = match catch_panic(|| shard.run(&self.ready, remote, slept, started)) {
                Ok(ran) => ran,
                Err(panic) => {
                    self.view.inner.restarts.fetch_add(1, Ordering::Relaxed);
                    (shard.recover(&panic), monotonic_nanos())
                }
            };
            if shard.ring_by != ring_by {
                self.wakes.woken();
            }
            if shard.outbox.take_put() {
                self.wakes.owe(&shard.shared, started);
            }
            ran
        };
        // The output was handed over before this: the shard may run elsewhere from here on.
        self.ready.release(shard, after);
        self.view.end(self.number, ended - started);
        self.wakes.after(ended, self.ready.any_ready());
        Step::Ran
    }

    /// Steps until every shard has finished, sleeping while none is ready.
    pub fn run(self) {
        self.run_unless(|| false);
    }

    /// Like [`Worker::run`], but ends as soon as `leave` says so, which is asked while the worker holds no
    /// shard; true when every shard has finished.
    pub(crate) fn run_unless(mut self, leave: impl Fn() -> bool) -> bool {
        loop {
            if leave() {
                // It may have been woken for a shard.
                self.ready.ring();
                return false;
            }
            match self.step_on() {
                Step::Ran => {}
                Step::Idle => match self.tick {
                    None => {
                        self.ready.wait_as(self.number);
                        self.slept = true;
                    }
                    Some(every) => {
                        self.slept = self.ready.wait_timeout_as(self.number, every);
                        if !self.slept {
                            self.ready.mark_all(0..self.ready.len());
                        }
                    }
                },
                Step::Finished => {
                    // Let the next sleeper see it, too.
                    self.ready.ring();
                    return true;
                }
            }
        }
    }
}
