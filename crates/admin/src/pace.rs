use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many refusals a second cost nobody any time.
const RATE: u32 = 50;
/// So many at once, too.
const BURST: u32 = 200;

/// Holds up whoever asks for what is refused, once that comes too fast, so that the pipelines keep their cores. What is
/// granted is never counted.
#[derive(Debug)]
pub(crate) struct Pace {
    /// When all that was counted so far will be paid off.
    paid: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Pace {
            paid: Mutex::new(Instant::now()),
        }
    }

    /// Counts a refusal.
    pub(crate) fn count(&self, now: Instant) {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        *paid = (*paid).max(now) + Duration::from_secs(1) / RATE;
    }

    /// How long to wait from `now` on before the next one may cost anything.
    pub(crate) fn owed(&self, now: Instant) -> Duration {
        let paid = *self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let free = Duration::from_secs(1) * BURST / RATE;
        paid.saturating_duration_since(now).saturating_sub(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_refusals_cost_no_time_and_many_are_held_to_the_rate() {
        let pace = Pace::new();
        let now = Instant::now();
        (0..BURST).for_each(|_| pace.count(now));
        assert_eq!(pace.owed(now), Duration::ZERO);
        (0..RATE).for_each(|_| pace.count(now));
        assert!(pace.owed(now) > Duration::from_millis(900));
        assert_eq!(pace.owed(now + Duration::from_secs(1)), Duration::ZERO);
    }
}
