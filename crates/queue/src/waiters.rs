use std::task::Waker;

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, lock};

/// Wakers of those who wait for something to change.
///
/// The protocol that loses no wake-up: a waiter registers, then looks again at what it waits for;
/// the other side changes it, then calls [`Waiters::wake`]. Both swap the flag in between, and the
/// later of two swaps sees all that came before the earlier: either the waiter sees the change, or
/// the other side sees the waiter.
pub(crate) struct Waiters {
    any: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl Waiters {
    pub(crate) fn new() -> Self {
        Waiters {
            any: AtomicBool::new(false),
            wakers: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn register(&self, waker: &Waker) {
        let mut wakers = lock(&self.wakers);
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
        self.any.swap(true, Ordering::AcqRel);
    }

    /// Whether somebody waits; only a hint, the protocol does without it.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    pub(crate) fn wake(&self) {
        if !self.any.swap(false, Ordering::AcqRel) {
            return;
        }
        let woken = std::mem::take(&mut *lock(&self.wakers));
        woken.into_iter().for_each(Waker::wake);
    }
}
