//! How much more or less, and how sure that is.

use super::record::{Peer, Point, Record, Run, Subject, What};

/// A ratio with the ends of its 95 % confidence interval; without ends where there are too few runs for one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratio {
    pub(super) value: f64,
    pub(super) interval: Option<(f64, f64)>,
}

impl Ratio {
    /// Of runs that took turns, each with its neighbour, so that the machine's drift cancels out: Student's t of the
    /// logarithms of the pairs' ratios.
    pub(super) fn of_pairs(pairs: &[(f64, f64)]) -> Option<Self> {
        let logs: Vec<f64> = pairs.iter().map(|(one, two)| (one / two).ln()).collect();
        let (mean, variance) = moments(&logs)?;
        let count = logs.len() as f64;
        Some(Self::around(mean, variance / count, count - 1.0))
    }

    /// Of runs that did not take turns: Welch's t of the logarithms.
    pub(super) fn of_groups(one: &[f64], two: &[f64]) -> Option<Self> {
        let logs = |runs: &[f64]| runs.iter().map(|run| run.ln()).collect::<Vec<_>>();
        let (one_mean, one_variance) = moments(&logs(one))?;
        let (two_mean, two_variance) = moments(&logs(two))?;
        let (one_count, two_count) = (one.len() as f64, two.len() as f64);
        let (one_part, two_part) = (one_variance / one_count, two_variance / two_count);
        let sum = one_part + two_part;
        let freedom = sum * sum
            / (one_part * one_part / (one_count - 1.0) + two_part * two_part / (two_count - 1.0));
        // Runs that are all alike have no variance, and as much freedom as there can be.
        let freedom = if freedom.is_finite() {
            freedom
        } else {
            one_count + two_count - 2.0
        };
        let single = one.len() < 2 || two.len() < 2;
        let freedom = if single { 0.0 } else { freedom };
        Some(Self::around(one_mean - two_mean, sum, freedom))
    }

    fn around(mean: f64, variance: f64, freedom: f64) -> Self {
        let interval = quantile(freedom).map(|t| {
            let half = t * variance.sqrt();
            ((mean - half).exp(), (mean + half).exp())
        });
        Self {
            value: mean.exp(),
            interval,
        }
    }
}

/// Mean and sample variance (0 for a single number); `None` unless all numbers are finite and there is one.
fn moments(numbers: &[f64]) -> Option<(f64, f64)> {
    if numbers.is_empty() || !numbers.iter().all(|number| number.is_finite()) {
        return None;
    }
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let squares = numbers.iter().map(|number| (number - mean).powi(2));
    Some((mean, squares.sum::<f64>() / (count - 1.0).max(1.0)))
}

/// The 97.5 % quantile of Student's t; `None` below one degree of freedom.
fn quantile(freedom: f64) -> Option<f64> {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042,
    ];
    if freedom.is_nan() || freedom < 1.0 {
        return None;
    }
    // Rounded down, which widens the interval. Beyond the table the next term of the series is good to 0.001.
    let index = freedom.floor() as usize - 1;
    Some(TABLE.get(index).copied().unwrap_or(1.96 + 2.45 / freedom))
}

/// The daemon beside something else that took turns with it.
#[derive(Debug)]
pub(super) struct Versus<'a> {
    pub(super) daemon: &'a Point,
    pub(super) other: &'a Point,
    /// The daemon's events per second over the other's: more than 1 is faster.
    pub(super) rate: Option<Ratio>,
    /// The daemon's CPU per event over the other's: less than 1 is cheaper.
    pub(super) cpu: Option<Ratio>,
}

