//! What is to be measured: the command line, checked and spelled out.

mod sweep;

use std::time::Duration;

use anyhow::ensure;

use super::flags::{BenchFlags, Choice};
use super::record::{Peer, Source, Subject, What, Workload};
use sweep::Sweep;

/// Fewer runs than this say nothing about their spread.
const LEAST_RUNS: u32 = 3;

#[derive(Debug)]
pub(super) struct Plan {
    /// The points, in the order in which they take turns: what is compared with another comes right after it.
    pub(super) points: Vec<What>,
    pub(super) runs: u32,
    pub(super) length: Length,
    /// Events per second at which latency is measured.
    pub(super) rates: Vec<u64>,
    /// How long a run at one of them takes.
    pub(super) rate_time: Duration,
    /// Whether a program that is fed by the same sender takes turns with the daemon.
    pub(super) has_rivals: bool,
}

/// How long a run at full speed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Events(u64),
    /// As many events as the warm-up run says take this long.
    Time(Duration),
}

impl Plan {
    /// # Errors
    /// When the command line asks for what cannot be measured.
    pub(super) fn new(flags: &BenchFlags, cores: usize) -> anyhow::Result<Self> {
        let workloads = workloads(&flags.workloads);
        check_source(flags, &workloads)?;
        check_peers(flags, &workloads)?;
        let comparing = flags.against.is_some() || !flags.peer.is_empty();
        let runs = match (flags.runs, flags.quick) {
            (Some(runs), quick) => {
                let enough = quick || runs.get() >= LEAST_RUNS;
                ensure!(
                    enough,
                    "--runs {runs}: expected at least {LEAST_RUNS}, or --quick"
                );
                runs.get()
            }
            (None, false) if comparing => 5,
            (None, _) => LEAST_RUNS,
        };
        let seconds = |quick: f64, usual: f64| {
            Duration::from_secs_f64(if flags.quick { quick } else { usual })
        };
        let length = match flags.events {
            Some(events) => Length::Events(events.get()),
            None => Length::Time(flags.duration.unwrap_or(seconds(0.25, 2.0))),
        };
        ensure!(
            length != Length::Time(Duration::ZERO),
            "--duration 0s: expected some time"
        );
        let mut points = Vec::new();
        for &workload in &workloads {
            let sweep = Sweep {
                flags,
                workload,
                cores,
            };
            points.extend(sweep.points());
        }
        Ok(Self {
            points,
            runs,
            length,
            rates: flags
                .rate
                .iter()
                .copied()
                .filter(|rate| *rate > 0)
                .collect(),
            rate_time: flags.duration.unwrap_or(seconds(0.5, 2.0)),
            has_rivals: flags.peer.iter().any(|peer| *peer != Peer::Threads),
        })
    }

    /// The events of a counted run of each point, by the rates of the warm-up runs. A revision gets as many as the
    /// daemon that it is compared with, since longer runs have higher rates; a slower peer gets fewer of a fixed
    /// number, so that it takes about as long as the fastest daemon on its task.
    pub(super) fn events(&self, rates: &[f64]) -> Vec<u64> {
        let all = || self.points.iter().zip(rates);
        let daemons = || all().filter(|(what, _)| what.subject == Subject::Daemon);
        let of_point = |(what, rate): (&What, &f64)| {
            let fair = match what.subject {
                Subject::Daemon => *rate,
                Subject::Revision(_) => daemons()
                    .find(|(daemon, _)| daemon.is_but_for_its_subject(what))
                    .map_or(*rate, |(_, rate)| *rate),
                Subject::Peer(_) => daemons()
                    .filter(|(daemon, _)| daemon.workload == what.workload)
                    .fold(*rate, |fastest, (_, rate)| fastest.max(*rate)),
            };
            let events = match (self.length, &what.subject) {
                (Length::Events(events), Subject::Peer(_)) => events as f64 * rate / fair,
                (Length::Events(events), _) => return events,
                (Length::Time(time), Subject::Revision(_)) => time.as_secs_f64() * fair,
                (Length::Time(time), _) => time.as_secs_f64() * rate,
            };
            (events as u64).max(1)
        };
        all().map(of_point).collect()
    }

