use serde::{Deserialize, Serialize};

/// The bounds of two neighbouring buckets are about this far apart.
const STEP: f64 = 1.122;
/// What lies above all bounds is taken for this many times the last.
const ABOVE: f64 = 2.0;

/// How often something took how long.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// All of it together.
    pub seconds: f64,
    /// Upper bounds in nanoseconds, rising, and how often; the last may be without a bound.
    pub buckets: Vec<(Option<u64>, u64)>,
}

impl Spread {
    /// How often.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// How long on average, in seconds; 0 for never.
    pub fn mean(&self) -> f64 {
        self.seconds / self.count().max(1) as f64
    }

    /// What was added since `earlier`; `None` if less is here than there.
    pub fn since(&self, earlier: &Spread) -> Option<Spread> {
        let before = |upper: &Option<u64>| {
            let same = earlier.buckets.iter().find(|(bound, _)| bound == upper);
            same.map_or(0, |(_, count)| *count)
        };
        let less = |(upper, count): &(Option<u64>, u64)| {
            let left = count.checked_sub(before(upper))?;
            Some((*upper, left))
        };
        let buckets: Option<Vec<_>> = self.buckets.iter().map(less).collect();
        Some(Spread {
            seconds: (self.seconds - earlier.seconds).max(0.0),
            buckets: buckets?
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .collect(),
        })
    }

    /// Both together.
    #[must_use]
    pub fn with(mut self, other: &Spread) -> Spread {
        self.seconds += other.seconds;
        for (upper, count) in &other.buckets {
            match self.buckets.iter_mut().find(|(bound, _)| bound == upper) {
                Some((_, sum)) => *sum += count,
                None => self.buckets.push((*upper, *count)),
            }
        }
        self.buckets
            .sort_by_key(|(upper, _)| upper.unwrap_or(u64::MAX));
        self
    }

    /// The quantile `q` (0 to 1) in seconds, interpolated within its bucket; 0 for never.
    pub fn quantile(&self, q: f64) -> f64 {
        Draw::of(self).map_or(0.0, |draw| draw.raw(q.clamp(0.0, 1.0)))
    }
}

/// Draws times as they were measured.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    /// Share of all below the end of the bucket, lower and upper bound in seconds.
    buckets: Vec<(f64, f64, f64)>,
    /// Makes the mean of what is drawn the one that was measured.
    correction: f64,
}

impl Draw {
    /// `None` where nothing was measured.
    pub(crate) fn of(spread: &Spread) -> Option<Self> {
        let all = spread.count();
        if all == 0 {
            return None;
        }
        let (mut below, mut middle, mut last) = (0, 0.0, 0.0);
        let mut buckets = Vec::with_capacity(spread.buckets.len());
        for (bound, count) in &spread.buckets {
            let (lower, upper) = match bound {
                Some(nanos) => {
                    let upper = *nanos as f64 / 1e9;
                    // The first of all reaches down to nothing.
                    let lower = if *nanos <= 1_000 { 0.0 } else { upper / STEP };
                    (lower.max(last), upper)
                }
                None => (last, last * ABOVE),
            };
            below += count;
            middle += (lower + upper) / 2.0 * *count as f64;
            buckets.push((below as f64 / all as f64, lower, upper));
            last = upper;
        }
        Some(Draw {
            buckets,
            correction: if middle > 0.0 {
                spread.seconds / middle
            } else {
                1.0
            },
        })
    }

    /// The time below which the share `u` of all is.
    pub(crate) fn at(&self, u: f64) -> f64 {
        self.raw(u) * self.correction
    }

    fn raw(&self, u: f64) -> f64 {
        let at = self.buckets.partition_point(|(share, ..)| *share < u);
        let at = at.min(self.buckets.len() - 1);
        let before = at
            .checked_sub(1)
            .map_or(0.0, |before| self.buckets[before].0);
        let (share, lower, upper) = self.buckets[at];
        let inside = ((u - before) / (share - before)).clamp(0.0, 1.0);
        lower + (upper - lower) * inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread() -> Spread {
        Spread {
            seconds: 90.0 * 0.95e-3 + 10.0 * 9.5e-3,
            buckets: vec![(Some(1_000_000), 90), (Some(10_000_000), 10)],
        }
    }

    #[test]
    fn a_quantile_lies_in_the_bucket_that_holds_it() {
        let spread = spread();
        assert!((0.89e-3..=1e-3).contains(&spread.quantile(0.5)));
        assert!((8.9e-3..=10e-3).contains(&spread.quantile(0.99)));
        assert_eq!(spread.quantile(1.0), 10e-3);
        assert_eq!(Spread::default().quantile(0.5), 0.0);
    }

    #[test]
    fn what_is_drawn_has_the_mean_that_was_measured() {
        let mut spread = spread();
        spread.seconds *= 1.03;
        let draw = Draw::of(&spread).expect("something");
        let drawn: f64 = (0..10_000)
            .map(|i| draw.at((f64::from(i) + 0.5) / 1e4))
            .sum();
        let mean = drawn / 1e4;
        assert!(
            (mean / spread.mean() - 1.0).abs() < 1e-3,
            "{mean} {}",
            spread.mean()
        );
    }

    #[test]
    fn a_difference_has_what_came_between_and_no_run_has_less_than_before() {
        let (earlier, mut later) = (spread(), spread().with(&spread()));
        later.buckets.push((None, 1));
        let since = later.since(&earlier).expect("more");
        assert_eq!(
            since.buckets,
            [(Some(1_000_000), 90), (Some(10_000_000), 10), (None, 1)]
        );
        assert_eq!(earlier.since(&later), None);
        // Above all bounds nothing is known; it is taken for some time longer.
        assert!(since.quantile(1.0) > 10e-3);
    }
}
