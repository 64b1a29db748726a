use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Thread;

use millpond_delivery::{Settled, TicketInfo};

/// What the sink's thread, and whoever ends the run, have to say to the buffer's.
#[derive(Default)]
pub(super) struct Answers {
    heard: Mutex<Vec<(u64, bool)>>,
    leave: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Answers {
    /// The thread that listens is this one.
    pub(super) fn listen(&self) {
        let _ = self.thread.set(std::thread::current());
    }

    /// The flights that have been answered since the last call, each with whether it was abandoned.
    pub(super) fn take(&self) -> Vec<(u64, bool)> {
        let heard = self.heard.lock();
        std::mem::take(&mut *heard.unwrap_or_else(PoisonError::into_inner))
    }

    /// Whoever ends the run waits for no more than what is not on disk.
    pub(super) fn leave(&self) {
        self.leave.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub(super) fn leaves(&self) -> bool {
        self.leave.load(Ordering::SeqCst)
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

impl Settled for Answers {
    fn settled(&self, flight: &TicketInfo, abandoned: bool) {
        let heard = self.heard.lock();
        heard
            .unwrap_or_else(PoisonError::into_inner)
            .push((flight.first_sequence, abandoned));
        self.wake();
    }
}
