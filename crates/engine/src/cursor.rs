use std::sync::atomic::{AtomicUsize, Ordering};

/// What the line was doing, kept up to date so that it is known after a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Running {
    Idle,
    Process(usize),
    Tick(usize),
    Leaving,
}

/// Where a line is, for another thread to look at: one that runs cannot be asked, and one that hangs never answers.
///
/// It says nothing of what else the line's thread has done; only the line sets it.
#[derive(Debug, Default)]
pub struct Cursor {
    at: AtomicUsize,
}

impl Cursor {
    /// The stage that is running; `None` between events, and while an exit has the event.
    #[must_use]
    pub fn stage(&self) -> Option<usize> {
        match self.get() {
            Running::Process(stage) | Running::Tick(stage) => Some(stage),
            Running::Idle | Running::Leaving => None,
        }
    }

    #[inline]
    pub(crate) fn set(&self, running: Running) {
        let at = match running {
            Running::Idle => 0,
            Running::Leaving => 1,
            Running::Process(stage) => 2 + 2 * stage,
            Running::Tick(stage) => 3 + 2 * stage,
        };
        self.at.store(at, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> Running {
        match self.at.load(Ordering::Relaxed) {
            0 => Running::Idle,
            1 => Running::Leaving,
            at if at % 2 == 0 => Running::Process(at / 2 - 1),
            at => Running::Tick(at / 2 - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_what_is_seen() {
        let cursor = Cursor::default();
        assert_eq!(cursor.get(), Running::Idle);
        for stage in [0, 1, 2, 1_000] {
            for (running, seen) in [
                (Running::Process(stage), Some(stage)),
                (Running::Tick(stage), Some(stage)),
                (Running::Leaving, None),
                (Running::Idle, None),
            ] {
                cursor.set(running);
                assert_eq!((cursor.get(), cursor.stage()), (running, seen));
            }
        }
    }
}
