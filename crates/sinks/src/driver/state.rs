use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use millpond_queue::RoomView;

/// How a sink is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkState {
    /// It writes, or waits for rows.
    Running,
    /// The last attempt failed; the same rows are tried again.
    Retrying {
        /// When it began to fail.
        since: Instant,
        /// What the last attempt said.
        error: String,
        /// Failed attempts in a row.
        failures: u32,
        /// Whether only a few rows are tried at a time.
        circuit: Circuit,
    },
    /// It takes no more: rows that still come are dropped and counted.
    Closed(ClosedReason),
    /// Its room has closed, and everything is written.
    Ended,
}

/// Whether a sink that fails tries all it has in hand, or a few rows first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// Everything is tried.
    Closed,
    /// It has failed often: nothing is tried until a pause has passed.
    Open,
    /// The pause has passed, and a few rows are being tried.
    HalfOpen,
}

/// Why a sink closed while rows may still come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosedReason {
    /// Its reader is gone (`| head`), which is no failure.
    ReaderGone,
    /// It failed for good, or its writer panicked; what happened.
    Failed(String),
}

impl ClosedReason {
    /// The reason under which the rows count that it can no longer take.
    pub fn as_str(&self) -> &'static str {
        match self {
            ClosedReason::ReaderGone => "sink_closed",
            ClosedReason::Failed(_) => "sink_failed",
        }
    }
}

/// A read-only view of a running sink, for metrics and health. Clones are cheap.
#[derive(Clone)]
pub struct SinkView {
    pub(crate) room: RoomView,
    pub(crate) shared: Arc<Shared>,
}

impl SinkView {
    /// How the sink is doing.
    pub fn state(&self) -> SinkState {
        self.shared.state().clone()
    }

    /// Rows in the writer's hands: taken from the room and not yet answered. Read after the room's
    /// depth, it misses none.
    pub fn held(&self) -> u64 {
        self.room.in_hand()
    }

    /// The room in front of the sink.
    pub fn room(&self) -> &RoomView {
        &self.room
    }
}

/// What the writer's thread and its handle share.
pub(crate) struct Shared {
    state: Mutex<SinkState>,
    reopen: AtomicBool,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Shared {
            state: Mutex::new(SinkState::Running),
            reopen: AtomicBool::new(false),
        }
    }

    /// Every critical section is one assignment or one clone, so a poisoned lock holds a whole state.
    pub(crate) fn state(&self) -> MutexGuard<'_, SinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A few rows are being tried.
    pub(crate) fn half_open(&self) {
        if let SinkState::Retrying { circuit, .. } = &mut *self.state() {
            *circuit = Circuit::HalfOpen;
        }
    }

    pub(crate) fn ask_reopen(&self) {
        self.reopen.store(true, Ordering::SeqCst);
    }

    pub(crate) fn reopen_asked(&self) -> bool {
        self.reopen.load(Ordering::SeqCst)
    }

    pub(crate) fn take_reopen(&self) -> bool {
        self.reopen.swap(false, Ordering::SeqCst)
    }
}
