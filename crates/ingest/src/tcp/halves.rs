use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::flag::Flag;

/// The memory of half-read lines, of all connections together: bounded, and never waited for. When
/// it is used up, the connection whose half line began first has to go.
#[derive(Clone)]
pub(super) struct Halves {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    capacity: usize,
    used: usize,
    next: u64,
    /// By the order in which the half lines began.
    held: BTreeMap<u64, Held>,
}

struct Held {
    bytes: usize,
    evicted: Flag,
}

impl Halves {
    pub(super) fn new(capacity: usize) -> Self {
        let inner = Inner {
            capacity,
            used: 0,
            next: 0,
            held: BTreeMap::new(),
        };
        Halves {
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// The account of one connection.
    pub(super) fn open(&self) -> Half {
        Half {
            halves: self.clone(),
            id: None,
            offset: 0,
            evicted: Flag::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's half line.
pub(super) struct Half {
    halves: Halves,
    id: Option<u64>,
    /// Where the half line began: a line that begins elsewhere is another, and younger.
    offset: u64,
    evicted: Flag,
}

impl Half {
    /// Raised when the connection has to go. What it held no longer counts from then on.
    pub(super) fn evicted(&self) -> &Flag {
        &self.evicted
    }

    /// Says that the half line that began at `offset` now takes `bytes` bytes of memory.
    pub(super) fn hold(&mut self, offset: u64, bytes: usize) {
        if bytes == 0 && self.id.is_none() {
            return;
        }
        let mut inner = self.halves.lock();
        let kept = self.id.take().filter(|id| inner.release(*id));
        if bytes == 0 {
            return;
        }
        let id = match kept {
            Some(id) if self.offset == offset => id,
            _ => {
                inner.next += 1;
                inner.next
            }
        };
        let evicted = self.evicted.clone();
        inner.used += bytes;
        inner.held.insert(id, Held { bytes, evicted });
        (self.id, self.offset) = (Some(id), offset);
        let mut evicted = Vec::new();
        while inner.used > inner.capacity
            && let Some((_, oldest)) = inner.held.pop_first()
        {
            inner.used -= oldest.bytes;
            evicted.push(oldest.evicted);
        }
        drop(inner);
        evicted.iter().for_each(Flag::raise);
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        self.hold(self.offset, 0);
    }
}

impl Inner {
    /// False when it was evicted before.
    fn release(&mut self, id: u64) -> bool {
        let held = self.held.remove(&id);
        self.used -= held.as_ref().map_or(0, |held| held.bytes);
        held.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_half_line_goes_when_the_memory_is_used_up() {
        let halves = Halves::new(100);
        let (mut a, mut b, mut c) = (halves.open(), halves.open(), halves.open());
        a.hold(0, 40);
        b.hold(0, 40);
        // The same line grows: it stays the oldest.
        a.hold(0, 50);
        assert!(!a.evicted().is_raised() && !b.evicted().is_raised());
        c.hold(0, 20);
        assert!(a.evicted().is_raised() && !b.evicted().is_raised());
        // Another line on the same connection is younger.
        b.hold(7, 40);
        let mut d = halves.open();
        d.hold(0, 50);
        assert!(c.evicted().is_raised() && !b.evicted().is_raised());
        assert_eq!(halves.lock().used, 90);
    }

    #[test]
    fn memory_comes_back_when_a_line_is_complete_or_its_connection_gone() {
        let halves = Halves::new(100);
        let (mut a, mut b) = (halves.open(), halves.open());
        a.hold(0, 60);
        a.hold(9, 0);
        b.hold(0, 60);
        drop(b);
        assert_eq!(halves.lock().used, 0);
        assert!(halves.lock().held.is_empty());
        // One line larger than all there is evicts itself.
        a.hold(9, 101);
        assert!(a.evicted().is_raised());
        drop(a);
        assert_eq!(halves.lock().used, 0);
    }
}
