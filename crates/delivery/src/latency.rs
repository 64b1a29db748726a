use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the buckets in nanoseconds, 100 us to 10 s; one more bucket takes the rest.
pub const BUCKETS: [u64; 16] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// A histogram of times, each observed for many events at once.
#[derive(Debug, Default)]
pub struct Latency {
    counts: [AtomicU64; BUCKETS.len() + 1],
    sum_nanos: AtomicU64,
}

/// What a [`Latency`] has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencySnapshot {
    /// Events per bucket of [`BUCKETS`], not cumulative; the last is above them all.
    pub counts: [u64; BUCKETS.len() + 1],
    /// The sum over all events, in nanoseconds.
    pub sum_nanos: u64,
}

impl Latency {
    /// Counts `events` events that took `nanos` each.
    pub fn observe(&self, nanos: u64, events: u64) {
        let bucket = BUCKETS.partition_point(|&bound| bound < nanos);
        self.counts[bucket].fetch_add(events, Ordering::Relaxed);
        self.sum_nanos
            .fetch_add(nanos.saturating_mul(events), Ordering::Relaxed);
    }

    /// What was seen so far.
    pub fn snapshot(&self) -> LatencySnapshot {
        LatencySnapshot {
            counts: std::array::from_fn(|bucket| self.counts[bucket].load(Ordering::Relaxed)),
            sum_nanos: self.sum_nanos.load(Ordering::Relaxed),
        }
    }
}

impl LatencySnapshot {
    /// How many events were observed.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// What was seen since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &LatencySnapshot) -> LatencySnapshot {
        LatencySnapshot {
            counts: std::array::from_fn(|bucket| {
                self.counts[bucket].saturating_sub(earlier.counts[bucket])
            }),
            sum_nanos: self.sum_nanos.saturating_sub(earlier.sum_nanos),
        }
    }

    /// The quantile `q` (0 to 1) in nanoseconds, interpolated inside its bucket; `None` when nothing
    /// was observed, and the highest bound for what lies above all buckets.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = (q.clamp(0.0, 1.0) * count as f64).max(1.0);
        let mut below = 0.0;
        let mut lower = 0;
        for (bucket, &events) in self.counts.iter().enumerate() {
            let Some(&upper) = BUCKETS.get(bucket) else {
                break;
            };
            if below + events as f64 >= rank {
                let inside = (rank - below) / events as f64;
                return Some(lower + ((upper - lower) as f64 * inside) as u64);
            }
            below += events as f64;
            lower = upper;
        }
        BUCKETS.last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_in_the_bucket_that_holds_it() {
        let latency = Latency::default();
        assert_eq!(latency.snapshot().quantile(0.5), None);
        latency.observe(200_000, 90);
        latency.observe(4_000_000, 10);
        let seen = latency.snapshot();
        assert_eq!(seen.count(), 100);
        let (half, tail) = (seen.quantile(0.5).unwrap(), seen.quantile(0.99).unwrap());
        assert!((100_000..=250_000).contains(&half), "{half}");
        assert!((2_500_000..=5_000_000).contains(&tail), "{tail}");
        latency.observe(60_000_000_000, 1_000);
        assert_eq!(latency.snapshot().quantile(0.99), Some(10_000_000_000));
        assert_eq!(latency.snapshot().since(&seen).count(), 1_000);
    }
}
