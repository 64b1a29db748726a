use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use millpond_delivery::{Backlog, Settled, SourceLedger, Taken, Ticket, TicketInfo};
use millpond_event::{Buffer, BufferPool, Chunk, Slice};
use millpond_queue::{Budget, Gate, Parcel, Permit, RoomSender, Weight, monotonic_nanos};

use crate::catch_up::{AHEAD, CatchUp};
use crate::flag::{Flag, Raised};
use crate::lease::Lease;
use crate::routes::{Route, Routes, Waited};
use crate::stop::Stopped;
use crate::traced;
use crate::{Resume, Resumed, Stop};

/// Capacities are rounded up to this, in bytes; no chunk is charged less.
pub(crate) const PAGE: usize = 4096;
/// How often a wait for the budget is added to the source's counts while it lasts.
const LAP: Duration = Duration::from_millis(500);

/// What a source works with: its routes, its share of the budget, its counts. A clone is the same
/// inlet; when the last one is dropped, the routes close.
#[derive(Clone)]
pub struct Inlet {
    inner: Arc<Inner>,
    branches: Arc<HashMap<String, Inlet>>,
    onlooker: Option<Onlooker>,
}

/// Looks at what passes. Must not wait.
pub type Onlooker = Arc<dyn Fn(&Slice) + Send + Sync>;

struct Inner {
    name: Arc<str>,
    way: Way,
    budget: Budget,
    pool: BufferPool,
    ledger: Arc<SourceLedger>,
    stop: Stop,
    closed: Flag,
    catch_up: CatchUp,
}

/// Where a source's events go.
enum Way {
    /// Straight to the pipelines. Chunks without a key take turns.
    Pipelines { routes: Routes, turn: AtomicU64 },
    /// To a journal, from where they go to the pipelines once they are durable.
    Journal(JournalWay),
}

/// The way into a journal.
pub struct JournalWay {
    /// Its room.
    pub room: RoomSender<Taken<Slice>>,
    /// How far the source's partitions are in the journal already.
    pub resume: Resume,
    /// Whether it has no room now.
    pub is_full: Arc<dyn Fn() -> bool + Send + Sync>,
    /// How what it held when it had no room the last time is drained.
    pub backlog: Arc<dyn Fn() -> Backlog + Send + Sync>,
}

/// A pipeline behind an inlet is gone: the source has nobody left to read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pipeline that reads the source is gone")]
pub struct Closed;

impl Inlet {
    /// An inlet for the source `name`, straight into pipelines.
    pub fn new(
        name: Arc<str>,
        routes: Vec<Route>,
        budget: Budget,
        pool: BufferPool,
        ledger: Arc<SourceLedger>,
        stop: Stop,
    ) -> Self {
        let way = Way::Pipelines {
            routes: Routes::new(name.clone(), routes, ledger.clone()),
            turn: AtomicU64::new(0),
        };
        Self::over(name, way, budget, pool, ledger, stop)
    }

    /// An inlet for the source `name` into a journal, which passes on to the pipelines what it keeps.
    pub fn with_journal(
        name: Arc<str>,
        way: JournalWay,
        budget: Budget,
        pool: BufferPool,
        ledger: Arc<SourceLedger>,
        stop: Stop,
    ) -> Self {
        Self::over(name, Way::Journal(way), budget, pool, ledger, stop)
    }

    fn over(
        name: Arc<str>,
        way: Way,
        budget: Budget,
        pool: BufferPool,
        ledger: Arc<SourceLedger>,
        stop: Stop,
    ) -> Self {
        Inlet {
            inner: Arc::new(Inner {
                name,
                way,
                budget,
                pool,
                ledger,
                stop,
                closed: Flag::default(),
                catch_up: CatchUp::default(),
            }),
            branches: Arc::default(),
            onlooker: None,
        }
    }

    /// The same with somebody, if there is one, who looks at every chunk as it is handed on, before anything is
    /// made of it.
    #[must_use]
    pub fn seen_by(self, onlooker: Option<Onlooker>) -> Self {
        Inlet { onlooker, ..self }
    }

    /// The same with inlets for parts of the source's input, by the names of its branches.
    #[must_use]
    pub fn with_branches(self, branches: HashMap<String, Inlet>) -> Self {
        Inlet {
            branches: Arc::new(branches),
            ..self
        }
    }

