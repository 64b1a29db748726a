use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::tap::{Queue, Sample, Tap};

/// A place where events pass.
#[derive(Debug, Default)]
pub struct Point {
    watched: AtomicUsize,
    passed: AtomicU64,
    queues: Mutex<Vec<Arc<Queue>>>,
}

impl Point {
    /// Whether anybody looks: one relaxed load.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed) > 0
    }

    /// Lets so many events pass. `sample` copies the one at a place, and is called for as many as the taps have room for,
    /// spread over all of them.
    pub fn pass(&self, events: usize, mut sample: impl FnMut(usize) -> Sample) {
        self.passed.fetch_add(events as u64, Ordering::Relaxed);
        self.each(|queue, now| queue.take_in(now, events, &mut sample));
    }

    /// How many of the next events somebody has room for.
    pub fn wanted(&self) -> usize {
        let mut most = 0;
        self.each(|queue, now| most = most.max(queue.wanted(now)));
        most
    }

    /// Shows one event that is not counted as passing: by whoever counts those otherwise.
    pub fn show(&self, mut sample: impl FnMut() -> Sample) {
        self.each(|queue, now| queue.take_in(now, 1, &mut |_| sample()));
    }

    /// Looks at so many events a second at most, until the tap is dropped.
    #[must_use]
    pub fn tap(self: &Arc<Self>, per_second: u32) -> Tap {
        let queue = Arc::new(Queue::new(per_second, Instant::now()));
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.push(queue.clone());
        self.watched.store(queues.len(), Ordering::Relaxed);
        drop(queues);
        Tap::new(self.clone(), queue)
    }

    pub(crate) fn leave(&self, queue: &Arc<Queue>) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|one| !Arc::ptr_eq(one, queue));
        self.watched.store(queues.len(), Ordering::Relaxed);
    }

    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Nobody waits here: where another thread is at it, this one goes on.
    fn each(&self, mut call: impl FnMut(&Queue, Instant)) {
        let Ok(queues) = self.queues.try_lock() else {
            return;
        };
        let now = Instant::now();
        queues.iter().for_each(|queue| call(queue, now));
    }
}
