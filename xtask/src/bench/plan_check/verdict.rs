use std::fmt::Write;

use anyhow::bail;

use super::task::Task;
use crate::bench::stats::Spread;

/// How busy the workers are, and how far the prediction may be off then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Half,
    Seventy,
    EightyFive,
}

impl Level {
    pub(super) const ALL: [Level; 3] = [Level::Half, Level::Seventy, Level::EightyFive];

    pub(super) fn share(self) -> f64 {
        match self {
            Level::Half => 0.5,
            Level::Seventy => 0.7,
            Level::EightyFive => 0.85,
        }
    }

    /// The larger the share, the more a small error of it is worth: 1 % of the time is 7 % of the wait there.
    fn bound(self) -> f64 {
        match self {
            Level::Half | Level::Seventy => 0.3,
            Level::EightyFive => 0.5,
        }
    }
}

/// One run. Waits are 99th percentiles in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) level: Level,
    /// Events a second.
    pub(super) rate: f64,
    /// What was predicted before.
    pub(super) predicted: f64,
    pub(super) seen: f64,
    /// How busy the workers were.
    pub(super) used: f64,
    /// What is predicted from the times of this very run: the error of the model, without that of a machine which
    /// changed meanwhile.
    pub(super) by_itself: Option<f64>,
}

impl Measured {
    fn error(&self) -> f64 {
        self.predicted / self.seen - 1.0
    }
}

#[derive(Default)]
pub(super) struct Verdict {
    rows: Vec<(Task, u32, Level, Vec<Measured>)>,
}

impl Verdict {
    pub(super) fn add(&mut self, task: Task, workers: u32, measured: Vec<Measured>) {
        for one in measured {
            let same =
                |row: &&mut (Task, u32, Level, Vec<Measured>)| row.0 == task && row.2 == one.level;
            match self.rows.iter_mut().find(same) {
                Some(row) => row.3.push(one),
                None => self.rows.push((task, workers, one.level, vec![one])),
            }
        }
    }

    pub(super) fn table(&self) -> String {
        let mut out = String::from(
            "| workload | workers | planned | events/s | busy | predicted p99 | measured p99 | error | from | to | may be | by itself |\n\
             |---|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for (task, workers, level, runs) in &self.rows {
            let of = |figure: fn(&Measured) -> f64| Spread::of(runs.iter().map(figure));
            let median = |figure| of(figure).map_or(f64::NAN, |spread| spread.median);
            let errors = of(Measured::error);
            let error = |pick: fn(&Spread) -> f64| errors.as_ref().map_or(f64::NAN, pick) * 100.0;
            let by_itself = runs
                .iter()
                .filter_map(|run| Some(run.by_itself? / run.seen - 1.0));
            let by_itself = Spread::of(by_itself).map_or("-".to_owned(), |spread| {
                format!("{:+.0} %", spread.median * 100.0)
            });
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "| {task} | {workers} | {:.0} % | {:.0} | {:.0} % | {:.2} ms | {:.2} ms | {:+.0} % | {:+.0} % | {:+.0} % | {:.0} % | {by_itself} |",
                level.share() * 100.0,
                median(|run| run.rate),
                median(|run| run.used) * 100.0,
                median(|run| run.predicted) * 1e3,
                median(|run| run.seen) * 1e3,
                error(|spread| spread.median),
                error(|spread| spread.min),
                error(|spread| spread.max),
                level.bound() * 100.0,
            );
        }
        out
    }

    /// Fails if the median error of anything is further from none than it may be.
    pub(super) fn judge(&self) -> anyhow::Result<()> {
        let off = |(task, _, level, runs): &(Task, u32, Level, Vec<Measured>)| {
            let error = Spread::of(runs.iter().map(Measured::error))?.median;
            let held = error.abs() <= level.bound();
            (!held).then(|| format!("{task} at {:.0} %", level.share() * 100.0))
        };
        let off: Vec<String> = self.rows.iter().filter_map(off).collect();
        if off.is_empty() {
            println!("holds");
            return Ok(());
        }
        bail!(
            "predictions are further off than they may be: {}",
            off.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(level: Level, errors: &[f64]) -> Verdict {
        let mut verdict = Verdict::default();
        for error in errors {
            let run = Measured {
                level,
                rate: 1_000.0,
                predicted: 1e-3 * (1.0 + error),
                seen: 1e-3,
                used: level.share(),
                by_itself: None,
            };
            verdict.add(Task::Delay, 8, vec![run]);
        }
        verdict
    }

    #[test]
    fn the_median_is_judged_in_both_directions_and_more_is_allowed_where_little_is_left() {
        for (level, errors, holds) in [
            (Level::Half, [0.29, 0.1, 2.0, -0.5, 0.29], true),
            (Level::Half, [0.31, 0.1, 2.0, 0.4, 0.29], false),
            (Level::Seventy, [-0.31, -0.9, 0.0, -0.4, 0.0], false),
            (Level::EightyFive, [-0.31, -0.9, 0.0, -0.4, 0.0], true),
            (Level::EightyFive, [0.6, 0.51, 0.7, 0.0, 0.0], false),
        ] {
            let verdict = verdict(level, &errors);
            assert_eq!(verdict.judge().is_ok(), holds, "{level:?} {errors:?}");
        }
        let table = verdict(Level::Half, &[0.1, 0.2, 0.3]).table();
        assert!(
            table.contains("| +20 % | +10 % | +30 % | 30 % |"),
            "{table}"
        );
    }
}
