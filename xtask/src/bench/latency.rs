//! Latency at a fixed rate: from the moment that an event was due to be sent until its row was seen written.
//!
//! The sender is an open loop: each event has its due time, whatever became of those before, and a sender or a daemon
//! that is late is charged for it (no coordinated omission). The daemon writes to a `tcp` sink and the bench reads at
//! the other end: the system wakes it when a row is there, so nothing polls, and the reader's own wake-up counts
//! against the daemon, never for it. A file would have to be watched by polling, which either takes a core from the
//! daemon or rounds its latency up to the period.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use hdrhistogram::Histogram;
use indicatif::ProgressBar;

use super::check::Expected;
use super::daemon::{Daemon, free_ports};
use super::input::Input;
use super::record::{Latency, What};
use super::run::{Bench, connect};
use super::scratch;
use super::usage;
use super::watch::{Start, Watch};
use super::workload::{Ends, config, expected};

/// Each line and each row begins with this and 32 hexadecimal digits, the first 16 of which become the event's number.
const PREFIX: &[u8] = b"{\"id\":\"";
const DIGITS: usize = 16;
/// Rows are not counted for the first part of a run, in which connections are made and memory is touched first.
const WARM_UP: f64 = 0.1;
/// At most this many bytes are sent at once, by a sender that has fallen behind.
const PIECE: usize = 256 << 10;
/// The daemon is asked seldom, so as not to be held up by the questions.
const EVERY: Duration = Duration::from_millis(250);

/// What was measured in one run at a fixed rate.
pub(super) struct Timed {
    /// In microseconds.
    pub(super) histogram: Histogram<u64>,
    /// Events per second.
    pub(super) sent: f64,
    pub(super) cpu: Option<f64>,
    pub(super) peak_resident: Option<u64>,
}

/// When each event is due.
#[derive(Clone, Copy)]
struct Schedule {
    start: Instant,
    rate: f64,
    events: u64,
}

impl Schedule {
    /// From the start until the event is due.
    fn due(&self, number: u64) -> Duration {
        Duration::from_secs_f64(number as f64 / self.rate)
    }

    /// How many are due by now.
    fn due_by(&self, elapsed: Duration) -> u64 {
        self.events
            .min((elapsed.as_secs_f64() * self.rate) as u64 + 1)
    }
}

impl Bench<'_> {
    /// Runs `binary` once at `what`, for about `time`.
    pub(super) fn run_at(
        &self,
        rate: u64,
        time: Duration,
        binary: &Path,
        what: &What,
        input: &Input,
        progress: &ProgressBar,
    ) -> anyhow::Result<Timed> {
        let events = (rate as f64 * time.as_secs_f64()).ceil() as u64;
        let folder = scratch::new(self.folder)?;
        let rows =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot find a free port")?;
        let rows_port = rows.local_addr()?.port();
        let [source, admin] = free_ports()?;
        let ends = Ends {
            source,
            admin,
            sink: Some(rows_port),
        };
        let config = config(what, &ends, self.seed, events);
        let mut daemon = Daemon::start(binary, folder.path(), &config, self.set, admin)?;
        let counts = expected(what.workload, &input.tally(events));
        let watch = Watch {
            expected: Expected::Counts(counts),
            every: EVERY,
            timeout: self.timeout,
            progress,
        };
        let stream = connect(source, self.timeout)?;
        let begun = Start::now(&daemon)?;
        let schedule = Schedule {
            start: Instant::now(),
            rate: rate as f64,
            events,
        };
        let (seen, sent, histogram) = thread::scope(|scope| {
            let sender = scope.spawn(|| send(&stream, input, schedule));
            let reader = scope.spawn(|| read(&rows, counts.rows, self.timeout, schedule));
            let seen = watch.until_done(&mut daemon, begun);
            if seen.is_err() {
                let _ = stream.shutdown(Shutdown::Both);
                // A reader that still waits for a connection gets one that ends at once.
                let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, rows_port));
                let _ = daemon.process.terminate();
            }
            let sent = sender
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let read = reader
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // The reader may be the cause: a sink whose reader is gone waits for another.
            let said = read
                .as_ref()
                .err()
                .map(|error| format!("the reader of rows: {error:#}"));
            let seen = seen.with_context(|| said.unwrap_or("the reader of rows saw all".into()))?;
            anyhow::Ok((seen, sent?, read?))
        })?;
        let peak_resident = usage::peak_resident(daemon.process.id());
        daemon.stop()?;
        Ok(Timed {
            histogram,
            sent,
            cpu: seen.usage.cpu_per_million(seen.events),
            peak_resident,
        })
    }
}

/// Sends every event when it is due, together with what else is due by then; says how many a second that were.
fn send(mut stream: &TcpStream, input: &Input, schedule: Schedule) -> anyhow::Result<f64> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::with_capacity(2 * PIECE);
    let mut next = 0;
    while next < schedule.events {
        let due = schedule.due_by(schedule.start.elapsed());
        while next < due && bytes.len() < PIECE {
            number(&mut bytes, input.line(next), next);
            next += 1;
        }
        stream.write_all(&bytes).context("sending broke off")?;
        bytes.clear();
        thread::sleep(schedule.due(next).saturating_sub(schedule.start.elapsed()));
    }
    Ok(schedule.events as f64 / schedule.start.elapsed().as_secs_f64())
}

