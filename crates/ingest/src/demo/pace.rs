use std::time::Duration;

use super::Burst;

/// How many events are due when. Reads no clock.
pub(super) struct Pace {
    rate: f64,
    every: f64,
    /// Where in the period the burst begins.
    calm: f64,
    factor: f64,
    /// Events sent, and those that are given up because they were due too long ago.
    past: f64,
}

impl Pace {
    pub(super) fn new(rate: u64, burst: &Burst) -> Self {
        let every = burst.every.as_secs_f64();
        Pace {
            rate: rate as f64,
            every,
            calm: every - burst.length.as_secs_f64(),
            factor: burst.factor,
            past: 0.0,
        }
    }

    /// Events that are due at this time from the start and have not been sent.
    pub(super) fn due(&mut self, at: Duration) -> u64 {
        if self.rate == 0.0 {
            return u64::MAX;
        }
        let due = self.total(at.as_secs_f64()) - self.past;
        let most = self.rate * self.factor.max(1.0);
        if due > most {
            self.past += due - most;
        }
        due.min(most).max(0.0) as u64
    }

    pub(super) fn sent(&mut self, events: u64) {
        self.past += events as f64;
    }

    fn total(&self, seconds: f64) -> f64 {
        let periods = (seconds / self.every).floor();
        let phase = seconds - periods * self.every;
        let plain = |calm: f64, burst: f64| self.rate * (calm + burst * self.factor);
        let burst = (phase - self.calm).max(0.0);
        periods * plain(self.calm, self.every - self.calm) + plain(phase.min(self.calm), burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(rate: u64, factor: f64) -> Pace {
        let (every, length) = (Duration::from_secs(10), Duration::from_secs(1));
        Pace::new(
            rate,
            &Burst {
                every,
                length,
                factor,
            },
        )
    }

    #[test]
    fn a_burst_comes_at_the_end_of_every_period_and_multiplies_the_rate() {
        let pace = pace(100, 10.0);
        for (seconds, total) in [
            (0.0, 0.0),
            (1.0, 100.0),
            (9.0, 900.0),
            (9.5, 1400.0),
            (10.0, 1900.0),
            (29.0, 4700.0),
        ] {
            assert!(
                (pace.total(seconds) - total).abs() < 1e-6,
                "{seconds}: {}",
                pace.total(seconds)
            );
        }
    }

    #[test]
    fn what_was_held_up_for_long_does_not_come_all_at_once() {
        let mut pace = pace(1000, 1.0);
        assert_eq!(pace.due(Duration::from_millis(500)), 500);
        pace.sent(500);
        assert_eq!(pace.due(Duration::from_secs(60)), 1000);
        pace.sent(1000);
        assert_eq!(pace.due(Duration::from_secs(60)), 0);
        assert_eq!(pace.due(Duration::from_millis(60_250)), 250);
    }

    #[test]
    fn a_rate_of_zero_has_no_limit() {
        assert_eq!(pace(0, 10.0).due(Duration::ZERO), u64::MAX);
    }
}
