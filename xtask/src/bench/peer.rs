//! One run of a peer: another way to do W1, fed by the same sender as the daemon.
//!
//! A peer says `ready` when it listens, takes one connection, works until that ends, and says in one line of JSON what
//! it counted. Its time is from the first byte sent until that line, its CPU that of the process and its children.

mod threads;

use std::io::{BufRead, BufReader};
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use indicatif::ProgressBar;
use serde::Deserialize;

use super::check::count_lines;
use super::cores::{Cores, allowed, on};
use super::counters::Counts;
use super::daemon::free_ports;
use super::input::Input;
use super::process::Process;
use super::record::{Peer, Run, Sink, Workload};
use super::run::{Bench, Measured, connect, send};
use super::scratch;
use super::usage::{self, Usage};
use super::workload::{OUTPUT, expected};

/// The worker processes of the textbook's way.
pub(super) const PYTHON_WORKERS: u32 = 4;
const READY: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(20);
/// How often its memory is looked at, while it lasts.
const EVERY: Duration = Duration::from_millis(20);

/// How peers are started.
pub(super) struct Peers {
    /// The program with the loops written in Rust.
    pub(super) binary: PathBuf,
    /// The script of the textbook's way.
    pub(super) script: PathBuf,
}

/// What a peer says that it did.
#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Said {
    received: u64,
    malformed: u64,
    filtered: u64,
    written: u64,
}

impl Said {
    fn expected(counts: &Counts) -> Self {
        Self {
            received: counts.received,
            malformed: counts.dead_lettered,
            filtered: counts.filtered,
            written: counts.rows,
        }
    }
}

impl Peers {
    fn command(&self, peer: Peer, port: u16, out: &str) -> Command {
        let mut command = match peer {
            Peer::Python => {
                let mut command = Command::new("python3");
                let workers = PYTHON_WORKERS.to_string();
                command.arg(&self.script).args(["--workers", &workers]);
                command
            }
            _ => self.in_rust(peer),
        };
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--out", out]);
        command
    }

    fn in_rust(&self, peer: Peer) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg(peer.to_string());
        command
    }
}

impl Bench<'_> {
    /// Runs `peer` once.
    pub(super) fn run_peer(
        &self,
        peers: &Peers,
        peer: Peer,
        sink: Sink,
        input: &Input,
        events: u64,
        progress: &ProgressBar,
    ) -> anyhow::Result<Measured> {
        let folder = scratch::new(self.folder)?;
        let [port] = free_ports()?;
        let out = match sink {
            Sink::File => OUTPUT,
            Sink::Blackhole => "-",
        };
        let began = Instant::now();
        let mut process = self.start(peers.command(peer, port, out), peer, folder.path())?;
        let stdout = process
            .child
            .stdout
            .take()
            .context("the peer has no stdout")?;
        let lines = lines_of(stdout);
        let ready = next_line(&lines, &mut process, READY, |_| {})?;
        ensure!(
            ready == "ready",
            "{peer} says {ready:?}, expected \"ready\""
        );
        let start_to_ready = began.elapsed();

        let stream = connect(port, self.timeout)?;
        let used_before = Usage::of_tree(process.id());
        let mut peak_resident = None;
        let start = Instant::now();
        let (said, elapsed) = thread::scope(|scope| {
            let sender = scope.spawn(|| {
                send(&stream, input, events, &self.cores.sender)?;
                stream
                    .shutdown(Shutdown::Write)
                    .context("cannot end the connection")
            });
            let said = next_line(&lines, &mut process, self.timeout, |process| {
                peak_resident = peak_resident.max(usage::peak_resident(process.id()));
            });
            let elapsed = start.elapsed();
            if said.is_err() {
                let _ = stream.shutdown(Shutdown::Both);
            }
            let sent = sender
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let said = said?;
            sent.map(|()| (said, elapsed))
        })?;
        let ended_before = Usage::of_ended_children();
        let status = process.wait(STOP)?;
        let usage = Usage::of_ended_children()
            .since(ended_before)
            .since(used_before);
        ensure!(
            status.success(),
            "{peer} ended with {status}, expected 0\n{}",
            process.log_tail()
        );

        let counts = expected(Workload::W1, &input.tally(events));
        let (said, right) = (parse(&said)?, Said::expected(&counts));
        ensure!(said == right, "{peer} counted {said:?}, expected {right:?}");
        if sink == Sink::File {
            let written = count_lines(&folder.path().join(OUTPUT))?;
            ensure!(
                written == counts.rows,
                "{peer} wrote {written} lines, expected {}",
                counts.rows
            );
        }
        progress.set_position(events);
        let seconds = elapsed.as_secs_f64();
        Ok(Measured {
            run: Run {
                events,
                seconds,
                rate: events as f64 / seconds,
                cpu: usage.cpu_per_million(events),
                peak_resident,
                context_switches: usage.switches_per_thousand(events),
            },
            start_to_ready: Some(start_to_ready),
            depth: Vec::new(),
            counts: None,
        })
    }

    /// Starts it on its cores, which it takes over from the thread that starts it.
    fn start(&self, command: Command, peer: Peer, folder: &Path) -> anyhow::Result<Process> {
        let cores: &[usize] = if peer.has_one_thread() {
            &self.cores.single
        } else {
            &[]
        };
        let name = peer.to_string();
        on(cores, || Process::start(command, &name, folder, true))?.with_context(|| match peer {
            Peer::Python => "`--peer python` needs python3 on the path".to_owned(),
            _ => format!("cannot run {peer}"),
        })
    }
}

