use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millpond_queue::monotonic_nanos;

use crate::view::WorkersView;
use crate::watch::{Doing, Watched};

/// Finds workers that do not get on. Whoever wants to know has to look now and then, since an age begins when the
/// same thing is seen for the second time. A sink that a worker has put something out for and not woken when it got
/// stuck is woken then; nothing else of it is on the data path.
pub struct Hangs {
    workers: WorkersView,
    shards: Arc<[Arc<dyn Watched>]>,
    seen: Mutex<Vec<Option<Seen>>>,
}

/// What a worker was seen at.
#[derive(Clone, Copy)]
struct Seen {
    /// When it took the shard, which one, and what it was at there.
    task: (u64, usize, u64),
    /// When that was seen first.
    first: u64,
}

/// A worker that is still with what it was with before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hang {
    /// The worker's number.
    pub worker: usize,
    /// The pipeline.
    pub pipeline: Arc<str>,
    /// The shard.
    pub shard: u32,
    /// The stage that is running; none while an event is read or encoded.
    pub stage: Option<String>,
    /// The event as it came in; none where a stage was told the time, or the end.
    pub event: Option<Vec<u8>>,
    /// For how long.
    pub age: Duration,
    /// What names one and the same hang.
    pub id: (u64, u64),
}

impl Hangs {
    pub(crate) fn new(workers: WorkersView, shards: Arc<[Arc<dyn Watched>]>) -> Self {
        Hangs {
            workers,
            shards,
            seen: Mutex::default(),
        }
    }

    /// Workers that have been with one event, or in one call of a stage, for at least this long.
    pub fn look(&self, at_least: Duration) -> Vec<Hang> {
        let now = monotonic_nanos();
        // Each entry is one assignment.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.resize(self.workers.places(), None);
        let mut hangs = Vec::new();
        for (worker, seen) in seen.iter_mut().enumerate() {
            let Some((since, shard)) = self.workers.slice_of(worker) else {
                *seen = None;
                continue;
            };
            let Some(watched) = self.shards.get(shard) else {
                continue;
            };
            let task = (since, shard, watched.at());
            let first = match *seen {
                Some(before) if before.task == task => before.first,
                _ => now,
            };
            *seen = Some(Seen { task, first });
            let age = Duration::from_nanos(now - first);
            if now == first {
                continue;
            }
            watched.ring();
            if age < at_least {
                continue;
            }
            let Doing {
                pipeline,
                shard,
                stage,
                event,
            } = watched.look();
            // It may have gone on while it was looked at.
            if watched.at() == task.2 && self.workers.slice_of(worker) == Some((task.0, task.1)) {
                hangs.push(Hang {
                    worker,
                    pipeline,
                    shard,
                    stage,
                    event,
                    age,
                    id: (task.0, task.2),
                });
            }
        }
        hangs
    }

    /// What the system says of the thread of a worker: its state and where in the kernel it waits. Only on Linux.
    pub fn thread(&self, worker: usize) -> Option<String> {
        self.workers.thread(worker)
    }
}
