use std::collections::BTreeMap;

use crate::consignment::Fate;
use crate::latency::{Latency, LatencySnapshot};
use crate::sync::{Mutex, lock};

/// The reason under which events are counted whose part or receipt was dropped without an answer.
pub const ABANDONED: &str = "abandoned";

/// Counts by reason.
pub type Reasons = BTreeMap<&'static str, u64>;

/// The inputs of one pipeline: what came in and what became of it.
#[derive(Debug)]
pub struct Ledger {
    name: String,
    totals: Mutex<Totals>,
}

/// The terms of the input equation at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events taken in.
    pub received: u64,
    /// Confirmed by every required sink they went to.
    pub delivered: u64,
    /// Refused by a stage.
    pub filtered: u64,
    /// Became other events.
    pub consumed: u64,
    /// Went into a stage's state.
    pub absorbed: u64,
    /// Set aside with their reason.
    pub dead_lettered: u64,
    /// Given up, by reason.
    pub dropped_by: Reasons,
    /// Born and not yet ended.
    pub live: u64,
    /// Of these, worked through and only waiting for sinks to confirm.
    pub settling: u64,
}

impl Totals {
    /// Events given up, for whatever reason.
    pub fn dropped(&self) -> u64 {
        self.dropped_by.values().sum()
    }

    /// Events that have ended, one way or another.
    pub fn ended(&self) -> u64 {
        self.delivered
            + self.filtered
            + self.consumed
            + self.absorbed
            + self.dead_lettered
            + self.dropped()
    }
}

impl Ledger {
    /// An empty ledger for the pipeline `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Ledger {
            name: name.into(),
            totals: Mutex::new(Totals::default()),
        }
    }

    /// The pipeline's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All terms at one moment.
    pub fn totals(&self) -> Totals {
        lock(&self.totals).clone()
    }

    /// Events that the equation or the queues cannot account for; 0 unless something leaked.
    ///
    /// `held` counts the events in every place where they can be, in the order in which they pass
    /// through them (so that one that moves meanwhile is seen at least once); more than there are is
    /// fine. An event that is live while no place holds it has leaked.
    pub fn unaccounted(&self, held: impl FnOnce() -> u64) -> u64 {
        let before = self.totals();
        let held = held();
        let after = self.totals();
        // Born before the count began and not ended after it: in some place all the while.
        let lasting = before.received.saturating_sub(after.ended());
        after.received.abs_diff(after.ended() + after.live) + lasting.saturating_sub(held)
    }

    pub(crate) fn receive(&self, events: u64) {
        let mut totals = lock(&self.totals);
        totals.received += events;
        totals.live += events;
    }

    /// Ends as many events as `change` adds to the terms.
    pub(crate) fn end(&self, events: u64, change: impl FnOnce(&mut Totals)) {
        let mut totals = lock(&self.totals);
        // A tally of more events than came in must show in the equation, not stop the line.
        totals.live = totals.live.saturating_sub(events);
        change(&mut totals);
    }
}

/// The outputs of one sink.
#[derive(Debug)]
pub struct SinkLedger {
    name: String,
    totals: Mutex<SinkTotals>,
    latency: Latency,
}

/// The terms of the output equation at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkTotals {
    /// Rows meant for the sink.
    pub routed: u64,
    /// Confirmed by it.
    pub delivered: u64,
    /// Refused by it for good and set aside.
    pub dead_lettered: u64,
    /// Given up, by reason.
    pub dropped_by: Reasons,
    /// On their way.
    pub live: u64,
    /// Bytes delivered.
    pub bytes: u64,
    /// Attempts that failed and were made again.
    pub retries: u64,
}

impl SinkTotals {
    /// Rows that the equation cannot account for; 0 unless something leaked.
    pub fn unaccounted(&self) -> u64 {
        let known = self.delivered + self.dead_lettered + self.dropped() + self.live;
        self.routed.abs_diff(known)
    }

    /// Rows given up, for whatever reason.
    pub fn dropped(&self) -> u64 {
        self.dropped_by.values().sum()
    }
}

impl SinkLedger {
    /// An empty ledger for the sink `name`.
    pub fn new(name: impl Into<String>) -> Self {
        SinkLedger {
            name: name.into(),
            totals: Mutex::new(SinkTotals::default()),
            latency: Latency::default(),
        }
    }

    /// The sink's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All terms at one moment.
    pub fn totals(&self) -> SinkTotals {
        lock(&self.totals).clone()
    }

    /// The time from read to confirmed, of delivered rows.
    pub fn latency(&self) -> LatencySnapshot {
        self.latency.snapshot()
    }

    /// Counts bytes that the sink has taken.
    pub fn add_bytes(&self, bytes: u64) {
        lock(&self.totals).bytes += bytes;
    }

    /// Counts an attempt that failed and will be made again.
    pub fn add_retry(&self) {
        lock(&self.totals).retries += 1;
    }

    /// Counts all rows on their way as dropped for `reason`; returns how many there were. For a sink
    /// that will not answer for them: an answer that comes all the same changes nothing.
    pub fn write_off(&self, reason: &'static str) -> u64 {
        let mut totals = lock(&self.totals);
        let rows = std::mem::take(&mut totals.live);
        if rows > 0 {
            *totals.dropped_by.entry(reason).or_default() += rows;
        }
        rows
    }

    /// Counts rows that an earlier process kept for the sink as on their way to it.
    pub fn restore(&self, rows: u64) {
        self.route(rows);
    }

    pub(crate) fn route(&self, rows: u64) {
        let mut totals = lock(&self.totals);
        totals.routed += rows;
        totals.live += rows;
    }

    pub(crate) fn answer(&self, rows: u64, waited_nanos: u64, failed: &[(u32, Fate)]) {
        let mut totals = lock(&self.totals);
        let delivered = rows.saturating_sub(failed.len() as u64);
        let Some(live) = totals.live.checked_sub(rows) else {
            return;
        };
        totals.live = live;
        totals.delivered += delivered;
        for (_, fate) in failed {
            match fate {
                Fate::DeadLettered => totals.dead_lettered += 1,
                Fate::Dropped(reason) | Fate::Abandoned(reason) => {
                    *totals.dropped_by.entry(reason).or_default() += 1
                }
            }
        }
        drop(totals);
        if delivered > 0 {
            self.latency.observe(waited_nanos, delivered);
        }
    }

    pub(crate) fn abandon(&self, rows: u64) {
        let mut totals = lock(&self.totals);
        let Some(live) = totals.live.checked_sub(rows) else {
            return;
        };
        totals.live = live;
        *totals.dropped_by.entry(ABANDONED).or_default() += rows;
    }
}
