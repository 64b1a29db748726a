//! Watches a daemon through a run: until every event is accounted for, and how its queues fill meanwhile.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;
use indicatif::ProgressBar;

use super::check::{Expected, Verdict};
use super::counters::{Counts, Reading};
use super::daemon::Daemon;
use super::record::Depth;
use super::usage::Usage;

/// How long counters may lag behind, once the daemon has received everything and nothing is live.
const SETTLE: Duration = Duration::from_secs(1);
/// A question costs the daemon about 0.1 ms; the end of a run is known to about this.
const SOONEST: Duration = Duration::from_millis(1);

/// How a run is watched.
pub(super) struct Watch<'a> {
    pub(super) expected: Expected,
    /// How often the daemon is asked, until the end is near.
    pub(super) every: Duration,
    pub(super) timeout: Duration,
    pub(super) progress: &'a ProgressBar,
}

/// Where a run began.
#[derive(Clone, Copy)]
pub(super) struct Start {
    at: Instant,
    /// Events that had an outcome by then: more than none where the daemon makes them itself.
    ended: u64,
    usage: Usage,
}

/// What was seen between the start and the end.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) elapsed: Duration,
    /// Events that were given an outcome.
    pub(super) events: u64,
    pub(super) usage: Usage,
    pub(super) depth: Vec<Depth>,
    pub(super) counts: Counts,
}

impl Start {
    /// Now.
    pub(super) fn now(daemon: &Daemon) -> anyhow::Result<Self> {
        let ended = daemon.read()?.counts.ended();
        Ok(Self {
            usage: Usage::of_tree(daemon.process.id()),
            ended,
            at: Instant::now(),
        })
    }
}

impl Watch<'_> {
    /// Waits until the counters are the expected ones and nothing is live; an error once they cannot become so.
    pub(super) fn until_done(&self, daemon: &mut Daemon, start: Start) -> anyhow::Result<Seen> {
        let mut wrong_since: Option<Instant> = None;
        let mut depth = Vec::new();
        loop {
            daemon.process.check_alive()?;
            let reading = daemon.read()?;
            let elapsed = start.at.elapsed();
            self.progress.set_position(reading.counts.ended());
            self.sample(&mut depth, elapsed, &reading);
            match self.expected.judge(&reading) {
                Verdict::Done => {
                    let usage = Usage::of_tree(daemon.process.id()).since(start.usage);
                    return Ok(Seen {
                        elapsed,
                        events: reading.counts.ended() - start.ended,
                        usage,
                        depth,
                        counts: reading.counts,
                    });
                }
                Verdict::Underway => wrong_since = None,
                Verdict::Differs => {
                    let since = *wrong_since.get_or_insert_with(Instant::now);
                    ensure!(
                        since.elapsed() < SETTLE,
                        "the counters do not add up\n{}",
                        self.expected.difference(&reading)
                    );
                }
            }
            ensure!(
                elapsed < self.timeout,
                "not finished after {:?}\n{}",
                self.timeout,
                self.expected.difference(&reading)
            );
            let ended = reading.counts.ended();
            thread::sleep(self.pause(elapsed, ended.saturating_sub(start.ended), ended));
        }
    }

    /// Half the time that what is left will take at the rate so far, so that the end is met closely with few questions.
    fn pause(&self, elapsed: Duration, done: u64, ended: u64) -> Duration {
        let left = self.expected.events().saturating_sub(ended);
        let half = elapsed.as_secs_f64() * left as f64 / (2.0 * done.max(1) as f64);
        let every = self.every.as_secs_f64();
        Duration::from_secs_f64(half.min(every)).max(SOONEST)
    }

    fn sample(&self, depth: &mut Vec<Depth>, elapsed: Duration, reading: &Reading) {
        let seconds = elapsed.as_secs_f64();
        let due = depth.last().map_or(0.0, |last: &Depth| last.seconds);
        // The questions near the end come too thick to be of use.
        if depth.is_empty() || seconds >= due + self.every.as_secs_f64() / 2.0 {
            depth.push(Depth {
                seconds,
                events: reading.queued,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(events: u64) -> Watch<'static> {
        static HIDDEN: std::sync::LazyLock<ProgressBar> =
            std::sync::LazyLock::new(ProgressBar::hidden);
        Watch {
            expected: Expected::Events(events),
            every: Duration::from_millis(20),
            timeout: Duration::from_secs(1),
            progress: &HIDDEN,
        }
    }

    #[test]
    fn the_end_is_looked_for_more_often_the_nearer_it_is() {
        let second = Duration::from_secs(1);
        let pause = |done| watch(1_000).pause(second, done, done).as_micros();
        assert_eq!(pause(0), 20_000);
        assert_eq!(pause(500), 20_000);
        assert_eq!(pause(980), 10_204);
        assert_eq!(pause(1_000), 1_000);
    }

    #[test]
    fn depth_is_sampled_evenly_though_questions_are_not() {
        let mut depth = Vec::new();
        for millis in [0, 20, 40, 41, 42, 43, 60] {
            let reading = Reading {
                queued: millis,
                ..Reading::default()
            };
            watch(1).sample(&mut depth, Duration::from_millis(millis), &reading);
        }
        let seen: Vec<u64> = depth.iter().map(|one| one.events).collect();
        assert_eq!(seen, [0, 20, 40, 60]);
    }
}
