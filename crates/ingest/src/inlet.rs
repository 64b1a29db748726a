use std::cell::RefCell;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use millpond_delivery::{Inbound, Ledger, Settled, SourceLedger, Ticket, TicketInfo};
use millpond_event::{Buffer, BufferPool, Chunk, KeyPath, Slice, SplitScratch};
use millpond_queue::{Budget, Intake, Parcel, Permit, TrySendError, Weight, monotonic_nanos};

use crate::Stop;
use crate::flag::{Flag, Raised};
use crate::stop::Stopped;

/// Capacities are rounded up to this, in bytes; no chunk is charged less.
pub(crate) const PAGE: usize = 4096;
/// How often a wait for the budget is added to the source's counts while it lasts.
const LAP: Duration = Duration::from_millis(500);
/// A source is far ahead when more bytes than this wait in the process: about what caches hold.
const AHEAD: u64 = 8 << 20;
/// How long it pauses then before each read.
const PAUSE: Duration = Duration::from_millis(1);
/// How long a hand-off waits that found a mailbox full.
const FULL_PAUSE: Duration = Duration::from_millis(1);

thread_local! {
    static SCRATCH: RefCell<SplitScratch> = RefCell::default();
}

/// The way into one pipeline.
pub struct Route {
    /// Its mailboxes.
    pub intake: Intake<Inbound<Slice>>,
    /// Where its inputs are counted.
    pub ledger: Arc<Ledger>,
    /// What its events are split by. Without a key, whole chunks go to one shard after another.
    pub key: Option<KeyPath>,
}

/// What a source works with: its routes, its share of the budget, its counts. A clone is the same
/// inlet; when the last one is dropped, the routes close.
#[derive(Clone)]
pub struct Inlet {
    inner: Arc<Inner>,
    journaled: bool,
}

struct Inner {
    name: Arc<str>,
    routes: Vec<(Route, AtomicUsize)>,
    budget: Budget,
    pool: BufferPool,
    ledger: Arc<SourceLedger>,
    stop: Stop,
    closed: Flag,
    warned_full: AtomicBool,
}

/// A pipeline behind an inlet is gone: the source has nobody left to read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pipeline that reads the source is gone")]
pub struct Closed;

impl Inlet {
    /// An inlet for the source `name`.
    pub fn new(
        name: Arc<str>,
        routes: Vec<Route>,
        budget: Budget,
        pool: BufferPool,
        ledger: Arc<SourceLedger>,
        stop: Stop,
    ) -> Self {
        let routes = routes.into_iter().map(|route| (route, AtomicUsize::new(0)));
        Inlet {
            inner: Arc::new(Inner {
                name,
                routes: routes.collect(),
                budget,
                pool,
                ledger,
                stop,
                closed: Flag::default(),
                warned_full: AtomicBool::new(false),
            }),
            journaled: false,
        }
    }

    /// Says that a journal keeps what is submitted, so that listeners hear when it is durable.
    #[must_use]
    pub fn with_journal(mut self) -> Self {
        self.journaled = true;
        self
    }

    /// Whether a journal keeps what is submitted.
    pub fn has_journal(&self) -> bool {
        self.journaled
    }

    /// The source's name.
    pub fn name(&self) -> &Arc<str> {
        &self.inner.name
    }

    /// What the source counts.
    pub fn ledger(&self) -> &Arc<SourceLedger> {
        &self.inner.ledger
    }

    /// What tells the source to end.
    pub fn stop(&self) -> &Stop {
        &self.inner.stop
    }

    /// The size of the buffers that reads usually get, in bytes.
    pub fn buffer_bytes(&self) -> usize {
        self.inner.pool.buffer_bytes()
    }

    /// The most bytes that a buffer may have, if the budget is to cover it.
    pub(crate) fn budget_bytes(&self) -> usize {
        usize::try_from(self.inner.budget.capacity()).unwrap_or(usize::MAX)
    }

    /// True once the source should end: it was told to, or a pipeline is gone.
    pub fn is_ended(&self) -> bool {
        self.inner.stop.is_stopped() || self.inner.closed.is_raised()
    }

