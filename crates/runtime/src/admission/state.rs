use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millpond_delivery::{Arrears, Latency, Settled, SettledPrefix, TicketInfo};
use millpond_queue::Permit;

use super::problems::Problems;

/// What the writer, the reader and the ends of tickets have in common.
pub(super) struct Shared<B> {
    /// Of records as they are handed on when their turn comes.
    pub(super) prefix: SettledPrefix,
    /// What pipelines have not been given then.
    pub(super) arrears: Box<[Arrears]>,
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
    /// Those who wait for the end of a record that has ended but for pipelines that are given it late.
    pub(super) late: BTreeMap<u64, Listener>,
    /// A pipeline wants the reader to look at it.
    pub(super) roused: bool,
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
    pub(super) fn new(
        committed: u64,
        next: u64,
        arrears: impl IntoIterator<Item = Arrears>,
    ) -> Self {
        let counts = Counts::default();
        counts.committed.store(committed, Ordering::Relaxed);
        Shared {
            prefix: SettledPrefix::new(committed),
            arrears: arrears.into_iter().collect(),
            counts,
            state: Mutex::new(State {
                durable: next,
                reading: committed,
                tail: VecDeque::new(),
                listeners: HashMap::new(),
                late: BTreeMap::new(),
                roused: false,
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

    /// Whether a pipeline is behind the others, or something is out that it was given late.
    pub(super) fn is_open(&self) -> bool {
        self.arrears.iter().any(Arrears::is_open)
    }

    /// Everything below this record has come to its end, in all pipelines.
    pub(super) fn settled(&self) -> u64 {
        // In this order: before a record ends here, its arrears know what they are owed of it.
        let settled = self.prefix.progress().settled;
        settled.min(self.owed_from())
    }

    /// No pipeline is owed anything below this record.
    fn owed_from(&self) -> u64 {
        let bounds = self.arrears.iter().filter_map(Arrears::bound);
        bounds.min().unwrap_or(u64::MAX)
    }

    /// Something that was given late has ended, or a pipeline is level again: wakes whoever waits for that, and tells
    /// those whose records have ended everywhere.
    pub(super) fn ended_late(&self) {
        let from = self.owed_from();
        let mut state = self.lock();
        state.roused = true;
        let open = state.late.split_off(&from);
        let ended = std::mem::replace(&mut state.late, open);
        // What a pipeline is owed then, it does not get from this process.
        let left = match state.read && self.arrears.iter().any(Arrears::is_behind) {
            true => std::mem::take(&mut state.late),
            false => BTreeMap::new(),
        };
        drop(state);
        self.changed.notify_all();
        let tell = |waits: BTreeMap<u64, Listener>, retry| {
            for (info, listener) in waits.into_values() {
                listener.settled(&info, retry);
            }
        };
        tell(ended, false);
        tell(left, true);
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
        let open = !retry && self.shared.is_open();
        if open && let Some(listener) = &self.listener {
            // A pipeline may be owed some of it. If not, it is told below.
            let waits = (*ticket, listener.clone());
            self.shared.lock().late.insert(self.sequence, waits);
        }
        self.shared.ended(self.sequence, retry);
        match &self.listener {
            Some(_) if open => self.shared.ended_late(),
            Some(listener) => listener.settled(ticket, retry),
            None => {}
        }
    }
}
