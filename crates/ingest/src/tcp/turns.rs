use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

/// How many buffers a connection fills in a row while no other has as much to say: some milliseconds.
const MOST: usize = 16;

/// The sources of a process read on the same threads.
static OF_ALL: LazyLock<Turns> = LazyLock::new(Turns::default);

/// Which connections always have something to read: they take turns, so that none keeps the others from theirs. To give
/// way costs a wake-up of the thread that takes over, so one that is alone does it seldom.
#[derive(Clone, Default)]
pub(super) struct Turns {
    busy: Arc<AtomicUsize>,
}

impl Turns {
    /// Those of all connections in the process, of whatever source.
    pub(super) fn of_all() -> Self {
        OF_ALL.clone()
    }

    /// The turn of one connection.
    pub(super) fn open(&self) -> Share {
        Share {
            turns: self.clone(),
            filled: 0,
        }
    }
}

/// One connection's turn.
pub(super) struct Share {
    turns: Turns,
    /// Buffers filled since it last gave way; 0: it is not busy.
    filled: usize,
}

impl Share {
    /// A buffer was filled: true when it is time to give way.
    pub(super) fn filled(&mut self) -> bool {
        let busy = match self.filled {
            0 => self.turns.busy.fetch_add(1, Ordering::Relaxed) + 1,
            _ => self.turns.busy.load(Ordering::Relaxed),
        };
        let over = self.filled >= (MOST / busy.max(1)).max(1);
        self.filled = if over { 1 } else { self.filled + 1 };
        over
    }

    /// It waited for something else, and others had their turn.
    pub(super) fn waited(&mut self) {
        self.filled = self.filled.min(1);
    }

    /// Its peer had no more to say than what was read.
    pub(super) fn rest(&mut self) {
        if std::mem::take(&mut self.filled) > 0 {
            self.turns.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.rest();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until_it_gives_way(turn: &mut Share) -> usize {
        1 + std::iter::from_fn(|| (!turn.filled()).then_some(())).count()
    }

    #[test]
    fn one_that_is_alone_gives_way_seldom_and_several_share_its_turn() {
        let turns = Turns::default();
        let (mut one, mut two) = (turns.open(), turns.open());
        until_it_gives_way(&mut one);
        assert_eq!(until_it_gives_way(&mut one), MOST);
        one.filled();
        one.waited();
        assert_eq!(until_it_gives_way(&mut one), MOST);
        two.filled();
        assert_eq!(until_it_gives_way(&mut one), MOST / 2);
        let crowd = (0..2 * MOST).map(|_| turns.open());
        let mut crowd: Vec<Share> = crowd.collect();
        crowd.iter_mut().for_each(|turn| {
            turn.filled();
        });
        assert_eq!(until_it_gives_way(&mut one), 1);
        drop(crowd);
        two.rest();
        two.rest();
        assert_eq!(until_it_gives_way(&mut one), MOST);
        drop(one);
        assert_eq!(turns.busy.load(Ordering::Relaxed), 0);
    }
}
