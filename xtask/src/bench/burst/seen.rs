//! What is seen of the daemon from outside, ten times a second, and what to make of it.

use std::fmt::Write;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::Course;
use crate::bench::counters::{Counts, Reading, value};
use crate::bench::daemon::Daemon;

const EVERY: Duration = Duration::from_millis(100);

/// How things stood at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Seconds since the sender began.
    pub(super) at: f64,
    pub(super) counts: Counts,
    pub(super) workers: f64,
    /// Seconds that the oldest event in the mailboxes has waited.
    pub(super) oldest: f64,
}

/// A change in the number of workers, by the daemon's own account.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) from: u64,
    pub(super) to: u64,
    because: String,
}

pub(super) struct Seen {
    pub(super) samples: Vec<Sample>,
    changes: Vec<Change>,
}

/// What was to hold.
pub(super) struct Verdict {
    /// Seconds from the beginning of the burst until there were more workers.
    pub(super) first_added: f64,
    /// Seconds from the beginning of the burst until the queue was young again.
    pub(super) recovered: f64,
    /// Samples after that in which it was old.
    pub(super) late_again: usize,
    /// How often the number of workers changed its direction.
    pub(super) turns: usize,
}

/// Samples until all of the course has been sent and worked off.
pub(super) fn watch(
    daemon: &mut Daemon,
    course: &Course,
    begun: Instant,
    patience: Duration,
) -> anyhow::Result<Seen> {
    let all = course.due_by(course.seconds());
    let mut samples = Vec::new();
    loop {
        daemon.process.check_alive()?;
        let text = daemon.metrics()?;
        let at = begun.elapsed().as_secs_f64();
        let reading = Reading::parse(&text)?;
        samples.push(Sample {
            at,
            counts: reading.counts,
            workers: value(&text, "millpond_workers").context("there is no millpond_workers")?,
            oldest: value(
                &text,
                "millpond_queue_oldest_age_seconds{queue=\"pipelines.bench\"}",
            )
            .context("the pipeline's queue has no age")?,
        });
        if reading.counts.ended() == all {
            break;
        }
        let deadline = course.seconds() + patience.as_secs_f64();
        ensure!(
            at < deadline,
            "{} of {all} events had come to an end after {at:.0} s",
            reading.counts.ended()
        );
        thread::sleep(EVERY);
    }
    Ok(Seen {
        samples,
        changes: changes(&daemon.get("/api/v1/workers")?)?,
    })
}

fn changes(document: &str) -> anyhow::Result<Vec<Change>> {
    let document: Value = serde_json::from_str(document).context("/api/v1/workers is no JSON")?;
    let decisions = document["decisions"].as_array().context("no decisions")?;
    let change = |decision: &Value| {
        let number = |key: &str| {
            let number = decision[key].as_u64();
            number.with_context(|| format!("a decision without {key}"))
        };
        Ok(Change {
            from: number("from")?,
            to: number("to")?,
            because: decision["because"].as_str().unwrap_or_default().to_owned(),
        })
    };
    decisions.iter().map(change).collect()
}

impl Seen {
    /// Events with an outcome at the end.
    pub(super) fn ended(&self) -> u64 {
        self.samples.last().map_or(0, |last| last.counts.ended())
    }

    pub(super) fn judge(&self, course: &Course, target: f64) -> Verdict {
        let burst = course.burst();
        let before = |sample: &&Sample| sample.at < burst;
        let workers = self.samples.iter().take_while(before).last();
        let workers = workers.map_or(0.0, |sample| sample.workers);
        let mut later = self.samples.iter().skip_while(before);
        let added = later.clone().find(|sample| sample.workers > workers);
        // Old first, then young again: a queue that was never old has recovered at once.
        let old = later.clone().position(|sample| sample.oldest > target);
        let recovered = match old {
            None => Some(burst),
            Some(old) => later
                .by_ref()
                .skip(old)
                .find(|sample| sample.oldest <= target)
                .map(|sample| sample.at),
        };
        let ways: Vec<bool> = self
            .changes
            .iter()
            .filter(|change| change.from != change.to)
            .map(|change| change.to > change.from)
            .collect();
        Verdict {
            first_added: added.map_or(f64::INFINITY, |sample| sample.at - burst),
            recovered: recovered.map_or(f64::INFINITY, |at| at - burst),
            late_again: later.filter(|sample| sample.oldest > target).count(),
            turns: ways.windows(2).filter(|pair| pair[0] != pair[1]).count(),
        }
    }

