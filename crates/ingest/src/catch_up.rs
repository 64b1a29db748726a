use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A source is far ahead when more bytes than this wait in the process: about what caches hold.
pub(crate) const AHEAD: u64 = 8 << 20;
/// How long it pauses then before each read, at least.
const LEAST: Duration = Duration::from_millis(1);
/// And at most: a part of what the workers still have to do.
const MOST: Duration = Duration::from_millis(4);
/// Nanoseconds over which is measured how quickly the workers go, at least.
const SPAN: u64 = 500_000;

/// How long a source pauses that is far ahead of its workers.
///
/// Each pause costs wake-ups of this thread and of the one that keeps the time. Where the workers are quick, it
/// is as long as they take until 4 MiB of what the source handed on wait, and many reads follow it. Where they are slow,
/// it is short, so that a burst is taken in all the same; also where little of what waits in the process is the source's:
/// a longer pause would not make the rest any less.
#[derive(Default)]
pub(crate) struct CatchUp {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    at: u64,
    /// Bytes that the workers had let go of by then.
    returned: u64,
    /// Bytes a millisecond before that.
    rate: u64,
}

impl CatchUp {
    /// The pause from `now` on, in nanoseconds of a clock, when `waiting` bytes wait that the source handed
    /// on, and `returned` have been let go of in the process, ever.
    pub(crate) fn pause(&self, now: u64, waiting: u64, returned: u64) -> Duration {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let span = now.saturating_sub(seen.at);
        if span >= SPAN {
            let bytes = returned.saturating_sub(seen.returned);
            let rate = u128::from(bytes) * 1_000_000 / u128::from(span);
            *seen = Seen {
                at: now,
                returned,
                rate: u64::try_from(rate).unwrap_or(u64::MAX),
            };
        }
        let needed = waiting.saturating_sub(AHEAD / 2) / seen.rate.max(1);
        // So slow that they are not to be waited for.
        if needed > 4 * MOST.as_millis() as u64 {
            return LEAST;
        }
        Duration::from_millis(needed).clamp(LEAST, MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;
    const MIB: u64 = 1 << 20;

    /// The pause when the workers let go of so many bytes a millisecond.
    fn pause_at(bytes: u64) -> Duration {
        let catch_up = CatchUp::default();
        catch_up.pause(MILLI, AHEAD, 7 * MIB);
        catch_up.pause(11 * MILLI, AHEAD, 7 * MIB + 10 * bytes)
    }

    #[test]
    fn quick_workers_are_given_the_time_for_what_waits_and_slow_ones_are_not_waited_for() {
        assert_eq!(pause_at(100 * MIB), LEAST);
        assert_eq!(pause_at(2 * MIB), Duration::from_millis(2));
        assert_eq!(pause_at(MIB), MOST);
        assert_eq!(pause_at(MIB / 3), MOST);
        assert_eq!(pause_at(MIB / 5), LEAST);
        assert_eq!(pause_at(0), LEAST);
    }

    #[test]
    fn what_others_have_waiting_costs_a_quick_pipelines_source_no_time() {
        let catch_up = CatchUp::default();
        catch_up.pause(MILLI, MIB, 7 * MIB);
        assert_eq!(catch_up.pause(11 * MILLI, MIB, 17 * MIB), LEAST);
    }

    #[test]
    fn sources_that_ask_at_the_same_time_get_the_same_answer() {
        let catch_up = CatchUp::default();
        catch_up.pause(MILLI, AHEAD, 0);
        for _ in 0..2 {
            let pause = catch_up.pause(5 * MILLI, AHEAD, 8 * MIB);
            assert_eq!(pause, Duration::from_millis(2));
        }
    }
}
