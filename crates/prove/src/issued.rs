//! What was sent, and what of it was acknowledged: the memory of the oracle.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What became of an event at the door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Issue {
    /// How often it was sent: an answer of 503 asks for it again, and may have come too late.
    pub(crate) sends: u8,
    /// It was answered with 200.
    pub(crate) acknowledged: bool,
}

/// Everything that was sent, by client.
pub(crate) struct Issued {
    clients: Vec<Mutex<Vec<Issue>>>,
}

/// How many events there are of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
}

impl Issued {
    pub(crate) fn new(clients: usize) -> Self {
        Issued {
            clients: (0..clients).map(|_| Mutex::default()).collect(),
        }
    }

    /// Each change under the lock leaves it whole, so a panic elsewhere spoils nothing.
    pub(crate) fn of(&self, client: usize) -> MutexGuard<'_, Vec<Issue>> {
        let issues = self.clients[client].lock();
        issues.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Whether a client has sent the event of this number.
    pub(crate) fn has(&self, client: usize, n: u64) -> bool {
        client < self.clients.len() && n < self.of(client).len() as u64
    }

    /// They are about to be sent: from here on they may come out.
    pub(crate) fn send(&self, client: usize, events: Range<u64>) {
        let mut issues = self.of(client);
        let (begin, end) = (events.start as usize, events.end as usize);
        if issues.len() < end {
            issues.resize(end, Issue::default());
        }
        for issue in &mut issues[begin..end] {
            issue.sends = issue.sends.saturating_add(1);
        }
    }

    /// They were acknowledged: from here on they have to come out.
    pub(crate) fn acknowledge(&self, client: usize, events: Range<u64>) {
        let mut issues = self.of(client);
        for issue in &mut issues[events.start as usize..events.end as usize] {
            issue.acknowledged = true;
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for client in 0..self.clients() {
            let issues = self.of(client);
            counts.sent += issues.len() as u64;
            let acknowledged = issues.iter().filter(|issue| issue.acknowledged).count();
            counts.acknowledged += acknowledged as u64;
        }
        counts
    }
}
