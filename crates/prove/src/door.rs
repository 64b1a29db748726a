//! Where the daemon of the moment takes events in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What clients know of the daemon.
#[derive(Default)]
pub(crate) struct Door {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By the name of the source; empty while no daemon runs.
    open: BTreeMap<String, SocketAddr>,
    /// There will be no daemon any more.
    over: bool,
    /// Clients go on beyond their quota.
    pressed: bool,
    /// Requests that are sent and not answered.
    asked: u64,
}

/// A request on its way.
pub(crate) struct Asked<'a>(&'a Door);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.lock().asked -= 1;
    }
}

impl Door {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    pub(crate) fn open(&self, sources: BTreeMap<String, SocketAddr>) {
        self.change(|state| state.open = sources);
    }

    /// The daemon is about to go.
    pub(crate) fn shut(&self) {
        self.change(|state| state.open.clear());
    }

    /// No client waits any longer.
    pub(crate) fn end(&self) {
        self.change(|state| (state.over, state.pressed) = (true, false));
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().over
    }

    /// Whether clients send more than their quota: as much as is needed to fill a disk.
    pub(crate) fn press(&self, pressed: bool) {
        self.change(|state| state.pressed = pressed && !state.over);
    }

    pub(crate) fn is_pressed(&self) -> bool {
        self.lock().pressed
    }

    /// A request begins.
    pub(crate) fn ask(&self) -> Asked<'_> {
        self.change(|state| state.asked += 1);
        Asked(self)
    }

    /// Waits for a moment at which a request is on its way, if one comes soon.
    pub(crate) fn wait_for_request(&self, patience: Duration) {
        let waits = |state: &mut State| state.asked == 0;
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), patience, waits);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for the address of a source; `None` when there is none in time.
    pub(crate) fn wait(&self, source: &str, patience: Duration) -> Option<SocketAddr> {
        let until = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            let address = state.open.get(source).copied();
            let left = until.saturating_duration_since(Instant::now());
            if address.is_some() {
                return address;
            }
            if state.over || left.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
