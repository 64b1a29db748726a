//! What is to be measured: the command line, checked and spelled out.

use std::time::Duration;

use anyhow::{bail, ensure};

use super::flags::{BenchFlags, Choice, Isolation, Workers};
use super::peer::PYTHON_WORKERS;
use super::record::{Peer, Sink, Source, Subject, What, Workload};

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
    /// Whether something else than the daemon takes turns with it.
    pub(super) has_peers: bool,
}

/// How long a run at full speed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Events(u64),
    /// As many events as the warm-up run says take this long.
    Time(Duration),
}

impl Length {
    /// The events of a run of something that did `rate` events a second. A slower peer gets fewer of a fixed number,
    /// so that it takes about as long as the `fastest`.
    pub(super) fn events(self, rate: f64, fastest: f64) -> u64 {
        let events = match self {
            Self::Events(events) => events as f64 * (rate / fastest).min(1.0),
            Self::Time(time) => time.as_secs_f64() * rate,
        };
        (events as u64).max(1)
    }
}

impl Plan {
    /// # Errors
    /// When the command line asks for what cannot be measured.
    pub(super) fn new(flags: &BenchFlags, cores: usize) -> anyhow::Result<Self> {
        let isolation = available(&flags.isolation)?;
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
            None => Length::Time(flags.duration.unwrap_or(seconds(0.3, 2.0))),
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
                isolation,
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
            rate_time: flags.duration.unwrap_or(seconds(1.0, 2.0)),
            has_peers: !flags.peer.is_empty(),
        })
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
            && !matches!(what.subject, Subject::Peer(_))
            && self.points[..index].iter().all(differs)
    }
}

/// The points of one workload.
struct Sweep<'a> {
    flags: &'a BenchFlags,
    workload: Workload,
    cores: usize,
    isolation: &'static str,
}

impl Sweep<'_> {
    fn points(&self) -> Vec<What> {
        let mut points = Vec::new();
        for &source in &self.flags.source {
            for sink in self.sinks() {
                for key in self.keys() {
                    for workers in self.workers() {
                        self.daemons(source, sink, key.as_ref(), workers, &mut points);
                    }
                }
                // Once for a sink: a peer's way to work does not depend on the daemon's settings.
                if self.workload == Workload::W1 && source == Source::Tcp {
                    points.extend(self.flags.peer.iter().map(|peer| self.peer(*peer, sink)));
                }
            }
        }
        points
    }

    fn daemons(
        &self,
        source: Source,
        sink: Sink,
        key: Option<&String>,
        workers: u32,
        points: &mut Vec<What>,
    ) {
        let daemon = What {
            subject: Subject::Daemon,
            workload: self.workload,
            source,
            sink,
            workers,
            key: key.cloned(),
            isolation: self.isolation.to_owned(),
        };
        points.push(daemon.clone());
        if let Some(revision) = &self.flags.against {
            points.push(What {
                subject: Subject::Revision(revision.clone()),
                ..daemon
            });
        }
    }

    fn peer(&self, peer: Peer, sink: Sink) -> What {
        let (workers, isolation) = match peer {
            Peer::Python => (PYTHON_WORKERS, "process"),
            Peer::Serde | Peer::Expert => (1, "thread"),
        };
        What {
            subject: Subject::Peer(peer),
            workload: self.workload,
            source: Source::Tcp,
            sink,
            workers,
            key: None,
            isolation: isolation.to_owned(),
        }
    }

    fn sinks(&self) -> Vec<Sink> {
        match self.workload {
            _ if !self.flags.sink.is_empty() => self.flags.sink.clone(),
            Workload::W1 if !self.flags.peer.is_empty() => vec![Sink::Blackhole, Sink::File],
            Workload::W1 => vec![Sink::File],
            _ => vec![Sink::Blackhole],
        }
    }

    /// Without a key a chunk goes whole to one worker. With sleeps of 1 ms that is most of a second in one hand, and a
    /// run would measure how chunks happen to divide by workers; so `delay` has a key, whose values are all different.
    fn keys(&self) -> Vec<Option<String>> {
        let mut keys: Vec<_> = self.flags.key.iter().cloned().map(Some).collect();
        if self.flags.no_key {
            keys.insert(0, None);
        } else if keys.is_empty() {
            let of_delay = (self.workload == Workload::Delay).then(|| "id".to_owned());
            keys.push(of_delay);
        }
        keys
    }

    fn workers(&self) -> Vec<u32> {
        let auto = || powers_of_two(2 * self.cores);
        let mut counts = Vec::new();
        for workers in &self.flags.workers {
            match workers {
                Workers::Auto => counts.extend(auto()),
                Workers::Count(count) => counts.push(count.get()),
            }
        }
        if counts.is_empty() {
            counts = match (self.flags.peer.is_empty(), self.flags.quick) {
                // As many as the daemon has where its configuration does not say.
                (false, _) => vec![
                    u32::try_from(self.cores.saturating_sub(1))
                        .unwrap_or(1)
                        .max(1),
                ],
                // Three are the fewest through which a law can be fitted.
                (true, true) => auto().take(3).collect(),
                (true, false) => auto().collect(),
            };
        }
        counts.dedup();
        counts
    }
}

