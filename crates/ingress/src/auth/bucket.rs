use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many events a second: what was saved up for a second may come at once. A request is let in as long as nothing is
/// owed, for how many events it brings is known when it is read.
pub(crate) struct Bucket {
    rate: f64,
    state: Mutex<State>,
}

struct State {
    /// Below zero, what is owed.
    saved: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: u64) -> Self {
        let rate = rate as f64;
        let state = State {
            saved: rate,
            at: Instant::now(),
        };
        Bucket {
            rate,
            state: Mutex::new(state),
        }
    }

    /// How long it takes to pay what is owed, if anything is.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        let owed = -self.state(now).saved;
        (owed >= 0.0).then(|| Duration::from_secs_f64(owed / self.rate))
    }

    pub(crate) fn take(&self, events: u64, now: Instant) {
        self.state(now).saved -= events as f64;
    }

    fn state(&self, now: Instant) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let earned = now.saturating_duration_since(state.at).as_secs_f64() * self.rate;
        state.saved = (state.saved + earned).min(self.rate);
        state.at = now;
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_is_waited_for_and_no_more_than_a_second_is_saved() {
        let bucket = Bucket::new(100);
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(bucket.wait(at(60_000)), None);
        bucket.take(300, at(60_000));
        let wait = bucket.wait(at(60_000)).unwrap();
        assert!((wait.as_secs_f64() - 2.0).abs() < 0.01, "{wait:?}");
        assert!(bucket.wait(at(61_000)).is_some());
        assert_eq!(bucket.wait(at(62_100)), None);
    }
}
