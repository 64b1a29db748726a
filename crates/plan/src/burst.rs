use serde::Serialize;

use crate::traffic::AHEAD;

/// A burst: so many events a second, for so long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Burst {
    /// Events a second.
    pub rate: f64,
    /// For so many seconds.
    pub seconds: f64,
}

/// What a burst leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drain {
    /// Events that wait when it ends, wherever that is.
    pub backlog_events: f64,
    /// From its end until nothing of it waits any more; none if the rate after it leaves no room for that.
    pub seconds: Option<f64>,
    /// What waits in memory at most, in bytes; never more than the budget.
    pub peak_bytes: f64,
    /// From its beginning until the budget is used up and sources wait; none if it suffices.
    pub full_after_seconds: Option<f64>,
}

/// What the workers carry, and what waits as a matter of course.
pub(crate) struct Ground {
    /// Events a second that can be run while much waits.
    pub(crate) capacity: f64,
    /// Events a second after the burst.
    pub(crate) rate: f64,
    /// Bytes that wait without a burst.
    pub(crate) steady_bytes: f64,
    /// Bytes of an event that waits, with little ahead of it and with much.
    pub(crate) event_bytes: (f64, f64),
    pub(crate) budget_bytes: f64,
}

pub(crate) fn drain(burst: Burst, ground: &Ground) -> Drain {
    let surplus = (burst.rate - ground.capacity).max(0.0);
    let backlog = surplus * burst.seconds;
    let spare = ground.capacity - ground.rate;
    let bytes = |events: f64| {
        // Once much waits, sources read more at once, and pages are better filled.
        let few = (AHEAD / ground.event_bytes.0).min(events);
        ground.steady_bytes + few * ground.event_bytes.0 + (events - few) * ground.event_bytes.1
    };
    let events_in_budget = {
        let few = AHEAD / ground.event_bytes.0;
        let room = ground.budget_bytes - ground.steady_bytes;
        if room < AHEAD {
            room.max(0.0) / ground.event_bytes.0
        } else {
            few + (room - AHEAD) / ground.event_bytes.1
        }
    };
    Drain {
        backlog_events: backlog,
        seconds: match () {
            () if backlog == 0.0 => Some(0.0),
            () if spare > 0.0 => Some(backlog / spare),
            () => None,
        },
        peak_bytes: bytes(backlog).min(ground.budget_bytes),
        full_after_seconds: (backlog > events_in_budget).then(|| events_in_budget / surplus),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUND: Ground = Ground {
        capacity: 100_000.0,
        rate: 20_000.0,
        steady_bytes: 0.0,
        event_bytes: (4_096.0, 256.0),
        budget_bytes: 268_435_456.0,
    };

    #[test]
    fn what_is_beyond_the_capacity_piles_up_and_is_worked_off_with_what_is_left() {
        let burst = Burst {
            rate: 300_000.0,
            seconds: 4.0,
        };
        let drain = drain(burst, &GROUND);
        assert_eq!(
            (drain.backlog_events, drain.seconds),
            (800_000.0, Some(10.0))
        );
        // 2,048 events fill the first 8 MiB a page each, the rest are packed.
        assert_eq!(drain.peak_bytes, AHEAD + 797_952.0 * 256.0);
        assert_eq!(drain.full_after_seconds, None);
    }

    #[test]
    fn memory_ends_at_the_budget_and_the_time_until_then_is_told() {
        let burst = Burst {
            rate: 300_000.0,
            seconds: 40.0,
        };
        let drain = drain(burst, &GROUND);
        assert_eq!(drain.peak_bytes, GROUND.budget_bytes);
        let full = drain.full_after_seconds.expect("more than fits");
        assert!(
            (full - (2_048.0 + 1_015_808.0) / 200_000.0).abs() < 0.01,
            "{full}"
        );
    }

    #[test]
    fn nothing_drains_where_the_rate_leaves_no_room_and_a_burst_within_the_capacity_leaves_nothing()
    {
        let burst = Burst {
            rate: 300_000.0,
            seconds: 1.0,
        };
        let full = Ground {
            rate: 100_000.0,
            ..GROUND
        };
        assert_eq!(drain(burst, &full).seconds, None);
        let small = Burst {
            rate: 90_000.0,
            ..burst
        };
        let drain = drain(small, &full);
        assert_eq!((drain.backlog_events, drain.seconds), (0.0, Some(0.0)));
    }
}
