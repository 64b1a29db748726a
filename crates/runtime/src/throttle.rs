use std::sync::{Mutex, PoisonError};

/// So many are let through in a span of time.
const MOST: u32 = 10;
/// That span, in nanoseconds.
const SPAN: u64 = 10_000_000_000;

/// Lets a few through and counts the others, so that what happens a thousand times a second fills no log.
#[derive(Default)]
pub(crate) struct Throttle {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    since: u64,
    passed: u32,
    held: u64,
}

impl Throttle {
    /// Whether this one goes through, and how many have not since the last that did.
    pub(crate) fn pass(&self, now: u64) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(state.since) >= SPAN {
            (state.since, state.passed) = (now, 0);
        }
        if state.passed == MOST {
            state.held += 1;
            return None;
        }
        state.passed += 1;
        Some(std::mem::take(&mut state.held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_go_through_in_ten_seconds_and_the_next_says_how_many_did_not() {
        let throttle = Throttle::default();
        let second = SPAN / 10;
        let passed = (0..1_000).filter(|at| throttle.pass(5 * SPAN + at).is_some());
        assert_eq!(passed.count(), 10);
        assert_eq!(throttle.pass(5 * SPAN + 9 * second), None);
        assert_eq!(throttle.pass(6 * SPAN + 1), Some(991));
        assert_eq!(throttle.pass(6 * SPAN + 2), Some(0));
    }
}
