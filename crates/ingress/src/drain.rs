use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_std::task;
use millpond_delivery::Backlog;
use millpond_ingest::Inlet;

/// How often it is looked at what has left.
const EVERY: Duration = Duration::from_millis(500);
/// Over how many of these moments the rate is taken: sinks write in batches, of which some should be among them.
const MOMENTS: usize = 10;
/// The longest that a sender is asked to stay away, in seconds.
const LONGEST: f64 = 60.0;

/// How fast there is room again, in memory and in the journal, and so when a sender should come again.
pub(crate) struct Drain {
    budget: Meter,
    journal: Meter,
}

impl Drain {
    pub(crate) fn new(now: Instant) -> Self {
        Drain {
            budget: Meter::new(now),
            journal: Meter::new(now),
        }
    }

    /// Looks at both from time to time, and never ends: a rate that is taken only once there is no room would be that
    /// of a long time in which there may have been nothing to do.
    pub(crate) async fn watch(&self, inlet: &Inlet) {
        loop {
            let now = Instant::now();
            self.budget.look(inlet.budget_backlog(), now);
            if let Some(backlog) = inlet.journal_backlog() {
                self.journal.look(backlog, now);
            }
            task::sleep(EVERY).await;
        }
    }

    /// In how many seconds half of what is full will be free, at the rate of the last moments; where nothing moves, as
    /// long as it has not moved.
    pub(crate) fn seconds(&self, inlet: &Inlet, now: Instant) -> u64 {
        match inlet.journal_backlog() {
            Some(backlog) if inlet.is_full() => self.journal.after(backlog, now),
            _ => self.budget.after(inlet.budget_backlog(), now),
        }
    }
}

struct Meter {
    state: Mutex<State>,
}

struct State {
    /// What had left at the last moments, the oldest first; never empty.
    moments: VecDeque<(Instant, u64)>,
    /// When anything left the last time.
    moved: Instant,
}

impl Meter {
    fn new(now: Instant) -> Self {
        let state = State {
            moments: VecDeque::from([(now, 0)]),
            moved: now,
        };
        Meter {
            state: Mutex::new(state),
        }
    }

    fn look(&self, backlog: Backlog, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last() != backlog.left {
            state.moved = now;
        }
        state.moments.push_back((now, backlog.left));
        if state.moments.len() > MOMENTS {
            state.moments.pop_front();
        }
    }

    fn after(&self, backlog: Backlog, now: Instant) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (begin, had_left) = state.moments.front().copied().unwrap_or((now, 0));
        let left = backlog.left.saturating_sub(had_left) as f64;
        let passed = now.saturating_duration_since(begin).as_secs_f64();
        let over = backlog.waiting.saturating_sub(backlog.capacity / 2) as f64;
        let seconds = if left > 0.0 {
            over * passed / left
        } else {
            now.saturating_duration_since(state.moved).as_secs_f64()
        };
        seconds.ceil().clamp(1.0, LONGEST) as u64
    }
}

impl State {
    fn last(&self) -> u64 {
        self.moments.back().map_or(0, |(_, left)| *left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backlog(waiting: u64, left: u64) -> Backlog {
        Backlog {
            capacity: 1_000,
            waiting,
            left,
        }
    }

    #[test]
    fn senders_are_asked_to_come_when_half_is_free() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let meter = Meter::new(start);
        assert_eq!(
            meter.after(backlog(1_000, 0), start),
            1,
            "nothing is known yet"
        );
        // 100 bytes a second: half takes 5 s, and a quarter half of that.
        for moment in 1..=100 {
            meter.look(backlog(1_000, 50 * moment), at(500 * moment));
        }
        assert_eq!(meter.after(backlog(1_000, 5_000), at(50_000)), 5);
        assert_eq!(meter.after(backlog(750, 5_000), at(50_000)), 3);
        assert_eq!(meter.after(backlog(500, 5_000), at(50_000)), 1);
        // It stands still: a while later that is all that is known.
        for moment in 101..=122 {
            meter.look(backlog(1_000, 5_000), at(500 * moment));
        }
        assert_eq!(meter.after(backlog(1_000, 5_000), at(61_000)), 11);
        assert_eq!(meter.after(backlog(1_000, 5_000), at(300_000)), 60);
    }

    #[test]
    fn an_hour_without_anything_to_do_does_not_count() {
        let start = Instant::now();
        let meter = Meter::new(start);
        for moment in 1..=7_200 {
            meter.look(backlog(0, 0), start + EVERY * moment);
        }
        // 1,000 bytes a second, since one second.
        for moment in 7_201..=7_202 {
            let left = 500 * u64::from(moment - 7_200);
            meter.look(backlog(1_000, left), start + EVERY * moment);
        }
        let now = start + EVERY * 7_202;
        assert!(meter.after(backlog(1_000, 1_000), now) <= 3);
    }
}
