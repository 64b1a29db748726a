use std::sync::atomic::{AtomicU64, Ordering};

use crate::ledger::Reasons;
use crate::sync::{Mutex, lock};

/// What came in at one source, and what it had to turn away or wait for.
#[derive(Debug)]
pub struct SourceLedger {
    name: String,
    events: AtomicU64,
    bytes: AtomicU64,
    open: AtomicU64,
    opened: AtomicU64,
    backpressure_nanos: AtomicU64,
    closed_by: Mutex<Reasons>,
    requests: AtomicU64,
    duplicates: AtomicU64,
    refused_by: Mutex<Reasons>,
}

/// A source's counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceTotals {
    /// Events taken in, refused ones included; each once, however many pipelines read the source.
    pub events: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Connections (or files) open now.
    pub open: u64,
    /// Connections ever opened.
    pub opened: u64,
    /// Time spent waiting for the budget, summed over connections, in nanoseconds.
    pub backpressure_nanos: u64,
    /// Connections that the source closed or refused by itself, by reason.
    pub closed_by: Reasons,
    /// Requests that were acknowledged, of a source that is asked.
    pub requests: u64,
    /// Events that were taken in before, and so not again.
    pub duplicates: u64,
    /// Requests that were refused, by reason.
    pub refused_by: Reasons,
}

impl SourceLedger {
    /// An empty ledger for the source `name`.
    pub fn new(name: impl Into<String>) -> Self {
        SourceLedger {
            name: name.into(),
            events: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            open: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            backpressure_nanos: AtomicU64::new(0),
            closed_by: Mutex::new(Reasons::new()),
            requests: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            refused_by: Mutex::new(Reasons::new()),
        }
    }

    /// The source's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Counts events taken in.
    pub fn add_events(&self, events: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }

    /// Counts bytes read.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts time spent waiting for the budget.
    pub fn add_backpressure(&self, nanos: u64) {
        self.backpressure_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Counts a connection that opened; it counts as open until the guard is dropped.
    pub fn open(self: &std::sync::Arc<Self>) -> OpenGuard {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.opened.fetch_add(1, Ordering::Relaxed);
        OpenGuard {
            source: self.clone(),
        }
    }

    /// How many connections are open.
    pub fn open_now(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Counts a connection that the source closed or refused by itself.
    pub fn add_closed(&self, reason: &'static str) {
        *lock(&self.closed_by).entry(reason).or_default() += 1;
    }

    /// Counts a request that was acknowledged, and how many of its events were left out because they had been taken in
    /// before.
    pub fn add_request(&self, duplicates: u64) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if duplicates > 0 {
            self.duplicates.fetch_add(duplicates, Ordering::Relaxed);
        }
    }

    /// Counts a request that was refused.
    pub fn add_refused(&self, reason: &'static str) {
        *lock(&self.refused_by).entry(reason).or_default() += 1;
    }

    /// All counts.
    pub fn totals(&self) -> SourceTotals {
        SourceTotals {
            events: self.events.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            open: self.open.load(Ordering::Relaxed),
            opened: self.opened.load(Ordering::Relaxed),
            backpressure_nanos: self.backpressure_nanos.load(Ordering::Relaxed),
            closed_by: lock(&self.closed_by).clone(),
            requests: self.requests.load(Ordering::Relaxed),
            duplicates: self.duplicates.load(Ordering::Relaxed),
            refused_by: lock(&self.refused_by).clone(),
        }
    }
}

/// An open connection; see [`SourceLedger::open`].
#[derive(Debug)]
pub struct OpenGuard {
    source: std::sync::Arc<SourceLedger>,
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.source.open.fetch_sub(1, Ordering::Relaxed);
    }
}