/// Each revision beside the daemon at the same point, and each peer beside every daemon on the same task and sink.
pub(super) fn versus(record: &Record) -> Vec<Versus<'_>> {
    let mut all = Vec::new();
    let daemons = record
        .points
        .iter()
        .filter(|point| point.what.subject == Subject::Daemon);
    for daemon in daemons {
        for other in record
            .points
            .iter()
            .filter(|other| is_counterpart(daemon, other))
        {
            let pairs = |figure: fn(&Run) -> Option<f64>| {
                let pairs = daemon.runs.iter().zip(&other.runs);
                let pairs: Option<Vec<_>> = pairs
                    .map(|(one, two)| figure(one).zip(figure(two)))
                    .collect();
                pairs.and_then(|pairs| Ratio::of_pairs(&pairs))
            };
            all.push(Versus {
                daemon,
                other,
                rate: pairs(|run| Some(run.rate)),
                cpu: pairs(|run| run.cpu),
            });
        }
    }
    all
}

impl What {
    /// Whether the same was asked of two subjects.
    pub(super) fn is_but_for_its_subject(&self, other: &Self) -> bool {
        let same = Self {
            subject: self.subject.clone(),
            ..other.clone()
        };
        same == *self
    }
}

fn is_counterpart(daemon: &Point, other: &Point) -> bool {
    let (one, two) = (&daemon.what, &other.what);
    let same_task =
        one.workload == two.workload && one.source == two.source && one.sink == two.sink;
    match two.subject {
        Subject::Daemon => false,
        Subject::Revision(_) => one.is_but_for_its_subject(two),
        Subject::Peer(Peer::Threads) => same_task && one.workers == two.workers,
        // It has all cores.
        Subject::Peer(Peer::Python) => same_task && !one.off_sender,
        Subject::Peer(Peer::Serde | Peer::Expert) => same_task,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_that_hits_both_sides_alike_does_not_widen_the_interval() {
        // The machine halves its speed meanwhile; the one side is twice as fast all along.
        let ratio = Ratio::of_pairs(&[(200.0, 100.0), (150.0, 75.0), (100.0, 50.0)]).unwrap();
        assert!((ratio.value - 2.0).abs() < 1e-9);
        let (low, high) = ratio.interval.unwrap();
        assert!((low - 2.0).abs() < 1e-6 && (high - 2.0).abs() < 1e-6);
    }

    #[test]
    fn the_interval_is_student_s() {
        // Logarithms 0, ln 2, ln 4: mean ln 2, standard error ln 2 / sqrt(3), t(2) = 4.303.
        let ratio = Ratio::of_pairs(&[(1.0, 1.0), (2.0, 1.0), (4.0, 1.0)]).unwrap();
        let half = 4.303 * 2_f64.ln() / 3_f64.sqrt();
        let (low, high) = ratio.interval.unwrap();
        assert!((ratio.value - 2.0).abs() < 1e-9);
        assert!((low.ln() - (2_f64.ln() - half)).abs() < 1e-9);
        assert!((high.ln() - (2_f64.ln() + half)).abs() < 1e-9);
    }

    #[test]
    fn one_run_has_a_ratio_and_no_confidence() {
        let single = Ratio {
            value: 2.0,
            interval: None,
        };
        assert_eq!(Ratio::of_pairs(&[(2.0, 1.0)]), Some(single));
        assert_eq!(Ratio::of_groups(&[2.0], &[1.0, 1.0]), Some(single));
        assert_eq!(Ratio::of_pairs(&[]), None);
        assert_eq!(Ratio::of_pairs(&[(0.0, 1.0), (1.0, 1.0)]), None);
    }

    #[test]
    fn runs_that_did_not_take_turns_carry_the_doubt_of_both() {
        let ratio = Ratio::of_groups(&[2.0, 2.2, 1.8], &[1.0, 1.0, 1.0]).unwrap();
        let (low, high) = ratio.interval.unwrap();
        assert!(low < ratio.value && ratio.value < high);
        let alike = Ratio::of_groups(&[2.0, 2.0], &[1.0, 1.0]).unwrap();
        assert_eq!(alike.interval, Some((alike.value, alike.value)));
    }

    #[test]
    fn the_table_goes_over_into_the_series() {
        let (inside, outside) = (quantile(30.9).unwrap(), quantile(31.0).unwrap());
        assert!((inside - 2.042).abs() < 1e-9 && (outside - 2.0395).abs() < 1e-3);
        assert_eq!(quantile(0.5), None);
    }
}
