use std::time::Duration;

use super::state::Circuit;
use crate::RetryOptions;

/// How often it has failed in a row, and what follows from that.
pub(crate) struct Attempts {
    options: RetryOptions,
    /// Failures since something was written.
    failures: u32,
    /// Of these, the ones of the rows that are next.
    of_these_rows: u32,
    random: fastrand::Rng,
}

impl Attempts {
    pub(crate) fn new(options: RetryOptions) -> Self {
        Attempts {
            options,
            failures: 0,
            of_these_rows: 0,
            random: fastrand::Rng::new(),
        }
    }

    /// One more attempt has failed. True when the rows it was made with have had all of theirs.
    pub(crate) fn failed(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.of_these_rows = self.of_these_rows.saturating_add(1);
        self.options.attempts > 0 && self.of_these_rows >= self.options.attempts
    }

    /// How long to wait before the next attempt: at least what the destination asked for, and never
    /// longer than `longest` or the configured longest pause.
    pub(crate) fn pause(&mut self, asked: Option<Duration>, longest: Duration) -> Duration {
        let first = self.options.first;
        let longest = longest.min(self.options.longest);
        let doublings = self.failures.saturating_sub(1).min(20);
        let bound = first.saturating_mul(1 << doublings).min(longest);
        let asked = asked.unwrap_or_default().min(longest);
        bound.mul_f64(self.random.f64()).max(asked)
    }

    /// Other rows are next: what was before them has been given up.
    pub(crate) fn next_rows(&mut self) {
        self.of_these_rows = 0;
    }

    /// Something was written.
    pub(crate) fn progress(&mut self) {
        (self.failures, self.of_these_rows) = (0, 0);
    }

    /// Failures since something was written.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Failed attempts with the rows that are next.
    pub(crate) fn of_these_rows(&self) -> u32 {
        self.of_these_rows
    }

    /// What is open after the failures so far, between two attempts.
    pub(crate) fn circuit(&self) -> Circuit {
        if self.failures >= self.options.open_after {
            Circuit::Open
        } else {
            Circuit::Closed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(60);

    #[test]
    fn pauses_grow_to_the_longest_and_are_spread_over_their_whole_span() {
        let mut most = [Duration::ZERO; 30];
        let mut least = [LONGEST; 30];
        for _ in 0..1_000 {
            let mut attempts = Attempts::new(RetryOptions::default());
            for failure in 0..30 {
                assert!(!attempts.failed(), "unlimited");
                let pause = attempts.pause(None, LONGEST);
                most[failure] = most[failure].max(pause);
                least[failure] = least[failure].min(pause);
            }
        }
        for failure in 0..30 {
            let bound = FIRST.saturating_mul(1 << failure.min(20)).min(LONGEST);
            assert!(most[failure] <= bound && most[failure] > bound.mul_f64(0.9));
            assert!(least[failure] < bound.mul_f64(0.1));
        }
    }

    #[test]
    fn progress_starts_the_pauses_over() {
        let mut attempts = Attempts::new(RetryOptions::default());
        (0..40).for_each(|_| {
            attempts.failed();
        });
        assert_eq!(attempts.circuit(), Circuit::Open);
        attempts.progress();
        assert_eq!(attempts.circuit(), Circuit::Closed);
        attempts.failed();
        assert!(attempts.pause(None, LONGEST) <= FIRST);
    }

    #[test]
    fn a_pause_is_as_long_as_asked_for_but_no_longer_than_the_longest() {
        let mut attempts = Attempts::new(RetryOptions::default());
        attempts.failed();
        let second = Duration::from_secs(1);
        assert_eq!(attempts.pause(Some(second), LONGEST), second);
        assert_eq!(attempts.pause(Some(LONGEST * 2), Duration::MAX), LONGEST);
        assert_eq!(attempts.pause(Some(LONGEST), second), second);
    }

    #[test]
    fn rows_have_their_own_attempts_and_the_destination_its_own_failures() {
        let mut attempts = Attempts::new(RetryOptions {
            attempts: 3,
            open_after: 5,
            ..RetryOptions::default()
        });
        let exhausted: Vec<bool> = (0..3).map(|_| attempts.failed()).collect();
        assert_eq!(exhausted, [false, false, true]);
        attempts.next_rows();
        assert_eq!(attempts.circuit(), Circuit::Closed);
        let exhausted: Vec<bool> = (0..3).map(|_| attempts.failed()).collect();
        assert_eq!(exhausted, [false, false, true]);
        assert_eq!(
            (attempts.failures(), attempts.circuit()),
            (6, Circuit::Open)
        );
    }
}