    /// The course second by second.
    pub(super) fn table(&self) -> String {
        let mut table = String::from("     s    events/s    ended/s  workers  oldest\n");
        let mut last: Option<&Sample> = None;
        for sample in &self.samples {
            let Some(before) = last else {
                last = Some(sample);
                continue;
            };
            let seconds = sample.at - before.at;
            if seconds < 0.999 {
                continue;
            }
            let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "{:6.1} {:11.0} {:10.0} {:8} {:6.0} ms",
                sample.at,
                rate(sample.counts.received, before.counts.received),
                rate(sample.counts.ended(), before.counts.ended()),
                sample.workers,
                sample.oldest * 1e3
            );
            last = Some(sample);
        }
        table
    }

    /// Every decision with its reason.
    pub(super) fn decisions(&self) -> String {
        let lines = self.changes.iter().map(|change| {
            let Change { from, to, because } = change;
            format!("{from:>3} -> {to:<3} {because}")
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(samples: &[(f64, f64, f64)], changes: &[(u64, u64)]) -> Seen {
        let sample = |(at, workers, oldest): &(f64, f64, f64)| Sample {
            at: *at,
            counts: Counts::default(),
            workers: *workers,
            oldest: *oldest,
        };
        let change = |(from, to): &(u64, u64)| Change {
            from: *from,
            to: *to,
            because: String::new(),
        };
        Seen {
            samples: samples.iter().map(sample).collect(),
            changes: changes.iter().map(change).collect(),
        }
    }

    const COURSE: Course = Course {
        parts: [(1.0, 5.0), (10.0, 10.0), (1.0, 10.0)],
    };

    #[test]
    fn a_pool_that_swings_or_is_late_again_is_not_praised() {
        let good = [
            (4.0, 1.0, 0.0),
            (5.3, 1.0, 0.2),
            (5.5, 9.0, 0.4),
            (7.0, 9.0, 0.05),
            (20.0, 8.0, 0.0),
        ];
        let verdict = seen(&good, &[(1, 9), (9, 9), (9, 8)]).judge(&COURSE, 0.1);
        assert_eq!((verdict.first_added, verdict.recovered), (0.5, 2.0));
        assert_eq!((verdict.late_again, verdict.turns), (0, 1));

        let mut late = good.to_vec();
        late[4].2 = 0.3;
        let verdict = seen(&late, &[(1, 9), (9, 8), (8, 9)]).judge(&COURSE, 0.1);
        assert_eq!((verdict.late_again, verdict.turns), (1, 2));

        let stuck = [(4.0, 1.0, 0.0), (6.0, 1.0, 1.0), (9.0, 1.0, 4.0)];
        let verdict = seen(&stuck, &[]).judge(&COURSE, 0.1);
        assert!(verdict.first_added.is_infinite() && verdict.recovered.is_infinite());
    }

    #[test]
    fn decisions_are_read_and_nonsense_is_no_pool_without_decisions() {
        let text = r#"{"decisions":[{"from":1,"to":4,"because":"load"}]}"#;
        let read = changes(text).unwrap();
        assert_eq!((read[0].from, read[0].to), (1, 4));
        for text in ["", "{}", r#"{"decisions":[{"from":1}]}"#] {
            assert!(changes(text).is_err(), "{text:?}");
        }
    }
}
