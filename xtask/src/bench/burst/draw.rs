//! Three drawings over one axis of time, as one file.

use super::Course;
use super::seen::{Sample, Seen};
use crate::bench::chart::{Over, over_time, stacked};

/// The chart: what came in, how many workers there were, how old the queue was.
pub(super) fn chart(seen: &Seen, target: u64, course: &Course) -> anyhow::Result<String> {
    let of = |value: fn(&Sample) -> f64| -> Vec<(f64, f64)> {
        let samples = seen.samples.iter();
        samples.map(|sample| (sample.at, value(sample))).collect()
    };
    let rates = seen.samples.windows(2).map(|pair| {
        let events = pair[1].counts.received - pair[0].counts.received;
        let seconds = (pair[1].at - pair[0].at).max(1e-3);
        (pair[1].at, events as f64 / seconds / 1e3)
    });
    let drawings = [
        Over {
            title: "thousand events/s taken in",
            path: rates.collect(),
            level: None,
        },
        Over {
            title: "workers",
            path: of(|sample| sample.workers),
            level: None,
        },
        Over {
            title: "age of the queue, ms",
            path: of(|sample| sample.oldest * 1e3),
            level: Some(target as f64),
        },
    ];
    let drawings = drawings
        .iter()
        .map(|over| over_time(over, course.seconds()));
    stacked(
        "A burst, and the pool that meets it",
        &drawings.collect::<anyhow::Result<Vec<_>>>()?,
    )
}