/// The lines of `from`, read on a thread of their own, so that they can be waited for with a deadline.
fn lines_of(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn next_line(
    lines: &Receiver<String>,
    process: &mut Process,
    patience: Duration,
    mut meanwhile: impl FnMut(&Process),
) -> anyhow::Result<String> {
    let began = Instant::now();
    loop {
        match lines.recv_timeout(EVERY) {
            Ok(line) => return Ok(line),
            Err(RecvTimeoutError::Timeout) => meanwhile(process),
            Err(RecvTimeoutError::Disconnected) => {
                let status = process.wait(STOP)?;
                bail!(
                    "it ended with {status} and said nothing\n{}",
                    process.log_tail()
                );
            }
        }
        ensure!(
            began.elapsed() < patience,
            "it said nothing for {patience:?}\n{}",
            process.log_tail()
        );
    }
}

fn parse(line: &str) -> anyhow::Result<Said> {
    serde_json::from_str(line)
        .with_context(|| format!("{line:?} is not what a peer says at its end"))
}

impl Peer {
    /// Whether it can make no use of the core that the sender has.
    pub(super) fn has_one_thread(self) -> bool {
        matches!(self, Self::Serde | Self::Expert)
    }
}

/// Which cores each side of a comparison had, in words; `peers` are those that took part.
pub(super) fn cores_in_words(cores: &Cores, peers: &[Peer]) -> String {
    let list = |cores: &[usize]| {
        let cores: Vec<String> = cores.iter().map(ToString::to_string).collect();
        cores.join(", ")
    };
    if cores.sender.is_empty() {
        return "Nothing was bound to a core.".to_owned();
    }
    let single: Vec<String> = [Peer::Serde, Peer::Expert]
        .into_iter()
        .filter(|peer| peers.contains(peer))
        .map(|peer| peer.to_string())
        .collect();
    let single = match single.is_empty() {
        true => String::new(),
        false => format!(
            "; what has one thread ({}), and the daemon off the sender's core, to {}",
            single.join(", "),
            list(&cores.single)
        ),
    };
    format!(
        "Bound to cores: the sender to {}{single}. All else ran on {}.",
        list(&cores.sender),
        list(&allowed())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_peer_that_ends_at_once_is_an_error_that_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such port >&2; exit 3"]);
        let mut process = Process::start(command, "peer", folder.path(), true).unwrap();
        let lines = lines_of(process.child.stdout.take().unwrap());
        let error = next_line(&lines, &mut process, READY, |_| {}).unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains("exit status: 3") && text.contains("no such port"),
            "{text}"
        );
    }

    #[test]
    fn what_a_peer_says_is_read_strictly() {
        let line = r#"{"received":10,"malformed":1,"filtered":6,"written":3}"#;
        let said = parse(line).unwrap();
        assert_eq!(
            (said.received, said.malformed, said.filtered, said.written),
            (10, 1, 6, 3)
        );
        assert!(parse("done").is_err());
        assert!(parse(r#"{"received":10}"#).is_err());
    }
}