    /// Whether latency is measured at the point with this index: of the daemons, over a connection, and once for points
    /// that differ in nothing but their sink, since rows go to a socket then whatever the sink.
    pub(super) fn has_latency(&self, index: usize) -> bool {
        let what = &self.points[index];
        let differs = |other: &What| {
            What {
                sink: what.sink,
                ..other.clone()
            } != *what
        };
        what.source == Source::Tcp
            && !what.off_sender
            && !matches!(what.subject, Subject::Peer(_))
            && self.points[..index].iter().all(differs)
    }
}

fn workloads(choices: &[Choice]) -> Vec<Workload> {
    use Workload::{Cpu, Delay, Explode, W0, W1};
    let mut all = Vec::new();
    for choice in choices {
        let these: &[Workload] = match choice {
            Choice::W0 => &[W0],
            Choice::W1 => &[W1],
            Choice::Cpu => &[Cpu],
            Choice::Delay => &[Delay],
            Choice::Explode => &[Explode],
            Choice::All => &[W0, W1, Cpu, Delay, Explode],
        };
        all.extend(
            these
                .iter()
                .filter(|one| !all.contains(*one))
                .copied()
                .collect::<Vec<_>>(),
        );
    }
    all
}

fn check_source(flags: &BenchFlags, workloads: &[Workload]) -> anyhow::Result<()> {
    ensure!(
        !flags.source.contains(&Source::Demo) || !workloads.contains(&Workload::Explode),
        "--source demo: it makes events without an array to explode, expected tcp with this workload"
    );
    Ok(())
}