    /// The inlet for what goes to some of the pipelines alone.
    pub fn branch(&self, name: &str) -> Option<&Inlet> {
        self.branches.get(name)
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
    pub fn budget_bytes(&self) -> usize {
        usize::try_from(self.inner.budget.capacity()).unwrap_or(usize::MAX)
    }

    /// True once the source should end: it was told to, or a pipeline is gone.
    pub fn is_ended(&self) -> bool {
        self.inner.stop.is_stopped() || self.inner.closed.is_raised()
    }

    /// What is out of the budget, and what has come back to it.
    pub fn budget_backlog(&self) -> Backlog {
        let budget = &self.inner.budget;
        Backlog {
            capacity: budget.capacity(),
            waiting: budget.used(),
            left: budget.returned(),
        }
    }

    /// How the journal is drained that keeps what the source hands on, if there is one: since it was full the last
    /// time, and of what it held then.
    pub fn journal_backlog(&self) -> Option<Backlog> {
        match &self.inner.way {
            Way::Pipelines { .. } => None,
            Way::Journal(way) => Some((way.backlog)()),
        }
    }

    /// Whether the journal that keeps what the source hands on has no room for it.
    pub fn is_full(&self) -> bool {
        match &self.inner.way {
            Way::Pipelines { .. } => false,
            Way::Journal(way) => (way.is_full)(),
        }
    }

    /// Waits until the source should end.
    pub fn ended(&self) -> Ended {
        Ended {
            stopped: self.inner.stop.stopped(),
            closed: self.inner.closed.raised(),
        }
    }

    /// A buffer of at least `bytes`, if the budget has room for it, nobody waits for that room, every pipeline
    /// wants input, and the source is not far ahead of the workers.
    pub fn try_lease(&self, bytes: usize) -> Option<Lease> {
        if self.is_ahead() {
            return None;
        }
        self.try_lease_ahead(bytes)
    }

    /// The same, however far ahead the source is.
    pub(crate) fn try_lease_ahead(&self, bytes: usize) -> Option<Lease> {
        if self.closed_gate().is_some() {
            return None;
        }
        self.lease_at_once(bytes, 0)
    }

    /// The same whatever the pipelines want, under a permit that covers `beside` bytes more.
    pub fn lease_at_once(&self, bytes: usize, beside: usize) -> Option<Lease> {
        let bytes = self.size(bytes);
        let permit = self.inner.budget.try_acquire(bytes + beside)?;
        Some(self.buffer(bytes, permit))
    }

    /// Whether so much waits to be worked on that the workers find it cold in memory.
    fn is_ahead(&self) -> bool {
        self.inner.budget.used() > AHEAD
    }

    /// Bytes that wait where the source hands on: in the fullest pipeline's mailboxes (all of them share a chunk), or for
    /// the journal.
    pub(crate) fn waiting(&self) -> u64 {
        match &self.inner.way {
            Way::Pipelines { routes, .. } => routes.waiting(),
            Way::Journal(way) => way.room.depth().bytes,
        }
    }

    /// The gate of a pipeline that is to take what is read here and wants nothing at the moment. Behind a
    /// journal there is none: what comes in waits there.
    fn closed_gate(&self) -> Option<&Gate> {
        match &self.inner.way {
            Way::Pipelines { routes, .. } => routes.closed_gate(),
            Way::Journal(_) => None,
        }
    }

    /// Waits until every pipeline wants input, or the source should end. The time counts as back-pressure.
    async fn wanted(&self) {
        while let Some(gate) = self.closed_gate()
            && !self.is_ended()
        {
            let _waited = Waited::new(&self.inner.ledger);
            let opened = async {
                // Given up now and then, so that the time is counted while it lasts.
                let _ = async_std::future::timeout(LAP, gate.opened()).await;
            };
            futures_lite::future::or(self.ended(), opened).await;
        }
    }

    /// Waits for a buffer of at least `bytes`; `None` when the source should end. The time counts as
    /// back-pressure. Cancel-safe.
    ///
    /// A source that is far ahead of the workers is granted one after a short pause at the earliest: quick
    /// pipelines catch up in it and find what was read still in their caches; behind slow ones a burst is
    /// taken in all the same, up to the budget.
    pub async fn lease(&self, bytes: usize) -> Option<Lease> {
        self.lease_with(bytes, 0).await
    }

    /// The same under a permit that covers `beside` bytes more: for what is made of the buffer's bytes until they are
    /// handed on.
    pub async fn lease_with(&self, bytes: usize, beside: usize) -> Option<Lease> {
        self.wanted().await;
        if self.is_ended() {
            return None;
        }
        if self.is_ahead() {
            let _waited = Waited::new(&self.inner.ledger);
            let budget = &self.inner.budget;
            let (waiting, returned) = (self.waiting(), budget.returned());
            let pause = self
                .inner
                .catch_up
                .pause(monotonic_nanos(), waiting, returned);
            futures_lite::future::or(self.ended(), async_std::task::sleep(pause)).await;
            if self.is_ended() {
                return None;
            }
        }
        if let Some(lease) = self.lease_at_once(bytes, beside) {
            return Some(lease);
        }
        let bytes = self.size(bytes);
        let mut waited = Waited::new(&self.inner.ledger);
        let mut acquire = self.inner.budget.acquire(bytes + beside);
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

    /// Small needs get a buffer of their own: a request of a few lines must not pin 512 KiB while it comes in.
    fn size(&self, bytes: usize) -> usize {
        let usual = self.buffer_bytes();
        if (usual / 2..=usual).contains(&bytes) {
            usual
        } else {
            bytes.max(1).next_multiple_of(PAGE)
        }
    }

    /// Charges `bytes` without waiting, into an overdraft if need be.
    pub(crate) fn charge(&self, bytes: usize) -> Permit {
        self.inner.budget.charge(bytes)
    }

    fn buffer(&self, bytes: usize, permit: Permit) -> Lease {
        let buffer = if bytes == self.buffer_bytes() {
            self.inner.pool.take()
        } else {
            Buffer::from_vec(vec![0; bytes])
        };
        Lease { buffer, permit }
    }

    /// Whether a journal keeps what the source hands on.
    pub fn has_journal(&self) -> bool {
        matches!(self.inner.way, Way::Journal(_))
    }

    /// How far a partition of this source had come when the process ended the last time, if a journal
    /// remembers it.
    pub fn resume(&self, partition: u64) -> Option<Resumed> {
        match &self.inner.way {
            Way::Pipelines { .. } => None,
            Way::Journal(way) => way.resume.get(&partition).copied(),
        }
    }

    /// Hands a chunk on, to the journal or to every pipeline that reads the source, and says how many
    /// events it has. The permit covers the chunk's capacity and returns when the chunk is let go of.
    /// `listener` is told what becomes of the chunk, unless it has no events.
    ///
    /// # Errors
    /// When a pipeline or the journal is gone. The other pipelines got their part; what the gone one
    /// missed is counted as abandoned.
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
        let origin = slice.chunk().origin();
        let mut info = TicketInfo {
            partition: origin.partition,
            first_sequence: origin.first_sequence,
            events,
            bytes: slice.chunk().bytes().len() as u64,
            ..TicketInfo::default()
        };
        let listener = traced::follow(&self.inner.name, &mut info, listener);
        self.inner.ledger.add_events(events);
        if let Some(onlooker) = &self.onlooker {
            onlooker(&slice);
        }
        let handed_on = match &self.inner.way {
            Way::Pipelines { routes, turn } => {
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                let ticket = Ticket::new(info, listener);
                routes
                    .submit(&slice, &permit, ticket, turn, received_nanos)
                    .await
            }
            Way::Journal(way) => {
                let weight = Weight {
                    events,
                    bytes: slice.chunk().capacity() as u64,
                };
                let taken = Taken {
                    batch: slice,
                    info,
                    listener,
                    received_nanos,
                };
                let parcel = Parcel::new(taken, weight).with_shared_permit(permit);
                way.room.send_async(parcel).await.map_err(|_| Closed)
            }
        };
        handed_on.inspect_err(|_| self.inner.closed.raise())?;
        Ok(events)
    }
}

/// Waits for the end of a source; see [`Inlet::ended`].
pub struct Ended {
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
