use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millpond_engine::Cursor;
use millpond_queue::RoomView;

use crate::codec::Codec;

/// An event's place in its batch takes this many bits.
const EVENT_BITS: u32 = 32;

/// What a shard is doing, for another thread to look at: the shard itself is locked while it runs.
pub(crate) struct Watch<C: Codec> {
    pipeline: Arc<str>,
    shard: u32,
    /// Those of its pipeline's sinks.
    rooms: Arc<[RoomView]>,
    stages: Mutex<Arc<[String]>>,
    pub(crate) cursor: Arc<Cursor>,
    /// The number of the batch, and the place of the event in it from 1; 0 for none.
    at: AtomicU64,
    /// A second handle on the batch in work.
    batch: Mutex<Option<C::Batch>>,
}

/// What a [`Watch`] shows, whatever the type of the items.
pub(crate) trait Watched: Send + Sync {
    /// Changes with every event that is begun.
    fn at(&self) -> u64;

    /// What is being done.
    fn look(&self) -> Doing;

    /// Wakes the sinks of its pipeline, in case their worker has put something out and not come to that yet.
    fn ring(&self);
}

/// What a shard is doing.
pub(crate) struct Doing {
    pub(crate) pipeline: Arc<str>,
    pub(crate) shard: u32,
    pub(crate) stage: Option<String>,
    pub(crate) event: Option<Vec<u8>>,
}

impl<C: Codec> Watch<C> {
    pub(crate) fn new(
        pipeline: Arc<str>,
        shard: u32,
        stages: Arc<[String]>,
        rooms: Arc<[RoomView]>,
    ) -> Self {
        Watch {
            pipeline,
            shard,
            rooms,
            stages: Mutex::new(stages),
            cursor: Arc::default(),
            at: AtomicU64::new(0),
            batch: Mutex::new(None),
        }
    }

    /// The line has these stages from now on.
    pub(crate) fn stages(&self, names: Arc<[String]>) {
        *lock(&self.stages) = names;
    }

    /// A batch is begun, or the one in work is let go of.
    pub(crate) fn batch(&self, batch: Option<&C::Batch>) {
        *lock(&self.batch) = batch.and_then(C::share);
        let number = (self.at.load(Ordering::Relaxed) >> EVENT_BITS) + 1;
        self.at.store(number << EVENT_BITS, Ordering::Relaxed);
    }

    /// The event at this place of the batch is begun. Only the worker that has the shard says so.
    #[inline]
    pub(crate) fn event(&self, index: usize) {
        let number = self.at.load(Ordering::Relaxed) >> EVENT_BITS;
        let at = number << EVENT_BITS | (index as u64 + 1);
        self.at.store(at, Ordering::Relaxed);
    }

    /// None of its events is in work.
    pub(crate) fn no_event(&self) {
        let number = self.at.load(Ordering::Relaxed) >> EVENT_BITS;
        self.at.store(number << EVENT_BITS, Ordering::Relaxed);
    }
}

impl<C: Codec> Watched for Watch<C> {
    fn at(&self) -> u64 {
        self.at.load(Ordering::Relaxed)
    }

    fn look(&self) -> Doing {
        let stages = lock(&self.stages).clone();
        let stage = self.cursor.stage().and_then(|stage| stages.get(stage));
        let place = (self.at() as u32).checked_sub(1);
        let event = match (place, &*lock(&self.batch)) {
            (Some(index), Some(batch)) => C::original(batch, index as usize).map(<[u8]>::to_vec),
            _ => None,
        };
        Doing {
            pipeline: self.pipeline.clone(),
            shard: self.shard,
            stage: stage.cloned(),
            event,
        }
    }

    fn ring(&self) {
        self.rooms.iter().for_each(RoomView::wake_receiver);
    }
}

/// Every change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
