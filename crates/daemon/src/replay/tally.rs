//! Which of the letters that were fed have come to an end.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millpond_delivery::{Settled, TicketInfo};
use millpond_store::Id;

/// How often whoever waits looks whether the wait is still worth it.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct Tally {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    /// Came to an end and are not marked yet.
    ended: Vec<Id>,
    /// All that were heard of, those that were abandoned included.
    heard: u64,
}

impl Tally {
    /// The letters that came to an end since the last time, if there are `enough`.
    pub(super) fn take_if(&self, enough: usize) -> Vec<Id> {
        let mut state = self.lock();
        if state.ended.len() < enough {
            return Vec::new();
        }
        std::mem::take(&mut state.ended)
    }

    /// Waits until `letters` were heard of; false when it is over before.
    pub(super) fn wait_for(&self, letters: u64, is_over: impl Fn() -> bool) -> bool {
        let mut state = self.lock();
        while state.heard < letters {
            if is_over() {
                return false;
            }
            let woken = self.bell.wait_timeout(state, LOOK);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Every change is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears how one letter ended.
pub(super) struct Ticked {
    tally: Arc<Tally>,
    id: Id,
}

impl Ticked {
    pub(super) fn new(tally: &Arc<Tally>, id: Id) -> Self {
        Ticked {
            tally: tally.clone(),
            id,
        }
    }
}

impl Settled for Ticked {
    fn settled(&self, _: &TicketInfo, retry: bool) {
        let mut state = self.tally.lock();
        state.heard += 1;
        if !retry {
            state.ended.push(self.id);
        }
        drop(state);
        self.tally.bell.notify_one();
    }
}
