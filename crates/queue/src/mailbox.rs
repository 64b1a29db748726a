use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::depth::Gauge;
use crate::gate::Gate;
use crate::head::Head;
use crate::{Depth, Limits, Parcel, ReadySet, TrySendError};

/// One mailbox per shard behind one intake.
///
/// The shards are `base .. base + count` of `ready`. Each mailbox holds up to `slots` parcels: with
/// one parcel per shard and chunk, and a chunk charged at least the budget's size / `slots`, a send
/// with a permit in hand cannot fail.
pub fn mailboxes<T>(
    name: impl Into<Arc<str>>,
    ready: Arc<ReadySet>,
    base: usize,
    count: usize,
    slots: usize,
    limits: Limits,
) -> (Intake<T>, Vec<Mailbox<T>>) {
    let gauges: Arc<[Gauge]> = (0..count).map(|_| Gauge::new()).collect();
    let (senders, boxes) = (0..count)
        .map(|shard| {
            let (sender, receiver) = flume::bounded(slots.max(1));
            (
                sender,
                Mailbox {
                    head: Head::new(receiver),
                    gauges: gauges.clone(),
                    shard,
                },
            )
        })
        .unzip();
    let view = IntakeView {
        name: name.into(),
        arriving: Arc::new(AtomicU64::new(0)),
        arrivals: Arc::new(AtomicU64::new(0)),
        gauges,
        limits,
    };
    let closing = Closing {
        ready,
        shards: base..base + count,
    };
    (
        Intake {
            inner: Arc::new(Inner {
                senders,
                closing,
                view,
                gate: Gate::new(),
            }),
        },
        boxes,
    )
}

/// The handle by which input enters a pipeline. Clones share it; when the last one is dropped, each
/// shard is run once more and finds that its input has ended.
pub struct Intake<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    // Dropped before `closing`: the shards are woken when the senders have gone.
    senders: Vec<flume::Sender<Parcel<T>>>,
    closing: Closing,
    view: IntakeView,
    gate: Gate,
}

struct Closing {
    ready: Arc<ReadySet>,
    shards: Range<usize>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.ready.mark_all(self.shards.clone());
    }
}

impl<T> Clone for Intake<T> {
    fn clone(&self) -> Self {
        Intake {
            inner: self.inner.clone(),
        }
    }
}

impl<T> Intake<T> {
    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.inner.senders.len()
    }

    /// Puts a parcel into a shard's mailbox. Call [`Intake::ring`] after the last one of a chunk.
    ///
    /// # Errors
    /// The parcel comes back when the mailbox has no slot left (which a sender that holds a permit
    /// for it never sees) or when the pipeline is gone.
    pub fn send(&self, shard: usize, parcel: Parcel<T>) -> Result<(), TrySendError<T>> {
        let Inner {
            senders,
            closing,
            view,
            ..
        } = &*self.inner;
        view.gauges[shard].push(&senders[shard], parcel, None)?;
        closing.ready.mark(closing.shards.start + shard);
        Ok(())
    }

    /// Says that `events` events are about to be sent: until the guard is dropped they count as
    /// [`IntakeView::arriving`]. Take it before they are accounted for anywhere else, so that
    /// whoever sums up the places where an event can be finds it in one.
    #[must_use]
    pub fn arriving(&self, events: u64) -> Arriving {
        let view = &self.inner.view;
        view.arrivals.fetch_add(1, Ordering::Relaxed);
        let arriving = view.arriving.clone();
        arriving.fetch_add(events, Ordering::AcqRel);
        Arriving { arriving, events }
    }

    /// Where whoever brings input in waits while the pipeline wants none.
    pub fn gate(&self) -> &Gate {
        &self.inner.gate
    }

    /// Wakes a worker for what was sent.
    pub fn ring(&self) {
        self.inner.closing.ready.ring();
    }

    /// A read-only view of the mailboxes that keeps nobody from closing them.
    pub fn view(&self) -> IntakeView {
        self.inner.view.clone()
    }
}

