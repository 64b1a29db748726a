//! The figures beside those of an earlier bench.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::ratio::Ratio;
use super::record::{Machine, Point, Record, Run, SCHEMA, Subject, What};

/// An earlier record, fit to be compared with.
#[derive(Debug)]
pub(super) struct Earlier {
    record: Record,
}

/// A point and the one of that name in the earlier record.
#[derive(Debug)]
pub(super) struct Since<'a> {
    pub(super) what: &'a What,
    /// Events per second over those of then: more than 1 is faster.
    pub(super) rate: Option<Ratio>,
    /// CPU per event over that of then: less than 1 is cheaper.
    pub(super) cpu: Option<Ratio>,
}

impl Earlier {
    /// Reads a record, which must hold one of the `points` at least.
    pub(super) fn read(path: &Path, points: &[What]) -> anyhow::Result<Self> {
        let context = || format!("--compare {}", path.display());
        let text = fs::read_to_string(path).with_context(context)?;
        let earlier = Self::parse(&text).with_context(context)?;
        let known = earlier
            .record
            .points
            .iter()
            .any(|point| points.contains(&point.what));
        let names: Vec<String> = earlier
            .record
            .points
            .iter()
            .map(|point| format!("{}", point.what))
            .collect();
        ensure!(
            known,
            "--compare {}: none of its points is measured now; it has: {}",
            path.display(),
            names.join("; ")
        );
        Ok(earlier)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let Version { schema } =
            serde_json::from_str(text).context("expected the JSON file of a bench")?;
        ensure!(
            schema == SCHEMA,
            "its schema is {schema}, expected {SCHEMA}"
        );
        let record = serde_json::from_str(text).context("expected the JSON file of a bench")?;
        Ok(Self { record })
    }

    /// Each of the daemon's points that both records have, by name.
    pub(super) fn compare<'a>(&self, now: &'a Record) -> Vec<Since<'a>> {
        let daemons = now
            .points
            .iter()
            .filter(|point| point.what.subject == Subject::Daemon);
        let both = daemons.filter_map(|point| Some((point, self.counterpart(point)?)));
        both.map(|(point, then)| Since {
            what: &point.what,
            rate: of_runs(point, then, |run| Some(run.rate)),
            cpu: of_runs(point, then, |run| run.cpu),
        })
        .collect()
    }

    /// The names of the daemon's points that only one of the records has.
    pub(super) fn unmatched(&self, now: &Record) -> Vec<String> {
        let alone = |points: &[Point], others: &[Point]| {
            let is_alone = |point: &&Point| {
                point.what.subject == Subject::Daemon
                    && others.iter().all(|other| other.what != point.what)
            };
            points
                .iter()
                .filter(is_alone)
                .map(|point| point.what.to_string())
                .collect::<Vec<_>>()
        };
        let (now, then) = (&now.points, &self.record.points);
        [alone(now, then), alone(then, now)].concat()
    }

    /// How the machine of then differs from this one, in words; empty if it does not.
    pub(super) fn other_machine(&self, now: &Machine) -> Vec<String> {
        let then = &self.record.machine;
        let or_unknown = |text: &Option<String>| text.clone().unwrap_or("unknown".into());
        let cores =
            |cores: Option<usize>| cores.map_or("unknown".into(), |cores| cores.to_string());
        let facts = [
            ("system", then.os.clone(), now.os.clone()),
            (
                "architecture",
                then.architecture.clone(),
                now.architecture.clone(),
            ),
            (
                "processor",
                or_unknown(&then.processor),
                or_unknown(&now.processor),
            ),
            ("cores", cores(then.cores), cores(now.cores)),
            ("rustc", or_unknown(&then.rustc), or_unknown(&now.rustc)),
        ];
        let differ = facts.into_iter().filter(|(_, then, now)| then != now);
        differ
            .map(|(what, then, now)| format!("{what}: {then} then, {now} now"))
            .collect()
    }

    fn counterpart(&self, point: &Point) -> Option<&Point> {
        self.record
            .points
            .iter()
            .find(|then| then.what == point.what)
    }
}

fn of_runs(now: &Point, then: &Point, figure: fn(&Run) -> Option<f64>) -> Option<Ratio> {
    let figures = |point: &Point| point.runs.iter().map(figure).collect::<Option<Vec<_>>>();
    Ratio::of_groups(&figures(now)?, &figures(then)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::gather::tests::record;

    fn json(record: &Record) -> String {
        serde_json::to_string(record).unwrap()
    }

    #[test]
    fn another_schema_is_refused_whatever_else_the_file_holds() {
        for text in [r#"{"schema":0}"#, r#"{"schema":2,"points":"other"}"#] {
            let error = format!("{:#}", Earlier::parse(text).unwrap_err());
            assert!(
                error.contains("its schema is") && error.contains("expected 1"),
                "{error}"
            );
        }
        assert!(Earlier::parse("{}").is_err());
        assert!(Earlier::parse("events/s").is_err());
    }

    #[test]
    fn points_are_matched_by_their_whole_name() {
        let then = Earlier::parse(&json(&record(&[1e6, 1e6, 1e6]))).unwrap();
        let mut now = record(&[2e6, 2e6, 2e6]);
        let compared = then.compare(&now);
        assert!((compared[0].rate.unwrap().value - 2.0).abs() < 1e-9);
        assert!((compared[0].cpu.unwrap().value - 1.0).abs() < 1e-9);
        assert!(then.unmatched(&now).is_empty());

        now.points[0].what.key = Some("user_id".into());
        assert!(then.compare(&now).is_empty());
        assert_eq!(
            then.unmatched(&now),
            ["w1 to file by user_id, 2 workers", "w1 to file, 2 workers"]
        );
    }

    #[test]
    fn a_file_that_holds_nothing_of_what_is_measured_is_refused_before_anything_runs() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, json(&record(&[1e6]))).unwrap();
        let mut what = record(&[1e6]).points[0].what.clone();
        assert!(Earlier::read(file.path(), std::slice::from_ref(&what)).is_ok());
        what.workers = 3;
        let error = format!("{:#}", Earlier::read(file.path(), &[what]).unwrap_err());
        assert!(error.contains("it has: w1 to file, 2 workers"), "{error}");
    }

    #[test]
    fn another_machine_is_said() {
        let then = Earlier::parse(&json(&record(&[1e6]))).unwrap();
        let mut machine = record(&[1e6]).machine;
        assert!(then.other_machine(&machine).is_empty());
        machine.cores = Some(64);
        assert_eq!(then.other_machine(&machine), ["cores: 2 then, 64 now"]);
    }
}