    /// Waits until the source should end.
    pub(crate) fn ended(&self) -> Ended {
        Ended {
            stopped: self.inner.stop.stopped(),
            closed: self.inner.closed.raised(),
        }
    }

    /// A buffer of at least `bytes`, if the budget has room for it, nobody waits for that room, and the source is
    /// not far ahead of the workers.
    pub fn try_lease(&self, bytes: usize) -> Option<Lease> {
        if self.is_ahead() {
            return None;
        }
        self.lease_now(bytes)
    }

    fn lease_now(&self, bytes: usize) -> Option<Lease> {
        let bytes = self.size(bytes);
        let permit = self.inner.budget.try_acquire(bytes)?;
        Some(self.buffer(bytes, permit))
    }

    /// Whether so much waits to be worked on that the workers find it cold in memory.
    fn is_ahead(&self) -> bool {
        self.inner.budget.used() > AHEAD
    }

    /// Waits for a buffer of at least `bytes`; `None` when the source should end. The time counts as
    /// back-pressure. Cancel-safe.
    ///
    /// A source that is far ahead of the workers is granted one after a short pause at the earliest: quick
    /// pipelines catch up in it and find what was read still in their caches; behind slow ones a burst is
    /// taken in all the same, up to the budget.
    pub async fn lease(&self, bytes: usize) -> Option<Lease> {
        if self.is_ended() {
            return None;
        }
        if self.is_ahead() {
            let _waited = Waited::new(&self.inner.ledger);
            futures_lite::future::or(self.ended(), async_std::task::sleep(PAUSE)).await;
            if self.is_ended() {
                return None;
            }
        }
        if let Some(lease) = self.lease_now(bytes) {
            return Some(lease);
        }
        let bytes = self.size(bytes);
        let mut waited = Waited::new(&self.inner.ledger);
        let mut acquire = self.inner.budget.acquire(bytes);
        let permit = async {
            loop {
                match async_std::future::timeout(LAP, &mut acquire).await {
                    Ok(permit) => return Some(permit),
                    Err(_) => waited.count(),
                }
            }
        };
        let ended = async {
            self.ended().await;
            None
        };
        let permit = futures_lite::future::or(ended, permit).await?;
        Some(self.buffer(bytes, permit))
    }

    /// Small needs get a buffer of their own: a request of a few lines must not pin 256 KiB while it comes in.
    fn size(&self, bytes: usize) -> usize {
        let usual = self.buffer_bytes();
        if (usual / 2..=usual).contains(&bytes) {
            usual
        } else {
            bytes.max(1).next_multiple_of(PAGE)
        }
    }

    fn buffer(&self, bytes: usize, permit: Permit) -> Lease {
        let buffer = if bytes == self.buffer_bytes() {
            self.inner.pool.take()
        } else {
            Buffer::from_vec(vec![0; bytes])
        };
        Lease { buffer, permit }
    }

    /// Hands a chunk to every pipeline that reads the source, and says how many events it has. The
    /// permit covers the chunk's capacity and returns when the last of its parts has ended. `listener` is
    /// told what becomes of the chunk, unless it has no events.
    ///
    /// Does not wait: with a permit for each chunk, a mailbox always has a free slot. Should one
    /// have none after all, the parcel is offered again until it is taken.
    ///
    /// # Errors
    /// When a pipeline is gone. The others got their part; what the gone one missed is counted as
    /// abandoned.
    pub async fn submit(
        &self,
        chunk: Chunk,
        permit: Arc<Permit>,
        listener: Option<Arc<dyn Settled>>,
    ) -> Result<u64, Closed> {
        let received_nanos = monotonic_nanos();
        let Some(slice) = Slice::whole(Arc::new(chunk)) else {
            return Ok(0);
        };
        let events = slice.len() as u64;
        self.inner.ledger.add_events(events);
        let origin = slice.chunk().origin();
        let info = TicketInfo {
            partition: origin.partition,
            first_sequence: origin.first_sequence,
            events,
            bytes: slice.chunk().bytes().len() as u64,
            epoch: 0,
        };
        let ticket = Ticket::new(info, listener);
        for (route, turn) in &self.inner.routes {
            let _arriving = route.intake.arriving(events);
            for (shard, batch) in shares(route, turn, &slice) {
                let part = ticket.part(&route.ledger, batch.len() as u64);
                let weight = Weight {
                    events: batch.len() as u64,
                    bytes: batch.weight() as u64,
                };
                let inbound = Inbound {
                    batch,
                    part,
                    received_nanos,
                };
                let parcel = Parcel::new(inbound, weight).with_shared_permit(permit.clone());
                self.send(route, shard, parcel).await;
            }
            route.intake.ring();
        }
        if self.inner.closed.is_raised() {
            return Err(Closed);
        }
        Ok(events)
    }

