use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use millpond_delivery::{Arrears, Inbound, Ledger, Owed, Part, SourceLedger, Ticket};
use millpond_event::{KeyPath, Slice, SplitScratch};
use millpond_queue::{Gate, Intake, Parcel, Permit, TrySendError, Weight, monotonic_nanos};

use crate::Closed;

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
    /// What it is given later, where a journal keeps it until then.
    pub arrears: Option<Arrears>,
}

/// The ways from one source into every pipeline that reads it.
pub struct Routes {
    source: Arc<str>,
    routes: Vec<Route>,
    ledger: Arc<SourceLedger>,
    warned_full: AtomicBool,
}

impl Routes {
    /// The routes of `source`, whose waits are counted in `ledger`.
    pub fn new(source: Arc<str>, routes: Vec<Route>, ledger: Arc<SourceLedger>) -> Self {
        Routes {
            source,
            routes,
            ledger,
            warned_full: AtomicBool::new(false),
        }
    }

    /// The gate of a pipeline that wants nothing at the moment, if there is one.
    pub(crate) fn closed_gate(&self) -> Option<&Gate> {
        let mut gates = self.routes.iter().map(|route| route.intake.gate());
        gates.find(|gate| gate.is_closed())
    }

    /// Bytes in the fullest pipeline's mailboxes.
    pub(crate) fn waiting(&self) -> u64 {
        let views = self.routes.iter().map(|route| route.intake.view());
        views.map(|view| view.depth().bytes).max().unwrap_or(0)
    }

    /// Hands a chunk's events to every pipeline, each its own part of `ticket`. What has no key goes to
    /// the shard that `turn` chooses: the same `turn`, the same shards. The permit returns when the last
    /// of the parts has been run. A pipeline behind a journal that is not level with it gets nothing: `turn` is the
    /// sequence of the record then, which is withheld from it.
    ///
    /// Does not wait: with a permit for each chunk, a mailbox always has a free slot. Should one
    /// have none after all, the parcel is offered again until it is taken.
    ///
    /// # Errors
    /// When a pipeline is gone. The others got their part; what the gone one missed is counted as
    /// abandoned.
    pub async fn submit(
        &self,
        slice: &Slice,
        permit: &Arc<Permit>,
        ticket: Ticket,
        turn: u64,
        received_nanos: u64,
    ) -> Result<(), Closed> {
        let mut closed = Ok(());
        let mut given = false;
        for route in &self.routes {
            let events = slice.len() as u64;
            let arrears = route.arrears.as_ref();
            if arrears.is_some_and(|arrears| arrears.withhold(turn, events)) {
                continue;
            }
            given = true;
            let _arriving = route.intake.arriving(events);
            let shares = shares(route, turn, slice);
            let mut packed_at = monotonic_nanos();
            let mut whole = ticket.part(&route.ledger, events);
            for (shard, batch) in shares {
                let part = whole.split_off(batch.len() as u64);
                let parcel = parcel(batch, part, received_nanos, permit, packed_at);
                closed = closed.and(self.send(route, shard, parcel, &mut packed_at).await);
            }
            route.intake.ring();
        }
        if !given {
            ticket.close();
        }
        closed
    }

    /// Hands a chunk's events, those of the record that is `owed`, to the one pipeline that is owed them, as far as
    /// it has not been given them. Otherwise as [`submit`](Routes::submit).
    ///
    /// # Errors
    /// When the pipeline is gone.
    pub async fn submit_late(
        &self,
        slice: &Slice,
        permit: &Arc<Permit>,
        ticket: Ticket,
        owed: &Owed,
        received_nanos: u64,
    ) -> Result<(), Closed> {
        let is_of = |arrears: &Arrears| owed.is_of(arrears);
        let mut routes = self.routes.iter();
        let route = routes.find(|route| route.arrears.as_ref().is_some_and(is_of));
        let mut closed = Ok(());
        let mut given = false;
        if let Some(route) = route {
            let _arriving = route.intake.arriving(slice.len() as u64);
            let shares = shares(route, owed.sequence(), slice);
            let mut packed_at = monotonic_nanos();
            for (shard, batch) in shares {
                let from = owed.from(shard);
                let Some(batch) = from.and_then(|ordinal| batch.since(ordinal)) else {
                    continue;
                };
                given = true;
                let part = owed.part(&ticket, shard, batch.len() as u64);
                let parcel = parcel(batch, part, received_nanos, permit, packed_at);
                closed = closed.and(self.send(route, shard, parcel, &mut packed_at).await);
            }
            route.intake.ring();
        }
        if !given {
            ticket.close();
        }
        closed
    }

    /// Whether the pipeline of these arrears is among those that they lead to.
    pub fn lead_to(&self, arrears: &Arrears) -> bool {
        let mut known = self.routes.iter().filter_map(|one| one.arrears.as_ref());
        known.any(|one| one.is(arrears))
    }

    /// Sends it, and sets `packed_at` anew for those that follow when it had to wait: they have not waited in a mailbox.
    async fn send(
        &self,
        route: &Route,
        shard: usize,
        parcel: Parcel<Inbound<Slice>>,
        packed_at: &mut u64,
    ) -> Result<(), Closed> {
        let mut waiting = parcel;
        loop {
            waiting = match route.intake.send(shard, waiting) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(parcel)) => parcel,
                Err(TrySendError::Closed(_)) => return Err(Closed),
            };
            route.intake.ring();
            if !self.warned_full.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    source = &*self.source,
                    pipeline = route.ledger.name(),
                    shard,
                    "a mailbox has fewer slots than the budget has chunks; offering the chunk again until it is taken"
                );
            }
            let _waited = Waited::new(&self.ledger);
            async_std::task::sleep(FULL_PAUSE).await;
            *packed_at = monotonic_nanos();
        }
    }
}

fn parcel(
    batch: Slice,
    part: Part,
    received_nanos: u64,
    permit: &Arc<Permit>,
    packed_at: u64,
) -> Parcel<Inbound<Slice>> {
    let weight = Weight {
        events: batch.len() as u64,
        bytes: batch.weight() as u64,
    };
    let inbound = Inbound {
        batch,
        part,
        received_nanos,
    };
    Parcel::packed(inbound, weight, packed_at).with_shared_permit(permit.clone())
}

/// Which shard gets what of a chunk.
fn shares(route: &Route, turn: u64, slice: &Slice) -> Vec<(usize, Slice)> {
    let shards = route.intake.shards();
    let turn = (turn % shards as u64) as usize;
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

/// Adds the time that it lives to the source's back-pressure.
pub(crate) struct Waited<'a> {
    ledger: &'a SourceLedger,
    since: Instant,
}

impl<'a> Waited<'a> {
    pub(crate) fn new(ledger: &'a SourceLedger) -> Self {
        let since = Instant::now();
        Waited { ledger, since }
    }

    pub(crate) fn count(&mut self) {
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
