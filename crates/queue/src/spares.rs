use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Emptied buffers on their way back to those who fill them: freeing a large one on another thread
/// than the one that allocated it costs more than handing it back. Bounded; clones share it.
pub struct Spares<T> {
    give: flume::Sender<T>,
    take: flume::Receiver<T>,
    /// How many wait, or a little more: to look for one where there is none takes a lock.
    waiting: Arc<AtomicUsize>,
}

impl<T> Spares<T> {
    /// A place for at most `most` spares.
    pub fn new(most: usize) -> Self {
        let (give, take) = flume::bounded(most.max(1));
        Spares {
            give,
            take,
            waiting: Arc::default(),
        }
    }

    /// Puts one by; it is freed when enough wait already.
    pub fn give(&self, spare: T) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if self.give.try_send(spare).is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Takes one, if there is one.
    pub fn take(&self) -> Option<T> {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let spare = self.take.try_recv().ok()?;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(spare)
    }
}

impl<T> Clone for Spares<T> {
    fn clone(&self) -> Self {
        Spares {
            give: self.give.clone(),
            take: self.take.clone(),
            waiting: self.waiting.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_spares_than_wanted_are_freed_not_kept() {
        let spares = Spares::new(2);
        (0..3).for_each(|spare| spares.give(spare));
        assert_eq!(
            (spares.take(), spares.take(), spares.take()),
            (Some(0), Some(1), None)
        );
    }
}