fn powers_of_two(most: usize) -> impl Iterator<Item = u32> {
    (0..u32::BITS - 1)
        .map(|power| 1 << power)
        .take_while(move |count| *count as usize <= most)
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

/// The isolation to measure. The daemon refuses workers in processes of their own in its configuration; once it takes
/// them, this returns the list.
fn available(isolation: &[Isolation]) -> anyhow::Result<&'static str> {
    ensure!(
        !isolation.contains(&Isolation::Process),
        "--isolation process: workers in processes of their own are not available in the daemon yet, expected thread"
    );
    Ok("thread")
}

fn check_source(flags: &BenchFlags, workloads: &[Workload]) -> anyhow::Result<()> {
    if flags.source.contains(&Source::Demo) && workloads.contains(&Workload::Explode) {
        bail!(
            "--source demo: it makes events without an array to explode, expected tcp with this workload"
        );
    }
    Ok(())
}

fn check_peers(flags: &BenchFlags, workloads: &[Workload]) -> anyhow::Result<()> {
    let Some(peer) = flags.peer.first() else {
        return Ok(());
    };
    ensure!(
        workloads.contains(&Workload::W1) && flags.source.contains(&Source::Tcp),
        "--peer {peer}: peers do W1 over a connection, expected w1 among the workloads and tcp among the sources"
    );
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
            3,
            "1, 2 and 4 workers"
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
            names(&["w1", "--peer", "serde", "--peer", "python"]),
            [
                "w1 to blackhole, 1 worker",
                "serde: w1 to blackhole, 1 worker",
                "python: w1 to blackhole, 4 workers",
                "w1 to file, 1 worker",
                "serde: w1 to file, 1 worker",
                "python: w1 to file, 4 workers",
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
        let isolation = refusal(&["--isolation", "thread,process"]);
        assert!(
            isolation.contains("not available in the daemon yet"),
            "{isolation}"
        );
        assert!(refusal(&["explode", "--source", "demo"]).contains("expected tcp"));
        assert!(refusal(&["w0", "--peer", "serde"]).contains("expected w1"));
        assert!(refusal(&["--runs", "2"]).contains("expected at least 3"));
        assert!(refusal(&["--duration", "0s"]).contains("--duration 0s"));
        assert_eq!(plan(&["--runs", "2", "--quick"]).unwrap().runs, 2);
    }

    #[test]
    fn a_slow_peer_gets_fewer_events_and_as_much_time() {
        let million = Length::Events(1_000_000);
        assert_eq!(million.events(50_000.0, 2_000_000.0), 25_000);
        assert_eq!(million.events(2_000_000.0, 2_000_000.0), 1_000_000);
        let two_seconds = Length::Time(Duration::from_secs(2));
        assert_eq!(two_seconds.events(50_000.0, 2_000_000.0), 100_000);
    }
}
