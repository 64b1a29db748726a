use std::sync::atomic::{AtomicU64, Ordering};

/// Steps of a decade, in hundredths: each about an eighth above the one before, the round numbers among them.
const STEPS: [u64; 20] = [
    100, 112, 125, 140, 160, 180, 200, 224, 250, 280, 315, 355, 400, 450, 500, 560, 630, 710, 800,
    900,
];
const DECADES: usize = 8;

/// Upper bounds of the buckets in nanoseconds, 1 us to 90 s; one more bucket takes the rest.
pub const TIMES: [u64; STEPS.len() * DECADES] = bounds();

const fn bounds() -> [u64; STEPS.len() * DECADES] {
    let mut bounds = [0; STEPS.len() * DECADES];
    let mut unit = 10;
    let mut at = 0;
    while at < bounds.len() {
        bounds[at] = unit * STEPS[at % STEPS.len()];
        at += 1;
        if at % STEPS.len() == 0 {
            unit *= 10;
        }
    }
    bounds
}

/// A histogram of times, fine enough to tell a 99th percentile to a few per cent.
pub(crate) struct Times {
    counts: [AtomicU64; TIMES.len() + 1],
    nanos: AtomicU64,
}

impl Times {
    pub(crate) fn new() -> Self {
        Times {
            counts: [const { AtomicU64::new(0) }; TIMES.len() + 1],
            nanos: AtomicU64::new(0),
        }
    }

    pub(crate) fn observe(&self, nanos: u64) {
        let bucket = TIMES.partition_point(|&bound| bound < nanos);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn add_to(&self, seen: &mut TimesSeen) {
        for (sum, count) in seen.counts.iter_mut().zip(&self.counts) {
            *sum += count.load(Ordering::Relaxed);
        }
        seen.nanos += self.nanos.load(Ordering::Relaxed);
    }
}

/// How often something took how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimesSeen {
    /// By bucket of [`TIMES`], not cumulative; the last is above them all.
    pub counts: Vec<u64>,
    /// The sum, in nanoseconds.
    pub nanos: u64,
}

impl Default for TimesSeen {
    fn default() -> Self {
        TimesSeen {
            counts: vec![0; TIMES.len() + 1],
            nanos: 0,
        }
    }
}

impl TimesSeen {
    /// The buckets that hold something, by their upper bounds; the last of all has none.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let counted = self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0);
        counted.map(|(bucket, count)| (TIMES.get(bucket).copied(), *count))
    }

    /// The same in buckets with these upper bounds, each of which is one of [`TIMES`]; one more takes the rest.
    pub fn coarse(&self, bounds: &[u64]) -> Vec<u64> {
        let mut coarse = vec![0; bounds.len() + 1];
        for (upper, count) in self.buckets() {
            let upper = upper.unwrap_or(u64::MAX);
            coarse[bounds.partition_point(|&bound| bound < upper)] += count;
        }
        coarse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_rise_by_an_eighth_and_hold_round_numbers() {
        assert_eq!((TIMES[0], TIMES[TIMES.len() - 1]), (1_000, 90_000_000_000));
        for pair in TIMES.windows(2) {
            let step = pair[1] as f64 / pair[0] as f64;
            assert!((1.1..1.15).contains(&step), "{pair:?}");
        }
        for round in [10_000, 25_000, 500_000, 2_500_000, 10_000_000_000] {
            assert!(TIMES.contains(&round), "{round}");
        }
    }

    #[test]
    fn a_time_is_in_the_bucket_that_ends_at_or_above_it() {
        let times = Times::new();
        for nanos in [0, 1_000, 1_001, 2_500_000, u64::MAX / 2] {
            times.observe(nanos);
        }
        let mut seen = TimesSeen::default();
        times.add_to(&mut seen);
        let buckets: Vec<_> = seen.buckets().collect();
        let expected = [
            (Some(1_000), 2),
            (Some(1_120), 1),
            (Some(2_500_000), 1),
            (None, 1),
        ];
        assert_eq!(buckets, expected);
        assert_eq!(seen.coarse(&[1_000, 2_500_000]), [2, 2, 1]);
    }
}
