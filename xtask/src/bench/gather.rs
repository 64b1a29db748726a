//! The figures of a point, out of those of its runs.

use anyhow::ensure;

use super::latency::{Timed, together};
use super::record::{Point, Run, What};
use super::run::Measured;
use super::stats::Spread;

/// What was measured at a point so far.
#[derive(Default)]
pub(super) struct Gathered {
    runs: Vec<Measured>,
    /// By rate, in the order in which the rates were given.
    timed: Vec<(u64, Vec<Timed>)>,
}

impl Gathered {
    /// Adds a run; an error if the daemon judged the same events differently than before.
    pub(super) fn add(&mut self, measured: Measured) -> anyhow::Result<()> {
        if let Some(first) = self.runs.first()
            && first.run.events == measured.run.events
        {
            ensure!(
                first.counts == measured.counts,
                "the same events came to {:?} in this run and to {:?} in the first",
                measured.counts,
                first.counts
            );
        }
        self.runs.push(measured);
        Ok(())
    }

    pub(super) fn add_timed(&mut self, rate: u64, timed: Timed) {
        match self.timed.iter_mut().find(|(asked, _)| *asked == rate) {
            Some((_, runs)) => runs.push(timed),
            None => self.timed.push((rate, vec![timed])),
        }
    }

    /// The median rate; `None` without a run.
    pub(super) fn rate(&self) -> Option<f64> {
        Some(Spread::of(self.runs.iter().map(|measured| measured.run.rate))?.median)
    }

    /// The point; `None` without a run.
    pub(super) fn point(mut self, what: What) -> anyhow::Result<Option<Point>> {
        let Some(rate) = Spread::of(self.runs.iter().map(|measured| measured.run.rate)) else {
            return Ok(None);
        };
        let off = |measured: &Measured| (measured.run.rate - rate.median).abs();
        let typical = self
            .runs
            .iter_mut()
            .min_by(|one, two| off(one).total_cmp(&off(two)));
        let depth = typical
            .map(|run| std::mem::take(&mut run.depth))
            .unwrap_or_default();
        let ready = self
            .runs
            .iter()
            .map(|run| run.start_to_ready.map(|time| time.as_secs_f64()));
        let start_to_ready_seconds = all(ready);
        let runs: Vec<Run> = self.runs.into_iter().map(|measured| measured.run).collect();
        let latency = self.timed.iter().map(|(rate, runs)| together(*rate, runs));
        Ok(Some(Point {
            what,
            rate,
            cpu: all(runs.iter().map(|run| run.cpu)),
            peak_resident: all(runs
                .iter()
                .map(|run| run.peak_resident.map(|bytes| bytes as f64))),
            context_switches: all(runs.iter().map(|run| run.context_switches)),
            start_to_ready_seconds,
            latency: latency.collect::<anyhow::Result<_>>()?,
            depth,
            runs,
        }))
    }
}

/// A spread over some of the runs would mislead: all or none.
fn all(figures: impl Iterator<Item = Option<f64>>) -> Option<Spread> {
    Spread::of(figures.collect::<Option<Vec<f64>>>()?)
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::counters::Counts;
    use crate::bench::names::tests::w1;
    use crate::bench::record::{Depth, Machine, Record, SCHEMA};

    fn measured(rate: f64, cpu: Option<f64>) -> Measured {
        let events = 1_000_000;
        Measured {
            run: Run {
                events,
                seconds: events as f64 / rate,
                rate,
                cpu,
                peak_resident: Some(40 << 20),
                context_switches: Some(0.5),
            },
            start_to_ready: Some(Duration::from_millis(10)),
            depth: vec![Depth {
                seconds: 0.0,
                events: rate as u64,
            }],
            counts: Some(Counts::default()),
        }
    }

    fn point(runs: impl IntoIterator<Item = Measured>) -> Point {
        let mut gathered = Gathered::default();
        runs.into_iter().for_each(|run| gathered.add(run).unwrap());
        gathered.point(w1()).unwrap().unwrap()
    }

    /// A record of one point, the daemon on W1 with two workers, whose runs had these rates.
    pub(in crate::bench) fn record(rates: &[f64]) -> Record {
        Record {
            schema: SCHEMA,
            time: 1_790_000_000,
            command: "cargo xtask bench".into(),
            commit: None,
            machine: Machine {
                os: "linux".into(),
                architecture: "x86_64".into(),
                processor: None,
                cores: Some(2),
                rustc: None,
            },
            seed: 1,
            points: vec![point(rates.iter().map(|rate| measured(*rate, Some(0.5))))],
            scaling: Vec::new(),
        }
    }

    #[test]
    fn the_depth_shown_is_that_of_the_run_with_the_median_rate() {
        let runs = [3e6, 1e6, 2e6].map(|rate| measured(rate, Some(0.5)));
        let point = point(runs);
        assert_eq!(point.depth[0].events, 2_000_000);
        assert_eq!(
            (point.rate.min, point.rate.median, point.rate.max),
            (1e6, 2e6, 3e6)
        );
    }

    #[test]
    fn a_figure_that_one_run_lacks_is_not_made_of_the_others() {
        let point = point([measured(1e6, Some(0.5)), measured(1e6, None)]);
        assert_eq!(point.cpu, None);
        assert!(point.peak_resident.is_some());
        assert_eq!(point.runs.len(), 2);
    }

    #[test]
    fn a_daemon_that_judges_the_same_events_differently_fails_the_bench() {
        let mut gathered = Gathered::default();
        gathered.add(measured(1e6, None)).unwrap();
        let other = Measured {
            counts: Some(Counts {
                filtered: 1,
                ..Counts::default()
            }),
            ..measured(1e6, None)
        };
        let text = format!("{:#}", gathered.add(other).unwrap_err());
        assert!(text.contains("the same events"), "{text}");
    }
}
