//! How long a drain waits for sinks that nothing has to wait for.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use millpond_sinks::SinkControl;

use crate::wire::{Seen, SinkSeen};

/// The reason under which rows count that a drain did not wait for.
const DRAIN: &str = "drain";
/// How long a best-effort sink may get nowhere.
const MOST: Duration = Duration::from_secs(1);
/// How often to look.
const EVERY: Duration = Duration::from_millis(50);

/// A best-effort sink, and the ways to end it.
pub(crate) struct BestEffort {
    pub(crate) sink: SinkSeen,
    pub(crate) control: SinkControl,
    /// Read by the workers: see [`millpond_runtime::Exit::given_up`].
    pub(crate) given_up: Arc<OnceLock<&'static str>>,
}

/// Watches the best-effort sinks while the line drains. One that delivers nothing for a second, or
/// has had a second more than the required ones, is given up: what it has not delivered by then is
/// dropped and counted, and its full room parks no shard any more.
pub(crate) struct Patience {
    grace: Duration,
    sinks: Vec<Watched>,
}

struct Watched {
    sink: BestEffort,
    delivered: u64,
    /// When it last got on, while others had to be waited for.
    since: Instant,
}

impl Patience {
    /// The drain begins, and may take this long.
    pub(crate) fn begin(sinks: Vec<BestEffort>, drain: Duration, now: Instant) -> Self {
        let watched = |sink: BestEffort| Watched {
            delivered: sink.sink.ledger.totals().delivered,
            sink,
            since: now,
        };
        Patience {
            grace: MOST.min(drain / 2),
            sinks: sinks.into_iter().map(watched).collect(),
        }
    }

    /// How long whoever calls [`Patience::look`] may wait before the next call.
    pub(crate) fn every(&self) -> Option<Duration> {
        let waits = |watched: &Watched| watched.sink.given_up.get().is_none();
        self.sinks.iter().any(waits).then_some(EVERY)
    }

    /// Gives up what is due.
    pub(crate) fn look(&mut self, seen: &Seen, now: Instant) {
        let mut ledgers = seen.pipelines.iter().map(|one| one.view.ledger());
        let others_wait = ledgers.any(|ledger| ledger.totals().live > 0);
        for watched in &mut self.sinks {
            let totals = watched.sink.sink.ledger.totals();
            let got_on = totals.delivered > watched.delivered;
            watched.delivered = totals.delivered;
            if totals.live == 0 || (others_wait && got_on) {
                watched.since = now;
            }
            let due = now.saturating_duration_since(watched.since) >= self.grace;
            if due && watched.sink.given_up.set(DRAIN).is_ok() {
                let sink = watched.sink.sink.ledger.name();
                let rows = totals.live;
                tracing::warn!(
                    sink,
                    rows,
                    "the drain does not wait for the sink any longer"
                );
                watched.sink.control.give_up();
                watched.sink.sink.room.wake_senders();
            }
        }
    }

    /// Everything else has ended: counts what sinks hold that were given up and have not noticed.
    pub(crate) fn end(&self) {
        let given_up = |watched: &&Watched| watched.sink.given_up.get().is_some();
        for watched in self.sinks.iter().filter(given_up) {
            watched.sink.sink.ledger.write_off(DRAIN);
        }
    }
}
