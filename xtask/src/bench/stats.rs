//! Median and spread of a few measurements.

use serde::{Deserialize, Serialize};

/// The smallest, the middle and the largest of some measurements.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) max: f64,
}

/// Runs that differ by more than this factor say more about the machine than about the daemon.
const WIDE: f64 = 1.3;

impl Spread {
    /// `None` for no measurements.
    pub(super) fn of(measurements: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = measurements.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            (sorted[middle - 1] + sorted[middle]) / 2.0
        };
        Some(Self { min, median, max })
    }

    pub(super) fn is_wide(&self) -> bool {
        self.max > self.min * WIDE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_depend_on_the_order_of_the_runs() {
        for runs in [[3.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 1.0]] {
            assert_eq!(
                Spread::of(runs),
                Some(Spread {
                    min: 1.0,
                    median: 2.0,
                    max: 3.0
                })
            );
        }
        assert_eq!(
            Spread::of([4.0, 1.0, 3.0, 2.0]),
            Some(Spread {
                min: 1.0,
                median: 2.5,
                max: 4.0
            })
        );
        assert_eq!(
            Spread::of([5.0]),
            Some(Spread {
                min: 5.0,
                median: 5.0,
                max: 5.0
            })
        );
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn a_wide_spread_is_flagged_and_a_narrow_one_is_not() {
        assert!(Spread::of([1.0, 1.1, 1.31]).unwrap().is_wide());
        assert!(!Spread::of([1.0, 1.1, 1.29]).unwrap().is_wide());
    }
}
