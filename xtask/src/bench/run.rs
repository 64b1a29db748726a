//! One run: start the daemon, send, wait until everything is accounted for, measure, end it, check.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use serde::Serialize;

use super::case::{Case, OUTPUT, Workload};
use super::counters::{Counts, Reading};
use super::daemon::{Daemon, POLL, free_ports};
use super::input::Input;

/// Bytes handed to the socket at a time.
const PIECE: usize = 256 << 10;
/// How long the daemon may take to become ready.
const READY: Duration = Duration::from_secs(20);
/// How long counters may lag behind, once the daemon has received everything and nothing is live.
const SETTLE: Duration = Duration::from_secs(1);
/// How long the daemon may take to end; its own deadline is 10 s.
const STOP: Duration = Duration::from_secs(20);

/// What all runs share.
pub(super) struct Bench<'a> {
    pub(super) binary: &'a Path,
    /// Where temporary folders are made.
    pub(super) folder: &'a Path,
    pub(super) input: &'a Input,
    pub(super) events: u64,
    pub(super) timeout: Duration,
    pub(super) set: &'a [String],
}

/// What was measured in a run whose counters added up.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    /// From the first byte sent until every event was accounted for.
    pub(super) seconds: f64,
    pub(super) events_per_second: f64,
    /// Of the daemon alone, over the same span; `None` where the system does not tell.
    pub(super) cpu_seconds_per_million: Option<f64>,
    pub(super) peak_resident_bytes: Option<u64>,
    pub(super) start_to_ready_seconds: f64,
    pub(super) counts: Counts,
}

