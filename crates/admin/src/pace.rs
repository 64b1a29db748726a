use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many refusals a second cost nobody any time.
const RATE: u32 = 50;
/// So many at once, too.
const BURST: u32 = 200;
/// Those that have to wait go together, this often: to be woken for each of them would cost the pipelines more than
/// they do themselves.
const SPURT: Duration = Duration::from_millis(250);

/// Holds up whoever asks for what is refused, once that comes too fast, so that the pipelines keep their cores. What is
/// granted is never counted.
#[derive(Debug)]
pub(crate) struct Pace {
    begun: Instant,
    /// When all that was counted so far will be paid off.
    paid: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn new() -> Self {
        let begun = Instant::now();
        Pace {
            begun,
            paid: Mutex::new(begun),
        }
    }

    /// Counts a refusal, or what may turn out to be one; when it will be paid off.
    pub(crate) fn count(&self, now: Instant) -> Instant {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        *paid = (*paid).max(now) + Duration::from_secs(1) / RATE;
        *paid
    }

    /// Takes one back that was counted, to be paid off at `until`, and turned out to be none: as much of it as time has
    /// not paid yet. The rest would be taken off what others owe.
    pub(crate) fn forgive(&self, now: Instant, until: Instant) {
        let unpaid = until.saturating_duration_since(now);
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let less = paid.checked_sub(unpaid.min(Duration::from_secs(1) / RATE));
        *paid = less.map_or(self.begun, |less| less.max(self.begun));
    }

    /// How long to wait from `now` on before the next one may cost anything.
    pub(crate) fn owed(&self, now: Instant) -> Duration {
        let paid = *self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = paid.duration_since(self.begun).as_millis() / SPURT.as_millis();
        let turn = SPURT.saturating_mul(u32::try_from(turn).unwrap_or(u32::MAX));
        let free = Duration::from_secs(1) * BURST / RATE;
        (self.begun + turn).saturating_duration_since(now + free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_refusals_cost_no_time_and_many_are_held_to_the_rate() {
        let pace = Pace::new();
        let now = pace.begun;
        (0..BURST).for_each(|_| _ = pace.count(now));
        assert_eq!(pace.owed(now), Duration::ZERO);
        (0..RATE).for_each(|_| _ = pace.count(now));
        assert!(pace.owed(now) > Duration::from_secs(1) - SPURT);
        assert_eq!(pace.owed(now + Duration::from_secs(1)), Duration::ZERO);
    }

    #[test]
    fn those_that_wait_go_together_and_no_faster_than_the_rate() {
        let pace = Pace::new();
        let mut now = pace.begun;
        (0..BURST).for_each(|_| _ = pace.count(now));
        let mut waits = 0;
        for _ in 0..10 * RATE {
            pace.count(now);
            let owed = pace.owed(now);
            waits += u32::from(!owed.is_zero());
            now += owed;
        }
        let took = now - pace.begun;
        assert!(took > Duration::from_secs(10) - SPURT, "{took:?}");
        assert_eq!(waits, 40);
    }

    #[test]
    fn what_is_forgiven_was_never_counted() {
        let pace = Pace::new();
        let now = pace.begun;
        for _ in 0..2 * BURST {
            let until = pace.count(now);
            pace.forgive(now, until);
        }
        assert_eq!(*pace.paid.lock().unwrap(), now);
        pace.forgive(now, now + Duration::from_secs(1));
        assert_eq!(*pace.paid.lock().unwrap(), now);
    }

    #[test]
    fn what_time_has_paid_is_not_forgiven_to_others() {
        let pace = Pace::new();
        let now = pace.begun;
        let until = pace.count(now);
        let later = now + Duration::from_secs(10);
        (0..BURST).for_each(|_| _ = pace.count(later));
        let owed = later + Duration::from_secs(1) * BURST / RATE;
        pace.forgive(later, until);
        assert_eq!(*pace.paid.lock().unwrap(), owed);
        // Half of it was paid.
        let half = Duration::from_secs(1) / RATE / 2;
        pace.forgive(until - half, until);
        assert_eq!(*pace.paid.lock().unwrap(), owed - half);
    }
}
