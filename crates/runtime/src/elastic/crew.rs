use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millpond_queue::ReadySet;

use super::view::PoolView;
use crate::codec::Codec;
use crate::error::RuntimeError;
use crate::process::Remotes;
use crate::shard::Shard;
use crate::view::WorkersView;
use crate::wakes::Wakes;
use crate::worker::Worker;

/// Starts worker threads and lets them go.
pub(crate) trait Staff: Send + Sync {
    /// Sees to it that this many workers run. Those that are too many end after their slice; once every
    /// shard has finished, there is nothing to do any more.
    fn set(&self, workers: usize) -> Result<(), RuntimeError>;
}

/// The workers of a runtime.
pub(crate) struct Crew<C: Codec> {
    ready: Arc<ReadySet>,
    view: WorkersView,
    pool: PoolView,
    tick: Option<Duration>,
    state: Mutex<State<C>>,
}

/// What every worker is given.
pub(crate) struct Kit<C: Codec> {
    pub(crate) shards: Arc<[Mutex<Shard<C>>]>,
    /// Where workers get their processes from, if they have some.
    pub(crate) remotes: Option<Arc<dyn Remotes<C>>>,
    /// Gone with the last worker.
    pub(crate) alive: Sender<()>,
}

struct State<C: Codec> {
    /// Gone as soon as a worker found that every shard has finished: no more are started, and the shards
    /// go with the workers, or the sinks' rooms would never close.
    kit: Option<Kit<C>>,
    /// Numbers that no worker has, the lowest last.
    free: Vec<usize>,
}

impl<C: Codec> Crew<C> {
    /// A crew without workers yet.
    pub(crate) fn new(
        kit: Kit<C>,
        ready: Arc<ReadySet>,
        view: WorkersView,
        pool: PoolView,
        tick: Option<Duration>,
    ) -> Arc<Self> {
        let max = *pool.bounds().end();
        Arc::new(Crew {
            ready,
            view,
            pool,
            tick,
            state: Mutex::new(State {
                kit: Some(kit),
                free: (0..max).rev().collect(),
            }),
        })
    }

    fn start(self: &Arc<Self>, kit: &Kit<C>, number: usize) -> Result<(), RuntimeError> {
        let most = *self.pool.bounds().end();
        let mut worker = Worker {
            ready: self.ready.clone(),
            shards: kit.shards.clone(),
            number,
            view: self.view.clone(),
            remote: None,
            tick: self.tick,
            cursor: number * self.ready.len() / most,
            slept: false,
            wakes: Wakes::new(),
        };
        let (crew, alive) = (self.clone(), kit.alive.clone());
        let remotes = kit.remotes.clone();
        let run = move || {
            // By the thread that will have it: the process ends with the thread that started it.
            worker.remote = remotes.map(|remotes| remotes.remote(number));
            crew.view.inner.meters.begin(number);
            crew.view.runs_on_this_thread(number);
            if worker.run_unless(|| crew.lets_go(number)) {
                crew.all_has_finished();
            }
            drop(alive);
        };
        let thread = std::thread::Builder::new().name(format!("worker-{number}"));
        // Counted before it runs: it may end before this one goes on.
        self.view.inner.running.fetch_add(1, Ordering::Relaxed);
        thread.spawn(run).map(drop).map_err(|error| {
            self.view.inner.running.fetch_sub(1, Ordering::Relaxed);
            RuntimeError::Thread {
                worker: number,
                error,
            }
        })
    }

    /// Whether the worker with this number, which holds no shard, is one too many. It counts as gone then.
    fn lets_go(&self, number: usize) -> bool {
        let running = &self.view.inner.running;
        // A look without the lock, which is taken only where it seems so.
        if running.load(Ordering::Relaxed) <= self.pool.wanted() {
            return false;
        }
        let mut state = lock(&self.state);
        if running.load(Ordering::Relaxed) <= self.pool.wanted() {
            return false;
        }
        running.fetch_sub(1, Ordering::Relaxed);
        self.view.inner.meters.end(number);
        state.free.push(number);
        state.free.sort_unstable_by(|a, b| b.cmp(a));
        true
    }

    fn all_has_finished(&self) {
        self.view.inner.running.fetch_sub(1, Ordering::Relaxed);
        lock(&self.state).kit = None;
    }
}

impl<C: Codec> Staff for Arc<Crew<C>> {
    fn set(&self, workers: usize) -> Result<(), RuntimeError> {
        let mut state = lock(&self.state);
        let State { kit, free } = &mut *state;
        let Some(kit) = kit else { return Ok(()) };
        self.pool.want(workers);
        while self.view.running() < workers
            && let Some(number) = free.pop()
        {
            if let Err(error) = self.start(kit, number) {
                free.push(number);
                // Nobody else will try until somebody decides anew.
                self.pool.want(self.view.running().max(1));
                return Err(error);
            }
        }
        drop(state);
        // One that sleeps and is too many has to notice; it wakes the next.
        self.ready.ring();
        Ok(())
    }
}

/// Nothing panics while it is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