/// Events in a sender's hands; see [`Intake::arriving`].
pub struct Arriving {
    arriving: Arc<AtomicU64>,
    events: u64,
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.arriving.fetch_sub(self.events, Ordering::AcqRel);
    }
}

/// The consuming end of one shard's mailbox, owned by whoever runs the shard.
pub struct Mailbox<T> {
    head: Head<T>,
    gauges: Arc<[Gauge]>,
    shard: usize,
}

impl<T> Mailbox<T> {
    /// The next parcel, if one waits.
    pub fn take(&mut self) -> Option<Parcel<T>> {
        self.head.pop(&self.gauges[self.shard])
    }

    /// Begins the next parcel, if one waits, for a consumer that works through it bit by bit: its
    /// events go on counting as queued until they are [`Mailbox::ran`], its bytes and its age until
    /// [`Mailbox::finish`]. Finish one parcel before the next is begun.
    pub fn begin(&mut self) -> Option<Parcel<T>> {
        self.head.begin()
    }

    /// Says that `events` events of the parcel that was begun have been worked on: they are in the
    /// consumer's hand now, until they are [`Mailbox::done`].
    pub fn ran(&self, events: u64) {
        self.gauges[self.shard].ran(events);
    }

    /// Says that nothing of the parcel that was begun is left, and its `bytes` are free.
    pub fn finish(&mut self, bytes: u64) {
        self.head.let_go(bytes, &self.gauges[self.shard]);
    }

    /// Says that `events` events of the parcels taken are no longer in the consumer's hand.
    pub fn done(&self, events: u64) {
        self.gauges[self.shard].done(events);
    }

    /// True once the intake is gone and nothing is left to take.
    pub fn is_ended(&self) -> bool {
        self.head.is_ended()
    }
}

impl<T> Drop for Mailbox<T> {
    fn drop(&mut self) {
        self.head.close(&self.gauges[self.shard]);
    }
}

/// A read-only view of a pipeline's mailboxes, for metrics and health.
#[derive(Clone)]
pub struct IntakeView {
    name: Arc<str>,
    arriving: Arc<AtomicU64>,
    arrivals: Arc<AtomicU64>,
    gauges: Arc<[Gauge]>,
    limits: Limits,
}

impl IntakeView {
    /// The queue's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How full all mailboxes together are; the age is that of the oldest in any.
    pub fn depth(&self) -> Depth {
        let empty = Gauge::new().read(self.limits);
        self.gauges.iter().fold(empty, |sum, gauge| {
            let one = gauge.read(self.limits);
            Depth {
                events: sum.events + one.events,
                bytes: sum.bytes + one.bytes,
                oldest: sum.oldest.max(one.oldest),
                ..sum
            }
        })
    }

    /// How full one shard's mailbox is.
    pub fn shard(&self, shard: usize) -> Option<Depth> {
        self.gauges.get(shard).map(|gauge| gauge.read(self.limits))
    }

    /// Events that were ever put into one shard's mailbox: a hot key shows in how fast that grows.
    pub fn arrived(&self, shard: usize) -> Option<u64> {
        self.gauges.get(shard).map(Gauge::arrived)
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.gauges.len()
    }

    /// Events in the senders' hands; read before [`IntakeView::events`], it misses none.
    pub fn arriving(&self) -> u64 {
        self.arriving.load(Ordering::Acquire)
    }

    /// How often a sender had something to send: with a key, that becomes a parcel for each of several shards.
    pub fn arrivals(&self) -> u64 {
        self.arrivals.load(Ordering::Relaxed)
    }

    /// Events in all mailboxes.
    pub fn events(&self) -> u64 {
        self.gauges.iter().map(Gauge::events).sum()
    }

    /// Events taken from the mailboxes and not yet done; read after [`IntakeView::events`], it
    /// misses none.
    pub fn in_hand(&self) -> u64 {
        self.gauges.iter().map(Gauge::in_hand).sum()
    }
}