fn check_peers(flags: &BenchFlags, workloads: &[Workload]) -> anyhow::Result<()> {
    for peer in &flags.peer {
        let workload = peer.workload();
        ensure!(
            workloads.contains(&workload),
            "--peer {peer}: it does nothing but {workload}, expected that among the workloads"
        );
        ensure!(
            *peer == Peer::Threads || flags.source.contains(&Source::Tcp),
            "--peer {peer}: it reads from a connection, expected tcp among the sources"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{Command, Flags};
    use clap::Parser;

    fn plan(arguments: &[&str]) -> anyhow::Result<Plan> {
        let all = ["xtask", "bench"].iter().chain(arguments);
        let Command::Bench(flags) = Flags::parse_from(all).command else {
            panic!("expected bench")
        };
        Plan::new(&flags, 2)
    }

    fn names(arguments: &[&str]) -> Vec<String> {
        let points = plan(arguments).unwrap().points;
        points.iter().map(ToString::to_string).collect()
    }

    fn refusal(arguments: &[&str]) -> String {
        format!("{:#}", plan(arguments).unwrap_err())
    }

    #[test]
    fn every_combination_is_a_point() {
        assert_eq!(
            names(&[
                "w1",
                "w0",
                "--workers",
                "1,4",
                "--key",
                "user_id",
                "--no-key"
            ]),
            [
                "w1 to file, 1 worker",
                "w1 to file, 4 workers",
                "w1 to file by user_id, 1 worker",
                "w1 to file by user_id, 4 workers",
                "w0 to blackhole, 1 worker",
                "w0 to blackhole, 4 workers",
                "w0 to blackhole by user_id, 1 worker",
                "w0 to blackhole by user_id, 4 workers",
            ]
        );
        assert_eq!(names(&["all", "--workers", "1"]).len(), 5);
        assert_eq!(
            names(&["w0", "w0", "--workers", "auto"]).len(),
            4,
            "1, 2, 4 and 8 workers"
        );
    }

    #[test]
    fn what_is_compared_takes_turns() {
        assert_eq!(
            names(&["w0", "--workers", "1,2", "--against", "v1"]),
            [
                "w0 to blackhole, 1 worker",
                "v1: w0 to blackhole, 1 worker",
                "w0 to blackhole, 2 workers",
                "v1: w0 to blackhole, 2 workers",
            ]
        );
        assert_eq!(
            names(&["w1", "--workers", "2", "--isolation", "thread,process"]),
            [
                "w1 to file, 2 workers",
                "w1 to file, 2 workers in a process each",
            ]
        );
        assert_eq!(
            names(&["w1", "--peer", "serde", "--peer", "python"]),
            [
                "w1 to blackhole, 1 worker",
                "w1 to blackhole, 1 worker, off the sender's core",
                "serde: w1 to blackhole, 1 worker",
                "python: w1 to blackhole, 4 workers",
                "w1 to file, 1 worker",
                "w1 to file, 1 worker, off the sender's core",
                "serde: w1 to file, 1 worker",
                "python: w1 to file, 4 workers",
            ]
        );
    }

    #[test]
    fn bare_threads_are_measured_at_every_count_of_workers() {
        assert_eq!(
            names(&[
                "cpu",
                "--workers",
                "1,2",
                "--source",
                "demo",
                "--peer",
                "threads"
            ]),
            [
                "cpu to blackhole from demo, 1 worker",
                "threads: cpu to blackhole from demo, 1 worker",
                "cpu to blackhole from demo, 2 workers",
                "threads: cpu to blackhole from demo, 2 workers",
            ]
        );
    }

    #[test]
    fn workers_that_sleep_never_wait_for_a_chunk_in_another_hand() {
        assert_eq!(
            names(&["delay", "--workers", "1"]),
            ["delay to blackhole by id, 1 worker"]
        );
        let plain = names(&["delay", "--workers", "1", "--no-key"]);
        assert_eq!(plain, ["delay to blackhole, 1 worker"]);
    }

    #[test]
    fn latency_is_measured_once_whatever_the_sinks() {
        let plan = plan(&[
            "w1",
            "--workers",
            "1",
            "--sink",
            "file,blackhole",
            "--source",
            "tcp,demo",
        ]);
        let plan = plan.unwrap();
        let with: Vec<bool> = (0..plan.points.len())
            .map(|index| plan.has_latency(index))
            .collect();
        assert_eq!(with, [true, false, false, false]);
    }

    #[test]
    fn what_cannot_be_measured_is_refused_with_what_was_expected() {
        assert!(refusal(&["explode", "--source", "demo"]).contains("expected tcp"));
        assert!(refusal(&["w0", "--peer", "serde"]).contains("expected that among"));
        assert!(refusal(&["--runs", "2"]).contains("expected at least 3"));
        assert!(refusal(&["--duration", "0s"]).contains("--duration 0s"));
        assert_eq!(plan(&["--runs", "2", "--quick"]).unwrap().runs, 2);
    }

    #[test]
    fn a_slow_peer_gets_fewer_events_and_as_much_time() {
        let arguments = [
            "w1", "--peer", "python", "--sink", "file", "--events", "1000000",
        ];
        let rates = [2_000_000.0, 50_000.0];
        assert_eq!(
            plan(&arguments).unwrap().events(&rates),
            [1_000_000, 25_000]
        );
        let timed = plan(&[
            "w1",
            "--peer",
            "python",
            "--sink",
            "file",
            "--duration",
            "2s",
        ]);
        assert_eq!(timed.unwrap().events(&rates), [4_000_000, 100_000]);
    }

    #[test]
    fn a_revision_is_not_beaten_by_shorter_runs() {
        let plan = plan(&[
            "w0",
            "--workers",
            "1,2",
            "--against",
            "v1",
            "--duration",
            "1s",
        ]);
        let events = plan.unwrap().events(&[100.0, 500.0, 200.0, 50.0]);
        assert_eq!(events, [100, 100, 200, 200]);
    }
}
