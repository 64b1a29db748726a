use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millpond_delivery::{Latency, Settled, SettledPrefix, TicketInfo};
use millpond_queue::Permit;

use super::problems::Problems;

/// What the writer, the reader and the ends of tickets have in common.
pub(super) struct Shared<B> {
    pub(super) prefix: SettledPrefix,
    pub(super) counts: Counts,
    state: Mutex<State<B>>,
    changed: Condvar,
}

pub(super) struct State<B> {
    /// Records below this are synced.
    pub(super) durable: u64,
    /// The record that the reader takes next.
    pub(super) reading: u64,
    /// Synced records that are still in memory, in order and without a gap.
    pub(super) tail: VecDeque<(u64, Cached<B>)>,
    /// Those who wait for the end of a record that is only on disk.
    pub(super) listeners: HashMap<u64, Listener>,
    /// Bytes, counted since the start, of the records that are committed.
    pub(super) committed_bytes: u64,
    /// The reader waits for a commit: the window is full.
    pub(super) pressed: bool,
    /// Nothing more becomes durable.
    pub(super) sealed: bool,
    /// The reader has ended.
    pub(super) read: bool,
    pub(super) stopped: bool,
    pub(super) finished: bool,
    pub(super) failed: Option<String>,
    /// Why the writer takes nothing at the moment.
    pub(super) full: Option<String>,
    /// The bytes that the journal held when that began, and those that were committed by then.
    pub(super) full_bytes: u64,
    pub(super) full_from: u64,
    /// What cannot be read, or handed on.
    pub(super) problems: Problems,
}

/// Who waits for the end of a record, and what it is.
pub(super) type Listener = (TicketInfo, Arc<dyn Settled>);

/// A record in memory.
pub(super) enum Cached<B> {
    Batch {
        batch: B,
        info: TicketInfo,
        permit: Arc<Permit>,
        listener: Option<Arc<dyn Settled>>,
        received_nanos: u64,
    },
    /// One that nobody has to hand on.
    Summary,
}

/// What is counted.
#[derive(Default)]
pub(super) struct Counts {
    /// Events and bytes made durable.
    pub(super) kept_events: AtomicU64,
    pub(super) kept_bytes: AtomicU64,
    /// Events handed on, and those of them that came from disk.
    pub(super) passed_events: AtomicU64,
    pub(super) replayed_events: AtomicU64,
    /// Events of records from before the start, handed on.
    pub(super) restored_events: AtomicU64,
    /// Events that were not made durable, and their sources told.
    pub(super) refused_events: AtomicU64,
    /// Events that are durable since the start and were not handed on yet.
    pub(super) waiting_events: AtomicU64,
    pub(super) committed: AtomicU64,
    pub(super) syncs: Latency,
}

impl<B> Shared<B> {
    pub(super) fn new(committed: u64, next: u64) -> Self {
        let counts = Counts::default();
        counts.committed.store(committed, Ordering::Relaxed);
        Shared {
            prefix: SettledPrefix::new(committed),
            counts,
            state: Mutex::new(State {
                durable: next,
                reading: committed,
                tail: VecDeque::new(),
                listeners: HashMap::new(),
                committed_bytes: 0,
                pressed: false,
                sealed: false,
                read: false,
                stopped: false,
                finished: false,
                failed: None,
                full: None,
                full_bytes: 0,
                full_from: 0,
                problems: Problems::default(),
            }),
            changed: Condvar::new(),
        }
    }

    /// Each change under this lock leaves the state valid, so a panic elsewhere spoils nothing.
    pub(super) fn lock(&self) -> MutexGuard<'_, State<B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait<'a>(&self, state: MutexGuard<'a, State<B>>) -> MutexGuard<'a, State<B>> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait_for<'a>(
        &self,
        state: MutexGuard<'a, State<B>>,
        at_most: Duration,
    ) -> MutexGuard<'a, State<B>> {
        let waited = self.changed.wait_timeout(state, at_most);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Changes the state and wakes whoever waits for a change.
    pub(super) fn change(&self, change: impl FnOnce(&mut State<B>)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        self.change(|state| state.stopped = true);
    }

    pub(super) fn finish(&self) {
        self.change(|state| (state.stopped, state.finished) = (true, true));
    }

    /// A record has come to its end.
    pub(super) fn ended(&self, sequence: u64, retry: bool) {
        if self.prefix.end(sequence, retry) {
            // Taken and let go of, so that whoever looked before the end and waits now is woken.
            drop(self.lock());
            self.changed.notify_all();
        }
    }

    /// A record stays in the journal, and why. Told once for each kind of reason.
    pub(super) fn problem(&self, record: u64, why: &str) {
        if self.lock().problems.add(record, why) {
            tracing::error!(record, "a record stays in the journal: {why}");
        }
    }
}

/// Tells the prefix, and the source if it wants to know, of the end of a record.
pub(super) struct Following<B> {
    pub(super) shared: Arc<Shared<B>>,
    pub(super) sequence: u64,
    pub(super) listener: Option<Arc<dyn Settled>>,
}

impl<B: Send> Settled for Following<B> {
    fn settled(&self, ticket: &TicketInfo, retry: bool) {
        self.shared.ended(self.sequence, retry);
        if let Some(listener) = &self.listener {
            listener.settled(ticket, retry);
        }
    }
}
