use std::sync::Arc;
use std::sync::atomic::Ordering;

use millpond_delivery::{Arrears, Backlog, LatencySnapshot};
use millpond_queue::{Depth, RoomView};

use super::state::Shared;

/// A read-only view of an [`Admission`](super::Admission). Holding it keeps nothing from ending.
#[derive(Clone)]
pub struct AdmissionView {
    room: RoomView,
    read: Arc<dyn Fn() -> JournalState + Send + Sync>,
    is_full: Arc<dyn Fn() -> bool + Send + Sync>,
    backlog: Arc<dyn Fn() -> Backlog + Send + Sync>,
}

/// How an admission stands.
#[derive(Clone, Debug, Default)]
pub struct JournalState {
    /// Everything below this record is durable.
    pub durable: u64,
    /// Everything below this record is committed.
    pub committed: u64,
    /// The record that is handed on next.
    pub reading: u64,
    /// Events and bytes made durable since the start.
    pub kept_events: u64,
    /// Bytes of them.
    pub kept_bytes: u64,
    /// Events handed on since the start.
    pub passed_events: u64,
    /// Those of them that were read from disk.
    pub replayed_events: u64,
    /// Those of them that the journal held before the start.
    pub restored_events: u64,
    /// Events made durable since the start and not handed on yet.
    pub waiting_events: u64,
    /// Events that were taken in and could not be made durable. Their sources were told.
    pub refused_events: u64,
    /// Records that wait to be done again, at the next start.
    pub held_records: u64,
    /// How long each sync took.
    pub syncs: LatencySnapshot,
    /// Why nothing is taken at the moment: the journal or the disk is full.
    pub full: Option<String>,
    /// Why nothing is taken any more.
    pub failed: Option<String>,
    /// What could not be read or handed on.
    pub problems: Vec<String>,
}

impl AdmissionView {
    pub(super) fn new<B: Send + 'static>(shared: Arc<Shared<B>>, room: RoomView) -> Self {
        let seen = shared.clone();
        let drained = shared.clone();
        AdmissionView {
            room,
            is_full: Arc::new(move || seen.lock().full.is_some()),
            backlog: Arc::new(move || backlog(&drained)),
            read: Arc::new(move || state(&shared)),
        }
    }

    /// What has not been made durable yet.
    pub fn depth(&self) -> Depth {
        self.room.depth()
    }

    /// The room in front of the journal.
    pub fn room(&self) -> &RoomView {
        &self.room
    }

    /// Whether nothing is taken at the moment, for want of space.
    pub fn is_full(&self) -> bool {
        (self.is_full)()
    }

    /// How what the journal held when it was full the last time is drained: what is committed leaves it.
    pub fn backlog(&self) -> Backlog {
        (self.backlog)()
    }

    /// How it stands.
    pub fn state(&self) -> JournalState {
        (self.read)()
    }
}

fn backlog<B>(shared: &Shared<B>) -> Backlog {
    let state = shared.lock();
    let since = state.committed_bytes - state.full_from;
    Backlog {
        capacity: state.full_bytes,
        waiting: state.full_bytes.saturating_sub(since),
        left: state.committed_bytes,
    }
}

fn state<B>(shared: &Shared<B>) -> JournalState {
    let counts = &shared.counts;
    let late = shared.arrears.iter().map(Arrears::held);
    let held_records = shared.prefix.progress().held + late.sum::<u64>();
    let state = shared.lock();
    JournalState {
        durable: state.durable,
        committed: counts.committed.load(Ordering::Relaxed),
        reading: state.reading,
        kept_events: counts.kept_events.load(Ordering::Relaxed),
        kept_bytes: counts.kept_bytes.load(Ordering::Relaxed),
        passed_events: counts.passed_events.load(Ordering::Relaxed),
        replayed_events: counts.replayed_events.load(Ordering::Relaxed),
        restored_events: counts.restored_events.load(Ordering::Relaxed),
        waiting_events: counts.waiting_events.load(Ordering::Relaxed),
        refused_events: counts.refused_events.load(Ordering::Relaxed),
        held_records,
        syncs: counts.syncs.snapshot(),
        full: state.full.clone(),
        failed: state.failed.clone(),
        problems: state.problems.in_words(),
    }
}