/// Adds `line` with its number in its identifier. A malformed line may have none, and never comes out.
fn number(bytes: &mut Vec<u8>, line: &[u8], number: u64) {
    let at = bytes.len() + PREFIX.len();
    bytes.extend_from_slice(line);
    if line.starts_with(PREFIX)
        && let Some(digits) = bytes.get_mut(at..at + DIGITS)
        && digits.iter().all(u8::is_ascii_hexdigit)
    {
        digits.copy_from_slice(format!("{number:016x}").as_bytes());
    }
}

/// Reads rows until all of them are there, and takes the latency of each.
fn read(
    rows: &TcpListener,
    expected: u64,
    timeout: Duration,
    schedule: Schedule,
) -> anyhow::Result<Histogram<u64>> {
    let mut histogram = Histogram::new(3).map_err(|error| anyhow!("no histogram: {error}"))?;
    let (mut stream, _) = rows
        .accept()
        .context("the daemon's sink does not connect")?;
    stream.set_read_timeout(Some(timeout))?;
    let warm_up = (schedule.events as f64 * WARM_UP) as u64;
    let mut buffer = vec![0; PIECE];
    let (mut filled, mut seen) = (0, 0);
    while seen < expected {
        let read = stream
            .read(&mut buffer[filled..])
            .context("cannot read rows")?;
        ensure!(read > 0, "{seen} rows came, expected {expected}");
        let now = schedule.start.elapsed();
        filled += read;
        let mut begin = 0;
        while let Some(length) = buffer[begin..filled].iter().position(|byte| *byte == b'\n') {
            let row = &buffer[begin..begin + length];
            begin += length + 1;
            seen += 1;
            let number = numbered(row).with_context(|| {
                format!("a row without a number: {}", String::from_utf8_lossy(row))
            })?;
            if number >= warm_up {
                let late = now.saturating_sub(schedule.due(number));
                histogram.record(u64::try_from(late.as_micros())?.max(1))?;
            }
        }
        buffer.copy_within(begin..filled, 0);
        filled -= begin;
        ensure!(filled < buffer.len(), "a row of more than {PIECE} bytes");
    }
    Ok(histogram)
}

fn numbered(row: &[u8]) -> Option<u64> {
    let digits = row.strip_prefix(PREFIX)?.get(..DIGITS)?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The runs at one rate as one.
pub(super) fn together(asked: u64, runs: &[Timed]) -> anyhow::Result<Latency> {
    let mut all = Histogram::<u64>::new(3).map_err(|error| anyhow!("no histogram: {error}"))?;
    for run in runs {
        all.add(&run.histogram)?;
    }
    let mean = |figures: Vec<f64>| figures.iter().sum::<f64>() / figures.len() as f64;
    let cpu: Option<Vec<f64>> = runs.iter().map(|run| run.cpu).collect();
    Ok(Latency {
        asked,
        sent: mean(runs.iter().map(|run| run.sent).collect()),
        events: all.len(),
        p50_micros: all.value_at_quantile(0.5),
        p90_micros: all.value_at_quantile(0.9),
        p99_micros: all.value_at_quantile(0.99),
        p999_micros: all.value_at_quantile(0.999),
        max_micros: all.max(),
        cpu: cpu.map(mean),
        peak_resident: runs.iter().filter_map(|run| run.peak_resident).max(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::input::Shape;

    fn schedule(rate: f64, events: u64) -> Schedule {
        Schedule {
            start: Instant::now(),
            rate,
            events,
        }
    }

    #[test]
    fn an_event_is_due_at_its_time_whatever_became_of_those_before() {
        let schedule = schedule(1_000.0, 50);
        assert_eq!(schedule.due(20), Duration::from_millis(20));
        assert_eq!(schedule.due_by(Duration::ZERO), 1);
        assert_eq!(schedule.due_by(Duration::from_micros(20_500)), 21);
        assert_eq!(schedule.due_by(Duration::from_secs(9)), 50);
    }

    #[test]
    fn every_good_line_is_numbered_and_stays_as_long() {
        for shape in [Shape::Clicks, Shape::Sessions] {
            let input = Input::new(shape, 5);
            for index in 0..2_000 {
                let mut bytes = b"before".to_vec();
                let line = input.line(index);
                number(&mut bytes, line, index);
                let sent = &bytes[b"before".len()..];
                assert_eq!(sent.len(), line.len());
                let good = serde_json::from_slice::<serde_json::Value>(line).is_ok();
                assert!(!good || numbered(sent) == Some(index), "{index}");
            }
        }
    }

    #[test]
    fn a_stall_shows_in_the_rows_that_were_due_meanwhile() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        // All rows come at once and 100 ms late: the first was due 100 ms ago, the last just now.
        let schedule = Schedule {
            start: Instant::now()
                .checked_sub(Duration::from_millis(100))
                .unwrap(),
            ..schedule(1_000.0, 100)
        };
        let mut bytes = Vec::new();
        for index in 0..100 {
            number(
                &mut bytes,
                b"{\"id\":\"00000000000000000000000000000000\"}\n",
                index,
            );
        }
        stream.write_all(&bytes).unwrap();
        let seen = read(&listener, 100, Duration::from_secs(10), schedule).unwrap();
        assert_eq!(seen.len(), 90, "the first tenth is warm-up");
        assert!(seen.max() >= 89_000, "{}", seen.max());
        assert!(seen.value_at_quantile(0.5) >= 44_000);
    }

    #[test]
    fn rows_that_do_not_come_are_an_error_not_a_good_latency() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        drop(stream);
        let error = read(&listener, 1, Duration::from_secs(10), schedule(1.0, 1));
        assert!(format!("{:#}", error.unwrap_err()).contains("0 rows came, expected 1"));
    }
}
