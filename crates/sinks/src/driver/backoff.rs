use std::time::Duration;

/// The first attempt to write again comes at most this long after the failure.
const FIRST: Duration = Duration::from_millis(100);

/// Pauses between attempts: exponential, with full jitter, so that sinks that failed together do
/// not come back together.
pub(crate) struct Backoff {
    failures: u32,
    random: fastrand::Rng,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Backoff {
            failures: 0,
            random: fastrand::Rng::new(),
        }
    }

    /// How long to wait after one more failure: up to 100 ms at first, twice as long each time, and
    /// never longer than `longest`.
    pub(crate) fn pause(&mut self, longest: Duration) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        doubled.min(longest).mul_f64(self.random.f64())
    }

    /// Something was written.
    pub(crate) fn progress(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_are_spread_over_their_whole_span() {
        let longest = Duration::from_secs(60);
        let mut most = [Duration::ZERO; 30];
        let mut least = [longest; 30];
        for _ in 0..1_000 {
            let mut backoff = Backoff::new();
            for failure in 0..30 {
                let pause = backoff.pause(longest);
                most[failure] = most[failure].max(pause);
                least[failure] = least[failure].min(pause);
            }
        }
        for failure in 0..30 {
            let bound = FIRST.saturating_mul(1 << failure.min(20)).min(longest);
            assert!(most[failure] <= bound && most[failure] > bound.mul_f64(0.9));
            assert!(least[failure] < bound.mul_f64(0.1));
        }
    }

    #[test]
    fn progress_starts_the_pauses_over() {
        let mut backoff = Backoff::new();
        (0..40).for_each(|_| {
            backoff.pause(Duration::from_secs(60));
        });
        backoff.progress();
        assert!(backoff.pause(Duration::from_secs(60)) <= FIRST);
    }
}