    async fn send(&self, route: &Route, shard: usize, parcel: Parcel<Inbound<Slice>>) {
        let mut waiting = parcel;
        loop {
            waiting = match route.intake.send(shard, waiting) {
                Ok(()) => return,
                Err(TrySendError::Full(parcel)) => parcel,
                Err(TrySendError::Closed(_)) => {
                    self.inner.closed.raise();
                    return;
                }
            };
            route.intake.ring();
            if !self.inner.warned_full.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    source = &*self.inner.name,
                    pipeline = route.ledger.name(),
                    shard,
                    "a mailbox has fewer slots than the budget has chunks; offering the chunk again until it is taken"
                );
            }
            let _waited = Waited::new(&self.inner.ledger);
            async_std::task::sleep(FULL_PAUSE).await;
        }
    }
}

/// Which shard gets what of a chunk.
fn shares(route: &Route, turn: &AtomicUsize, slice: &Slice) -> Vec<(usize, Slice)> {
    let shards = route.intake.shards();
    let turn = turn.fetch_add(1, Ordering::Relaxed) % shards;
    let Some(key) = &route.key else {
        return vec![(turn, slice.clone())];
    };
    let mut shares = Vec::with_capacity(shards.min(slice.len()));
    let (count, fallback) = (shards as u32, turn as u32);
    SCRATCH.with_borrow_mut(|scratch| {
        slice.split(key, count, fallback, scratch, |shard, part| {
            shares.push((shard as usize, part));
        });
    });
    shares
}

/// A buffer to read into, and the permit for it.
pub struct Lease {
    buffer: Buffer,
    permit: Permit,
}

impl Lease {
    /// The bytes to read into; what they hold is whatever their last user left.
    pub fn bytes(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// How many there are.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// The buffer of a chunk with the bytes of `range`, how many of them are filled, and its permit.
    ///
    /// A buffer that is well filled from its start is the chunk's own; otherwise the bytes move to
    /// one of their size and the rest of the permit goes back.
    pub fn seal(mut self, range: Range<usize>) -> (Buffer, usize, Permit) {
        let filled = range.len();
        if range.start == 0 && filled >= self.capacity() / 2 {
            return (self.buffer, filled, self.permit);
        }
        let capacity = filled.max(1).next_multiple_of(PAGE);
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(&self.buffer[range]);
        bytes.resize(capacity, 0);
        self.permit.shrink_to(capacity);
        (Buffer::from_vec(bytes), filled, self.permit)
    }

    /// Its buffer and its permit.
    pub(crate) fn into_parts(self) -> (Buffer, Permit) {
        (self.buffer, self.permit)
    }
}

/// Waits for the end of a source; see [`Inlet::ended`].
pub(crate) struct Ended {
    stopped: Stopped,
    closed: Raised,
}

impl Future for Ended {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let stopped = Pin::new(&mut self.stopped).poll(context);
        if stopped.is_ready() {
            return stopped;
        }
        Pin::new(&mut self.closed).poll(context)
    }
}

/// Adds the time that it lives to the source's back-pressure.
struct Waited<'a> {
    ledger: &'a SourceLedger,
    since: Instant,
}

impl<'a> Waited<'a> {
    fn new(ledger: &'a SourceLedger) -> Self {
        let since = Instant::now();
        Waited { ledger, since }
    }

    fn count(&mut self) {
        let now = Instant::now();
        let nanos = now.saturating_duration_since(self.since).as_nanos();
        self.ledger
            .add_backpressure(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.since = now;
    }
}

impl Drop for Waited<'_> {
    fn drop(&mut self) {
        self.count();
    }
}
