use std::sync::atomic::{AtomicU64, Ordering};

use crate::times::{Times, TimesSeen};

/// Shards meet on one of these seldom enough not to slow each other.
const STRIPES: usize = 16;

/// What it takes to run a pipeline, in numbers that grow: two looks tell what was between them.
///
/// A batch is what a shard is given at once: a chunk, or with a key the part of it that is the shard's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Batches run to their end.
    pub batches: u64,
    /// Events in them.
    pub events: u64,
    /// Bytes that they pinned.
    pub bytes: u64,
    /// The sum of the squares of their events. Wraps around, like the next.
    pub event_squares: u64,
    /// The sum of their events, each times the nanoseconds that its batch took.
    pub event_nanos: u64,
    /// How long a worker took for each, without what comes between batches.
    pub took: TimesSeen,
    /// How long each lay in its mailbox before a worker began it.
    pub waited: TimesSeen,
    /// The same of those for which a worker had to wake: how long that takes.
    pub woke: TimesSeen,
    /// Nanoseconds of [`Service::took`] for those: caches are cold then.
    pub woken_nanos: u64,
    /// By shard: nanoseconds that workers spent on it, all told.
    pub shards: Vec<u64>,
}

/// The counters behind a [`Service`]: a batch costs a few atomics, an event none.
pub(crate) struct ServiceCounts {
    stripes: Box<[Stripe]>,
    shards: Box<[AtomicU64]>,
}

/// A batch that was run to its end.
pub(crate) struct Ran {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) nanos: u64,
    /// A worker had to wake for it.
    pub(crate) woken: bool,
}

/// What some batches of a shard came to, not added yet.
#[derive(Default)]
pub(crate) struct Sums {
    events: u64,
    bytes: u64,
    event_squares: u64,
    event_nanos: u64,
}

struct Stripe {
    events: AtomicU64,
    bytes: AtomicU64,
    event_squares: AtomicU64,
    event_nanos: AtomicU64,
    woken_nanos: AtomicU64,
    took: Times,
    waited: Times,
    woke: Times,
}

impl ServiceCounts {
    pub(crate) fn new(shards: usize) -> Self {
        let stripe = |_| Stripe {
            events: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            event_squares: AtomicU64::new(0),
            event_nanos: AtomicU64::new(0),
            woken_nanos: AtomicU64::new(0),
            took: Times::new(),
            waited: Times::new(),
            woke: Times::new(),
        };
        ServiceCounts {
            stripes: (0..STRIPES.min(shards)).map(stripe).collect(),
            shards: (0..shards).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// A worker, which may have slept until now, begins a batch that has waited so long.
    pub(crate) fn began(&self, shard: usize, waited: u64, woken: bool) {
        let stripe = self.stripe(shard);
        stripe.waited.observe(waited);
        if woken {
            stripe.woke.observe(waited);
        }
    }

    /// A batch is over. What it adds to the sums goes into `sums`, to be [added](Self::add) with those of others: with
    /// a key, batches have a few events each.
    pub(crate) fn ran(&self, shard: usize, batch: &Ran, sums: &mut Sums) {
        let stripe = self.stripe(shard);
        let Ran {
            events,
            bytes,
            nanos,
            woken,
        } = *batch;
        if woken {
            stripe.woken_nanos.fetch_add(nanos, Ordering::Relaxed);
        }
        stripe.took.observe(nanos);
        for (sum, by) in [
            (&mut sums.events, events),
            (&mut sums.bytes, bytes),
            (&mut sums.event_squares, events.wrapping_mul(events)),
            (&mut sums.event_nanos, events.wrapping_mul(nanos)),
        ] {
            *sum = sum.wrapping_add(by);
        }
    }

    /// Adds what some batches of a shard came to, and begins anew.
    pub(crate) fn add(&self, shard: usize, sums: &mut Sums) {
        let sums = std::mem::take(sums);
        if sums.events == 0 {
            return;
        }
        let stripe = self.stripe(shard);
        for (counter, by) in [
            (&stripe.events, sums.events),
            (&stripe.bytes, sums.bytes),
            (&stripe.event_squares, sums.event_squares),
            (&stripe.event_nanos, sums.event_nanos),
        ] {
            counter.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// A worker spent so long on the shard, batches and all.
    pub(crate) fn spent(&self, shard: usize, nanos: u64) {
        self.shards[shard].fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn look(&self) -> Service {
        let mut seen = Service {
            shards: self
                .shards
                .iter()
                .map(|nanos| nanos.load(Ordering::Relaxed))
                .collect(),
            ..Service::default()
        };
        for stripe in &self.stripes {
            for (sum, counter) in [
                (&mut seen.events, &stripe.events),
                (&mut seen.bytes, &stripe.bytes),
                (&mut seen.event_squares, &stripe.event_squares),
                (&mut seen.event_nanos, &stripe.event_nanos),
                (&mut seen.woken_nanos, &stripe.woken_nanos),
            ] {
                *sum = sum.wrapping_add(counter.load(Ordering::Relaxed));
            }
            stripe.took.add_to(&mut seen.took);
            stripe.waited.add_to(&mut seen.waited);
            stripe.woke.add_to(&mut seen.woke);
        }
        seen.batches = seen.took.counts.iter().sum();
        seen
    }

    fn stripe(&self, shard: usize) -> &Stripe {
        &self.stripes[shard % self.stripes.len()]
    }
}
