//! How the rate grows with the workers, for every series of points that differ in nothing else.

use super::law;
use super::record::{Point, Scaling, What};

/// A law for each series of at least two worker counts.
pub(super) fn scaling(points: &[Point]) -> Vec<Scaling> {
    let mut all = Vec::new();
    let mut done: Vec<What> = Vec::new();
    for point in points {
        let series_of = |what: &What| What {
            workers: 0,
            ..what.clone()
        };
        let name = series_of(&point.what);
        if done.contains(&name) {
            continue;
        }
        let of_series = points.iter().filter(|other| series_of(&other.what) == name);
        let mut series: Vec<(u32, f64)> = of_series
            .map(|point| (point.what.workers, point.rate.median))
            .collect();
        series.sort_by_key(|(workers, _)| *workers);
        done.push(name);
        let [(fewest, rate), _, ..] = series[..] else {
            continue;
        };
        // What one worker does, by the fewest that were measured.
        let one = rate / f64::from(fewest);
        let efficiency = |(workers, rate)| (workers, rate, rate / (one * f64::from(workers)));
        all.push(Scaling {
            of: What {
                workers: fewest,
                ..point.what.clone()
            },
            points: series.iter().copied().map(efficiency).collect(),
            law: law::fit(&series),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::gather::tests::record;

    fn point(workers: u32, key: Option<&str>, rate: f64) -> Point {
        let mut point = record(&[rate]).points.remove(0);
        point.what.workers = workers;
        point.what.key = key.map(str::to_owned);
        point
    }

    #[test]
    fn points_that_differ_in_more_than_workers_are_series_of_their_own() {
        let points = [
            point(4, None, 300.0),
            point(1, None, 100.0),
            point(1, Some("id"), 50.0),
            point(2, Some("id"), 90.0),
            point(1, Some("alone"), 1.0),
        ];
        let scaling = scaling(&points);
        assert_eq!(scaling.len(), 2);
        assert_eq!(scaling[0].points, [(1, 100.0, 1.0), (4, 300.0, 0.75)]);
        assert_eq!(scaling[0].of.workers, 1);
        assert_eq!(scaling[1].points, [(1, 50.0, 1.0), (2, 90.0, 0.9)]);
    }
}
