//! How long dead letters gather before they are written and synced.

use std::time::{Duration, Instant};

/// Letters come a few at a time, one parcel for each chunk that has some: without this, each would cost a wake-up and
/// a sync.
const LEAST: Duration = Duration::from_millis(5);

/// Where they come by the thousand, a sync costs more than the letters that gather in 5 ms.
const MOST: Duration = Duration::from_millis(40);

/// So many in [`LEAST`] are a flood.
const FLOOD: u128 = 16;

/// About as many bytes gather at most: an eighth of what may wait for the store.
const BYTES: u128 = 512 << 10;

/// Letters after so long a silence wait for no others.
const SILENCE: Duration = Duration::from_millis(100);

/// How thick letters come, by what was written between the last two syncs.
#[derive(Default)]
pub(crate) struct Pace {
    letters: usize,
    bytes: usize,
    synced: Option<Instant>,
    gather: Duration,
}

impl Pace {
    /// Letters were written, or tried.
    pub(crate) fn wrote(&mut self, letters: usize, bytes: usize) {
        self.letters += letters;
        self.bytes += bytes;
    }

    /// What was written is synced.
    pub(crate) fn synced(&mut self, now: Instant) {
        let since = self
            .synced
            .map(|since| now.saturating_duration_since(since));
        let span = since.unwrap_or(SILENCE);
        // One of several syncs in a row: they say little by themselves.
        if span < LEAST {
            return;
        }
        self.synced = Some(now);
        let nanos = span.as_nanos();
        let (letters, bytes) = (self.letters as u128, (self.bytes as u128).max(1));
        self.gather = if letters * LEAST.as_nanos() < FLOOD * nanos {
            LEAST
        } else {
            let full = u64::try_from(nanos * BYTES / bytes).unwrap_or(u64::MAX);
            Duration::from_nanos(full).clamp(LEAST, MOST)
        };
        (self.letters, self.bytes) = (0, 0);
    }

    /// How long letters that come now wait for others.
    pub(crate) fn gather(&self, now: Instant) -> Duration {
        match self.synced {
            Some(synced) if now.saturating_duration_since(synced) < SILENCE => self.gather,
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    /// How long letters gather when so many of so many bytes each came in the last `span` and were synced.
    fn after(letters: usize, bytes: usize, span: Duration) -> Duration {
        let begin = Instant::now();
        let mut pace = Pace::default();
        pace.wrote(1, bytes);
        pace.synced(begin);
        pace.wrote(letters, letters * bytes);
        pace.synced(begin + span);
        pace.gather(begin + span)
    }

    #[test]
    fn a_letter_after_a_silence_is_not_delayed_and_does_not_delay_the_next_for_long() {
        let begin = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.gather(begin), Duration::ZERO);
        for second in 0..3 {
            let at = begin + Duration::from_secs(second);
            assert_eq!(pace.gather(at), Duration::ZERO);
            pace.wrote(1, 300);
            pace.synced(at);
            assert_eq!(pace.gather(at + MILLI), LEAST);
        }
    }

    #[test]
    fn only_a_flood_gathers_for_long() {
        assert_eq!(after(10, 300, 5 * MILLI), LEAST);
        assert_eq!(after(150, 300, 5 * MILLI), MOST);
        assert_eq!(after(1_200, 300, 40 * MILLI), MOST);
        assert_eq!(after(100, 300, 40 * MILLI), LEAST);
    }

    #[test]
    fn a_few_letters_that_are_synced_right_behind_others_are_no_flood() {
        let begin = Instant::now();
        let mut pace = Pace::default();
        for after in [0, 50_000, 50_100, 50_200, 100_000] {
            let at = begin + Duration::from_micros(after);
            pace.wrote(10, 3_000);
            pace.synced(at);
            assert_eq!(pace.gather(at), LEAST);
        }
    }

    #[test]
    fn a_flood_gathers_no_more_bytes_than_its_room_has_space_for() {
        // 200 MB and 26 MB a second.
        assert_eq!(after(10_000, 1_048, 50 * MILLI), LEAST);
        let gathers = after(1_250, 1_048, 50 * MILLI);
        assert!(gathers > 15 * MILLI && gathers < 25 * MILLI, "{gathers:?}");
    }

    #[test]
    fn letters_of_no_bytes_and_syncs_at_the_same_moment_are_no_division_by_zero() {
        assert_eq!(after(1_000, 0, 5 * MILLI), MOST);
        assert_eq!(after(1_000, 300, Duration::ZERO), LEAST);
        assert_eq!(after(0, 0, Duration::ZERO), LEAST);
    }
}
