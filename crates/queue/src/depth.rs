use std::time::Duration;

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, lock};
use crate::{Parcel, TrySendError, Weight, monotonic_nanos};

/// The bounds of a room. Both hold at once; an empty room takes any one parcel, or a parcel larger
/// than the room could never pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most this many events.
    pub events: u64,
    /// At most this many bytes.
    pub bytes: u64,
}

/// How full a queue is, read without locking it. The parts are read one after another, so under
/// load they may differ by what moved in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Events that wait.
    pub events: u64,
    /// Bytes that they pin.
    pub bytes: u64,
    /// The bounds.
    pub capacity: Limits,
    /// How long the oldest of them has waited; zero when nothing waits.
    pub oldest: Duration,
}

/// The counters behind a [`Depth`], and the gate that keeps them true.
///
/// Senders hand over and the consumer looks at what is left behind the gate, each once a parcel, so
/// that what is counted, what is queued and the age of the head never contradict each other. Readers
/// of the counters do not pass it.
pub(crate) struct Gauge {
    gate: Mutex<Gate>,
    events: AtomicU64,
    bytes: AtomicU64,
    /// Events that were ever put in; written behind the gate only.
    arrived: AtomicU64,
    /// Events of parcels that were taken and are not done.
    in_hand: AtomicU64,
    /// When the parcel at the head was packed; 0 = none waits.
    oldest: AtomicU64,
}

/// Whether anybody is left to take what is sent.
#[derive(PartialEq, Eq)]
enum Gate {
    Open,
    Closed,
}

impl Gauge {
    pub(crate) fn new() -> Self {
        Gauge {
            gate: Mutex::new(Gate::Open),
            events: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            arrived: AtomicU64::new(0),
            in_hand: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
        }
    }

    /// Hands a parcel over if it fits `limits` (any one fits an empty queue) and somebody is left to
    /// take it.
    pub(crate) fn push<T>(
        &self,
        sender: &flume::Sender<Parcel<T>>,
        parcel: Parcel<T>,
        limits: Option<Limits>,
    ) -> Result<(), TrySendError<T>> {
        let (weight, packed_at) = (parcel.weight, parcel.packed_at);
        let gate = lock(&self.gate);
        if *gate == Gate::Closed {
            return Err(TrySendError::Closed(parcel));
        }
        if limits.is_some_and(|limits| !self.fits(weight, limits)) {
            return Err(TrySendError::Full(parcel));
        }
        // Counted before it can be taken: whoever sums up places in the order of the way sees it.
        self.bytes.fetch_add(weight.bytes, Ordering::AcqRel);
        self.events.fetch_add(weight.events, Ordering::AcqRel);
        match sender.try_send(parcel) {
            Ok(()) => {
                if self.oldest.load(Ordering::Relaxed) == 0 {
                    self.oldest.store(packed_at, Ordering::Relaxed);
                }
                let arrived = self.arrived.load(Ordering::Relaxed);
                let arrived = arrived.wrapping_add(weight.events);
                self.arrived.store(arrived, Ordering::Relaxed);
                Ok(())
            }
            Err(refused) => {
                self.sub(weight);
                Err(match refused {
                    flume::TrySendError::Full(parcel) => TrySendError::Full(parcel),
                    flume::TrySendError::Disconnected(parcel) => TrySendError::Closed(parcel),
                })
            }
        }
    }

    /// Says that a parcel of this weight was taken, and finds the next with `look`.
    pub(crate) fn taken<T>(
        &self,
        weight: Weight,
        look: impl FnOnce() -> Option<Parcel<T>>,
    ) -> Option<Parcel<T>> {
        let _gate = lock(&self.gate);
        let next = look();
        let oldest = next.as_ref().map_or(0, |parcel| parcel.packed_at);
        self.oldest.store(oldest, Ordering::Relaxed);
        // Counted in the hand before it is out of the queue, for the same reason as in `push`.
        if weight.events > 0 {
            self.in_hand.fetch_add(weight.events, Ordering::AcqRel);
        }
        self.sub(weight);
        next
    }

    /// Events of a parcel that was begun are queued no longer, but in hand.
    pub(crate) fn ran(&self, events: u64) {
        self.in_hand.fetch_add(events, Ordering::AcqRel);
        self.events.fetch_sub(events, Ordering::AcqRel);
    }

    /// Says that events that were taken are no longer in hand.
    pub(crate) fn done(&self, events: u64) {
        let _ = self
            .in_hand
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
                Some(now.saturating_sub(events))
            });
    }

    /// Nothing is handed over any more.
    pub(crate) fn close(&self) {
        *lock(&self.gate) = Gate::Closed;
    }

    /// The consumer is gone: it has nothing in hand.
    pub(crate) fn gone(&self) {
        self.in_hand.store(0, Ordering::Release);
    }

    pub(crate) fn in_hand(&self) -> u64 {
        self.in_hand.load(Ordering::Acquire)
    }

    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Acquire)
    }

    pub(crate) fn read(&self, capacity: Limits) -> Depth {
        let waited = match self.oldest.load(Ordering::Relaxed) {
            0 => 0,
            packed_at => monotonic_nanos().saturating_sub(packed_at),
        };
        Depth {
            events: self.events(),
            bytes: self.bytes.load(Ordering::Acquire),
            capacity,
            oldest: Duration::from_nanos(waited),
        }
    }

    fn fits(&self, weight: Weight, limits: Limits) -> bool {
        let events = self.events();
        events == 0
            || (events.saturating_add(weight.events) <= limits.events
                && self
                    .bytes
                    .load(Ordering::Acquire)
                    .saturating_add(weight.bytes)
                    <= limits.bytes)
    }

    fn sub(&self, weight: Weight) {
        self.bytes.fetch_sub(weight.bytes, Ordering::AcqRel);
        if weight.events > 0 {
            self.events.fetch_sub(weight.events, Ordering::AcqRel);
        }
    }
}
