use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use millpond_queue::RoomView;

use super::letters::Letters;

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
    /// Its destination refused rows, and it waits for space in the store of dead letters.
    Held {
        /// Since when.
        since: Instant,
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
    /// Nobody waits for it any more.
    GivenUp,
    /// It failed for good, or its writer panicked; what happened.
    Failed(String),
}

impl ClosedReason {
    /// The reason under which the rows count that it can no longer take.
    pub fn as_str(&self) -> &'static str {
        match self {
            ClosedReason::ReaderGone => "sink_closed",
            ClosedReason::GivenUp => "drain",
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

/// What the writer's thread and its handles share.
pub(crate) struct Shared {
    state: Mutex<SinkState>,
    reopen: AtomicBool,
    give_up: AtomicBool,
    letters: Mutex<Option<Letters>>,
    end: Mutex<End>,
    /// `end` has changed.
    ended: Condvar,
}

/// How far the end has come.
#[derive(Clone, Copy, Default)]
struct End {
    /// When somebody stopped waiting for the sink.
    given_up: Option<Instant>,
    /// The thread does nothing more.
    done: bool,
}

impl Shared {
    pub(crate) fn new(letters: Option<Letters>) -> Self {
        Shared {
            state: Mutex::new(SinkState::Running),
            reopen: AtomicBool::new(false),
            give_up: AtomicBool::new(false),
            letters: Mutex::new(letters),
            end: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, SinkState> {
        lock(&self.state)
    }

    /// A few rows are being tried.
    pub(crate) fn half_open(&self) {
        if let SinkState::Retrying { circuit, .. } = &mut *self.state() {
            *circuit = Circuit::HalfOpen;
        }
    }

    /// Whether the thread waits for space in the store of dead letters. Nobody is told each time: under
    /// many refusals it comes and goes.
    pub(crate) fn held(&self, now: Option<Instant>) {
        let mut state = self.state();
        match (&*state, now) {
            (SinkState::Running, Some(since)) => *state = SinkState::Held { since },
            (SinkState::Held { .. }, None) => *state = SinkState::Running,
            _ => {}
        }
    }

    pub(crate) fn ask_reopen(&self) {
        self.reopen.store(true, Ordering::SeqCst);
    }

    pub(crate) fn take_reopen(&self) -> bool {
        self.reopen.swap(false, Ordering::SeqCst)
    }

    /// Whether somebody wants something of the thread.
    pub(crate) fn is_called(&self) -> bool {
        self.reopen.load(Ordering::SeqCst) || self.give_up.load(Ordering::SeqCst)
    }

    /// The way to the store of dead letters.
    pub(crate) fn letters(&self) -> MutexGuard<'_, Option<Letters>> {
        lock(&self.letters)
    }

    /// Nobody waits for the sink any more. The store of dead letters must not, either.
    pub(crate) fn ask_give_up(&self) {
        lock(&self.end).given_up.get_or_insert_with(Instant::now);
        *lock(&self.letters) = None;
        self.give_up.store(true, Ordering::SeqCst);
        self.ended.notify_all();
    }

    pub(crate) fn take_give_up(&self) -> bool {
        self.give_up.swap(false, Ordering::SeqCst)
    }

    /// The thread does nothing more: the store of dead letters may end.
    pub(crate) fn done(&self) {
        *lock(&self.letters) = None;
        lock(&self.end).done = true;
        self.ended.notify_all();
    }

    /// Waits until the thread is done; false when the sink was given up and its thread has not noticed
    /// for `grace`.
    pub(crate) fn wait(&self, grace: Duration) -> bool {
        let mut end = lock(&self.end);
        loop {
            let left = match *end {
                End { done: true, .. } => return true,
                End { given_up: None, .. } => Duration::MAX,
                End {
                    given_up: Some(at), ..
                } => (at + grace).saturating_duration_since(Instant::now()),
            };
            if left.is_zero() {
                return false;
            }
            let waited = self.ended.wait_timeout(end, left);
            end = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Every critical section is a whole change, so a poisoned lock holds a whole state.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