impl Bench<'_> {
    /// Runs `case` once and moves `progress` by the number of events.
    pub(super) fn run(&self, case: &Case, progress: &ProgressBar) -> anyhow::Result<Outcome> {
        let folder =
            tempfile::tempdir_in(self.folder).context("cannot create a temporary folder")?;
        let (source, admin) = free_ports()?;
        let config = case.config(source, admin);
        let mut daemon =
            Daemon::start(self.binary, folder.path(), &config, self.set, admin, READY)?;
        let expected = case.expected(&self.input.tally(self.events));

        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, source))
            .context("cannot connect to the source")?;
        stream.set_write_timeout(Some(self.timeout))?;
        let cpu_before = daemon.cpu_seconds();
        let began = Instant::now();
        for (piece, lines) in self.input.pieces(self.events, PIECE) {
            stream
                .write_all(piece)
                .with_context(|| format!("sending broke off\n{}", daemon.log_tail()))?;
            progress.inc(lines);
            ensure!(
                began.elapsed() < self.timeout,
                "not all sent after {:?}",
                self.timeout
            );
        }
        self.wait(&mut daemon, &expected, began)?;
        let seconds = began.elapsed().as_secs_f64();
        let cpu = cpu_before
            .zip(daemon.cpu_seconds())
            .map(|(before, after)| after - before);
        let peak_resident_bytes = daemon.peak_resident();
        drop(stream);

        let status = daemon.stop(STOP)?;
        ensure!(
            status.success(),
            "the daemon ended with {status}, expected 0\n{}",
            daemon.log_tail()
        );
        if case.workload == Workload::W1 {
            let written = count_lines(
                File::open(folder.path().join(OUTPUT)).context("cannot open the output")?,
            )?;
            ensure!(
                written == expected.delivered,
                "{written} lines written, expected {}",
                expected.delivered
            );
        }
        Ok(Outcome {
            seconds,
            events_per_second: self.events as f64 / seconds,
            cpu_seconds_per_million: cpu.map(|cpu| cpu * 1e6 / self.events as f64),
            peak_resident_bytes,
            start_to_ready_seconds: daemon.start_to_ready.as_secs_f64(),
            counts: expected,
        })
    }

    /// Waits until the daemon's counters are `expected` and nothing is live; an error once they cannot become so.
    fn wait(&self, daemon: &mut Daemon, expected: &Counts, began: Instant) -> anyhow::Result<()> {
        let mut at_rest: Option<Instant> = None;
        loop {
            daemon.check_alive()?;
            let reading = Reading::parse(&daemon.get("/metrics")?)?;
            match judge(&reading, expected) {
                Verdict::Done => return Ok(()),
                Verdict::Underway => at_rest = None,
                Verdict::Differs => {
                    let since = *at_rest.get_or_insert_with(Instant::now);
                    ensure!(
                        since.elapsed() < SETTLE,
                        "the counters do not add up\n{}",
                        difference(&reading, expected)
                    );
                }
            }
            ensure!(
                began.elapsed() < self.timeout,
                "not finished after {:?}\n{}",
                self.timeout,
                difference(&reading, expected)
            );
            thread::sleep(POLL);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Done,
    Underway,
    /// All is received and nothing is live, or too much is received, and the counts are not the expected ones.
    Differs,
}

fn judge(reading: &Reading, expected: &Counts) -> Verdict {
    let all_received = reading.counts.received >= expected.received && reading.live == 0;
    if reading.counts == *expected && reading.live == 0 && reading.unaccounted == 0 {
        Verdict::Done
    } else if all_received || reading.counts.received > expected.received {
        Verdict::Differs
    } else {
        Verdict::Underway
    }
}

fn difference(reading: &Reading, expected: &Counts) -> String {
    let Reading {
        counts,
        live,
        unaccounted,
    } = reading;
    let row = |name: &str, is: u64, should: u64| {
        let mark = if is == should { "" } else { "  <-" };
        format!("  {name:13} {is:>12}, expected {should:>12}{mark}\n")
    };
    let rows = [
        row("received", counts.received, expected.received),
        row("delivered", counts.delivered, expected.delivered),
        row("filtered", counts.filtered, expected.filtered),
        row(
            "dead-lettered",
            counts.dead_lettered,
            expected.dead_lettered,
        ),
    ];
    format!("{}  live {live}, unaccounted {unaccounted}", rows.concat())
}

fn count_lines(from: impl Read) -> anyhow::Result<u64> {
    let mut reader = BufReader::new(from);
    let mut buffer = vec![0; 1 << 20];
    let mut lines = 0;
    loop {
        let read = reader.read(&mut buffer).context("cannot read the output")?;
        if read == 0 {
            return Ok(lines);
        }
        lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: Counts = Counts {
        received: 100,
        delivered: 29,
        filtered: 70,
        dead_lettered: 1,
    };

    fn reading(counts: Counts, live: u64) -> Reading {
        Reading {
            counts,
            live,
            unaccounted: 0,
        }
    }

    #[test]
    fn a_run_is_done_only_when_every_count_is_right_and_nothing_is_live() {
        assert_eq!(judge(&reading(EXPECTED, 0), &EXPECTED), Verdict::Done);
        assert_eq!(judge(&reading(EXPECTED, 1), &EXPECTED), Verdict::Underway);
        assert_eq!(
            judge(
                &reading(
                    Counts {
                        received: 99,
                        ..EXPECTED
                    },
                    0
                ),
                &EXPECTED
            ),
            Verdict::Underway
        );
    }

    #[test]
    fn a_lost_doubled_or_misjudged_event_is_no_success() {
        for counts in [
            Counts {
                delivered: 28,
                ..EXPECTED
            },
            Counts {
                delivered: 30,
                ..EXPECTED
            },
            Counts {
                filtered: 69,
                dead_lettered: 2,
                ..EXPECTED
            },
            Counts {
                received: 101,
                ..EXPECTED
            },
        ] {
            assert_eq!(
                judge(&reading(counts, 0), &EXPECTED),
                Verdict::Differs,
                "{counts:?}"
            );
        }
        let leaked = Reading {
            unaccounted: 1,
            ..reading(EXPECTED, 0)
        };
        assert_eq!(judge(&leaked, &EXPECTED), Verdict::Differs);
    }

    #[test]
    fn the_difference_names_what_is_wrong() {
        let text = difference(
            &reading(
                Counts {
                    delivered: 28,
                    ..EXPECTED
                },
                0,
            ),
            &EXPECTED,
        );
        let marked: Vec<&str> = text.lines().filter(|line| line.contains("<-")).collect();
        assert_eq!(marked.len(), 1);
        assert!(
            marked[0].contains("delivered") && marked[0].contains("28") && marked[0].contains("29"),
            "{text}"
        );
    }

    #[test]
    fn lines_are_counted_across_buffers() {
        assert_eq!(
            count_lines("ab\n".repeat(1_000_000).as_bytes()).unwrap(),
            1_000_000
        );
        assert_eq!(count_lines(&b""[..]).unwrap(), 0);
    }
}
