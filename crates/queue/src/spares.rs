/// Emptied buffers on their way back to those who fill them: freeing a large one on another thread
/// than the one that allocated it costs more than handing it back. Bounded; clones share it.
pub struct Spares<T> {
    give: flume::Sender<T>,
    take: flume::Receiver<T>,
}

impl<T> Spares<T> {
    /// A place for at most `most` spares.
    pub fn new(most: usize) -> Self {
        let (give, take) = flume::bounded(most.max(1));
        Spares { give, take }
    }

    /// Puts one by; it is freed when enough wait already.
    pub fn give(&self, spare: T) {
        let _ = self.give.try_send(spare);
    }

    /// Takes one, if there is one.
    pub fn take(&self) -> Option<T> {
        self.take.try_recv().ok()
    }
}

impl<T> Clone for Spares<T> {
    fn clone(&self) -> Self {
        Spares {
            give: self.give.clone(),
            take: self.take.clone(),
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
