//! One run of the daemon at full speed: start it, send, wait until everything is accounted for, end it, check.

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;

use super::check::{Expected, count_lines};
use super::cores::{Cores, bind, on};
use super::counters::Counts;
use super::daemon::{Daemon, free_ports};
use super::input::Input;
use super::record::{Depth, Run, Sink, Source, What};
use super::scratch;
use super::usage;
use super::watch::{Seen, Start, Watch};
use super::workload::{Ends, OUTPUT, config, expected};

/// Bytes handed to the socket at a time.
const PIECE: usize = 256 << 10;
/// How often the daemon is asked for its counters.
const EVERY: Duration = Duration::from_millis(20);

/// What all runs share.
pub(super) struct Bench<'a> {
    /// Where temporary folders are made.
    pub(super) folder: &'a Path,
    pub(super) seed: u64,
    pub(super) timeout: Duration,
    pub(super) set: &'a [String],
    pub(super) cores: Cores,
}

/// What was measured in a run whose counters added up.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) run: Run,
    pub(super) start_to_ready: Option<Duration>,
    pub(super) depth: Vec<Depth>,
    /// What became of the events, by the daemon's own counters.
    pub(super) counts: Option<Counts>,
}

impl Bench<'_> {
    /// Runs `binary` once at `what`.
    pub(super) fn run(
        &self,
        binary: &Path,
        what: &What,
        input: &Input,
        events: u64,
        progress: &ProgressBar,
    ) -> anyhow::Result<Measured> {
        let folder = scratch::new(self.folder)?;
        let [source, admin] = free_ports()?;
        let ends = Ends {
            source,
            admin,
            sink: None,
        };
        let config = config(what, &ends, self.seed, events);
        let cores: &[usize] = if what.off_sender {
            &self.cores.single
        } else {
            &[]
        };
        let start = || Daemon::start(binary, folder.path(), &config, self.set, admin);
        let mut daemon = on(cores, start)??;
        let watch = Watch {
            expected: match what.source {
                Source::Tcp => Expected::Counts(expected(what.workload, &input.tally(events))),
                Source::Demo => Expected::Events(events),
            },
            every: EVERY,
            timeout: self.timeout,
            progress,
        };
        let seen = match what.source {
            Source::Tcp => self.send_and_watch(&mut daemon, source, input, events, &watch)?,
            Source::Demo => {
                let start = Start::now(&daemon)?;
                watch.until_done(&mut daemon, start)?
            }
        };
        ensure!(
            seen.events > 0,
            "all {events} events were over before the first look at the counters, expected more of them"
        );
        let peak_resident = usage::peak_resident(daemon.process.id());
        daemon.stop()?;
        if what.sink == Sink::File {
            let written = count_lines(&folder.path().join(OUTPUT))?;
            let rows = seen.counts.rows;
            ensure!(
                written == rows,
                "{written} lines written, expected the {rows} that were confirmed"
            );
        }
        let seconds = seen.elapsed.as_secs_f64();
        Ok(Measured {
            run: Run {
                events,
                seconds,
                rate: seen.events as f64 / seconds,
                cpu: seen.usage.cpu_per_million(seen.events),
                peak_resident,
                context_switches: seen.usage.switches_per_thousand(seen.events),
            },
            start_to_ready: Some(daemon.start_to_ready),
            depth: seen.depth,
            counts: Some(seen.counts),
        })
    }

    fn send_and_watch(
        &self,
        daemon: &mut Daemon,
        port: u16,
        input: &Input,
        events: u64,
        watch: &Watch<'_>,
    ) -> anyhow::Result<Seen> {
        let stream = connect(port, self.timeout)?;
        let start = Start::now(daemon)?;
        thread::scope(|scope| {
            let sender = scope.spawn(|| send(&stream, input, events, &self.cores.sender));
            let seen = watch.until_done(daemon, start);
            if seen.is_err() {
                // The sender would wait for a daemon that no longer reads.
                let _ = stream.shutdown(Shutdown::Both);
            }
            let sent = sender
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // That the counters do not add up says more than that the sender was cut off for it.
            let seen = seen?;
            sent.map(|()| seen)
        })
    }
}

/// A connection to a source on the loopback interface.
pub(super) fn connect(port: u16, timeout: Duration) -> anyhow::Result<TcpStream> {
    let stream =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("cannot connect to the source")?;
    stream.set_write_timeout(Some(timeout))?;
    Ok(stream)
}

/// Sends the first `events` lines as fast as they are taken, from a thread bound to `cores`.
pub(super) fn send(
    mut stream: &TcpStream,
    input: &Input,
    events: u64,
    cores: &[usize],
) -> anyhow::Result<()> {
    bind(cores)?;
    for (piece, _) in input.pieces(events, PIECE) {
        stream.write_all(piece).context("sending broke off")?;
    }
    Ok(())
}
