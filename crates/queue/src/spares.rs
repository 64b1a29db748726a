use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Emptied buffers on their way back to those who fill them: freeing a large one on another thread
/// than the one that allocated it costs more than handing it back. Bounded; clones share it.
pub struct Spares<T> {
    give: flume::Sender<(T, usize)>,
    take: flume::Receiver<(T, usize)>,
    waiting: Arc<Waiting>,
    most_bytes: usize,
}

/// What waits, or a little more.
#[derive(Default)]
struct Waiting {
    /// To look for one where there is none takes a lock.
    spares: AtomicUsize,
    bytes: AtomicUsize,
}

impl<T> Spares<T> {
    /// A place for at most `most` spares, of at most `most_bytes` together.
    pub fn new(most: usize, most_bytes: usize) -> Self {
        let (give, take) = flume::bounded(most.max(1));
        Spares {
            give,
            take,
            waiting: Arc::default(),
            most_bytes,
        }
    }

    /// Puts one of so many bytes by; it is freed when enough wait already.
    pub fn give(&self, spare: T, bytes: usize) {
        let Waiting {
            spares,
            bytes: held,
        } = &*self.waiting;
        let before = held.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.most_bytes {
            held.fetch_sub(bytes, Ordering::Relaxed);
            return;
        }
        spares.fetch_add(1, Ordering::Relaxed);
        if self.give.try_send((spare, bytes)).is_err() {
            spares.fetch_sub(1, Ordering::Relaxed);
            held.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Takes one, if there is one.
    pub fn take(&self) -> Option<T> {
        if self.waiting.spares.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let (spare, bytes) = self.take.try_recv().ok()?;
        self.waiting.spares.fetch_sub(1, Ordering::Relaxed);
        self.waiting.bytes.fetch_sub(bytes, Ordering::Relaxed);
        Some(spare)
    }
}

impl<T> Clone for Spares<T> {
    fn clone(&self) -> Self {
        Spares {
            give: self.give.clone(),
            take: self.take.clone(),
            waiting: self.waiting.clone(),
            most_bytes: self.most_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_spares_than_wanted_are_freed_not_kept() {
        let spares = Spares::new(2, usize::MAX);
        (0..3).for_each(|spare| spares.give(spare, 1));
        assert_eq!(
            (spares.take(), spares.take(), spares.take()),
            (Some(0), Some(1), None)
        );
    }

    #[test]
    fn spares_hold_no_more_bytes_than_they_may() {
        let spares = Spares::new(8, 10);
        for (spare, bytes) in [(0, 6), (1, 5), (2, 4), (3, 1)] {
            spares.give(spare, bytes);
        }
        assert_eq!(
            (spares.take(), spares.take(), spares.take()),
            (Some(0), Some(2), None)
        );
        spares.give(4, 10);
        assert_eq!(spares.take(), Some(4));
    }
}
