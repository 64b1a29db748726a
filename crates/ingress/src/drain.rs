use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use millpond_ingest::Inlet;

/// How often the rate is measured, at most.
const EVERY: Duration = Duration::from_millis(250);
/// The longest that a sender is asked to stay away, in seconds.
const LONGEST: f64 = 60.0;

/// How fast the budget comes back, and so when a sender should come again.
pub(crate) struct Drain {
    state: Mutex<State>,
}

struct State {
    /// When it was looked at.
    at: Instant,
    /// The bytes that had come back then, ever.
    returned: u64,
    /// Bytes a second.
    rate: f64,
    /// When any came back the last time.
    moved: Instant,
}

impl Drain {
    pub(crate) fn new(now: Instant) -> Self {
        let state = State {
            at: now,
            returned: 0,
            rate: 0.0,
            moved: now,
        };
        Drain {
            state: Mutex::new(state),
        }
    }

    /// In how many seconds half of the budget will be free, at the rate of the last moments; where nothing moves, as
    /// long as it has not moved.
    pub(crate) fn seconds(&self, inlet: &Inlet, now: Instant) -> u64 {
        self.after(
            inlet.budget_returned(),
            inlet.budget_used(),
            inlet.budget_bytes() as u64,
            now,
        )
    }

    fn after(&self, returned: u64, used: u64, capacity: u64, now: Instant) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(state.at);
        if passed >= EVERY {
            let back = returned.saturating_sub(state.returned);
            let rate = back as f64 / passed.as_secs_f64();
            // What was measured long ago says nothing of now.
            let old = (EVERY.as_secs_f64() / passed.as_secs_f64()).min(0.5);
            state.rate = old * state.rate + (1.0 - old) * rate;
            if back > 0 {
                state.moved = now;
            } else {
                state.rate = 0.0;
            }
            (state.at, state.returned) = (now, returned);
        }
        let over = used.saturating_sub(capacity / 2) as f64;
        let seconds = if state.rate > 0.0 {
            over / state.rate
        } else {
            now.saturating_duration_since(state.moved).as_secs_f64()
        };
        seconds.ceil().clamp(1.0, LONGEST) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_asked_to_come_when_half_of_the_budget_is_free() {
        let start = Instant::now();
        let drain = Drain::new(start);
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(
            drain.after(0, 1_000, 1_000, at(0)),
            1,
            "nothing is known yet"
        );
        // 100 bytes a second: half of the budget takes 5 s.
        assert_eq!(drain.after(100, 1_000, 1_000, at(1_000)), 5 + 2);
        assert_eq!(drain.after(2_000, 1_000, 1_000, at(20_000)), 5 + 1);
        assert_eq!(drain.after(2_000, 500, 1_000, at(20_100)), 1);
        // It stands still.
        assert_eq!(drain.after(2_000, 1_000, 1_000, at(30_100)), 11);
        assert_eq!(drain.after(2_000, 1_000, 1_000, at(300_000)), 60);
    }
}
