//! What the source `http` takes in: bodies of many events, single events as fast as they are answered, and single
//! events at a fixed rate, with the clients beside the daemon on the same cores.
//!
//! Clients write to all their connections and then read from all of them, so that a thread has many requests under way.
//! The one at a fixed rate is an open loop, as everywhere here: a request has its due time, whatever became of those
//! before it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use clap::Args;
use hdrhistogram::Histogram;

use super::daemon::{Daemon, free_ports};
use super::input::{Input, Shape};
use super::subjects::measured;
use super::{scratch, workload};
use crate::workspace::Workspace;

/// Requests are not counted for the first part of a run.
const WARM_UP: f64 = 0.1;
/// Events of a large body.
const BODY: u64 = 1_000;

/// What the source `http` takes in on this machine.
#[derive(Debug, Args)]
pub(crate) struct IngressFlags {
    /// How long each of the three runs takes.
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    time: Duration,
    /// Requests a second of the run at a fixed rate.
    #[arg(long, default_value = "20000")]
    rate: NonZeroU64,
    /// Connections of the runs with single events.
    #[arg(long, default_value = "64")]
    connections: NonZeroU64,
    /// Measure this daemon instead of building the one of this work tree.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// Measures, and prints what was measured.
pub(crate) fn run(flags: &IngressFlags) -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    let folder = workspace.target.join("bench");
    std::fs::create_dir_all(&folder)?;
    let binary = measured(&workspace, flags.binary.as_deref())?;
    let input = Input::new(Shape::Clicks, 1);
    let on = |measure: &dyn Fn(u16) -> anyhow::Result<Measured>| on(&binary, &folder, measure);
    let many = on(&|port| closed_loop(port, &input, BODY, 4, flags.time))?;
    println!("bodies of {BODY}: {}", many.events(BODY));
    let single = on(&|port| closed_loop(port, &input, 1, flags.connections.get(), flags.time))?;
    println!("single events:  {}", single.events(1));
    let paced = on(&|port| open_loop(port, &input, flags))?;
    println!("at a rate:      {}", paced.events(1));
    println!("{}", paced.latency());
    for (what, holds) in [
        (
            "1.2 M events/s in bodies of 1,000",
            many.per_second(BODY) >= 1.2e6,
        ),
        ("50,000 single events/s", single.per_second(1) >= 50e3),
        (
            "p99 of single events at a rate at most 10 ms",
            paced.p99() <= 10e3,
        ),
    ] {
        println!("{what}: {}", if holds { "holds" } else { "does NOT hold" });
    }
    Ok(())
}

/// Requests that were answered, in how long, and after how many microseconds each.
struct Measured {
    requests: u64,
    took: Duration,
    histogram: Histogram<u64>,
}

impl Measured {
    fn per_second(&self, body: u64) -> f64 {
        (self.requests * body) as f64 / self.took.as_secs_f64()
    }

    fn p99(&self) -> f64 {
        self.histogram.value_at_quantile(0.99) as f64
    }

    fn events(&self, body: u64) -> String {
        format!(
            "{:>9.0} events/s, {:>7.0} requests/s",
            self.per_second(body),
            self.per_second(1)
        )
    }

    fn latency(&self) -> String {
        let milliseconds = |quantile| self.histogram.value_at_quantile(quantile) as f64 / 1e3;
        format!(
            "answered after  p50 {:.2} ms   p90 {:.2}   p99 {:.2}   max {:.2}",
            milliseconds(0.5),
            milliseconds(0.9),
            milliseconds(0.99),
            self.histogram.max() as f64 / 1e3
        )
    }
}

/// Measures a daemon of its own, which has to account for all that it took in.
fn on(
    binary: &Path,
    folder: &Path,
    measure: &dyn Fn(u16) -> anyhow::Result<Measured>,
) -> anyhow::Result<Measured> {
    let folder = scratch::new(folder)?;
    let [source, admin] = free_ports()?;
    let config = workload::over_http(source, admin);
    let mut daemon = Daemon::start(binary, folder.path(), &config, &[], admin)?;
    let measured = measure(source)?;
    daemon.stop()?;
    Ok(measured)
}

/// As many requests as are answered: each connection has one under way.
fn closed_loop(
    port: u16,
    input: &Input,
    body: u64,
    connections: u64,
    time: Duration,
) -> anyhow::Result<Measured> {
    let start = Instant::now();
    let threads = connections.min(2);
    let counts = thread::scope(|scope| {
        let clients: Vec<_> = (0..threads)
            .map(|thread| {
                let mine = connections / threads + u64::from(thread < connections % threads);
                scope.spawn(move || {
                    let mut clients = (0..mine)
                        .map(|_| Client::connect(port))
                        .collect::<anyhow::Result<Vec<_>>>()?;
                    let requests: Vec<_> = (0..mine)
                        .map(|client| request(input, (thread * mine + client) * body, body))
                        .collect();
                    let mut answered = 0;
                    while start.elapsed() < time {
                        for (client, request) in clients.iter_mut().zip(&requests) {
                            client.send(request)?;
                        }
                        for client in &mut clients {
                            client.answer()?;
                            answered += 1;
                        }
                    }
                    anyhow::Ok(answered)
                })
            })
            .collect();
        clients
            .into_iter()
            .map(joined)
            .collect::<anyhow::Result<Vec<u64>>>()
    })?;
    Ok(Measured {
        requests: counts.iter().sum(),
        took: start.elapsed(),
        histogram: Histogram::new(3).map_err(|error| anyhow!("{error}"))?,
    })
}

/// Requests of single events, each when it is due.
fn open_loop(port: u16, input: &Input, flags: &IngressFlags) -> anyhow::Result<Measured> {
    let (rate, connections) = (flags.rate.get() as f64, flags.connections.get());
    let requests = (rate * flags.time.as_secs_f64()).ceil() as u64;
    let warm = (requests as f64 * WARM_UP) as u64;
    let start = Instant::now();
    let threads = 2;
    let histograms = thread::scope(|scope| {
        let clients: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mine = connections / threads;
                    let mut clients = (0..mine)
                        .map(|_| Client::connect(port))
                        .collect::<anyhow::Result<Vec<_>>>()?;
                    let mut histogram = Histogram::new(3).map_err(|error| anyhow!("{error}"))?;
                    let text = request(input, thread, 1);
                    let mut next = thread;
                    let mut under_way: VecDeque<(usize, u64, Duration)> = VecDeque::new();
                    while next < requests || !under_way.is_empty() {
                        let mut free = clients.len() - under_way.len();
                        while next < requests && free > 0 {
                            let due = Duration::from_secs_f64(next as f64 / rate);
                            if due > start.elapsed() {
                                break;
                            }
                            let at = (next / threads) as usize % clients.len();
                            clients[at].send(&text)?;
                            under_way.push_back((at, next, due));
                            (next, free) = (next + threads, free - 1);
                        }
                        match under_way.pop_front() {
                            Some((at, number, due)) => {
                                clients[at].answer()?;
                                let took = start.elapsed().saturating_sub(due);
                                if number >= warm {
                                    histogram.record(u64::try_from(took.as_micros())?.max(1))?;
                                }
                            }
                            None => {
                                let due = Duration::from_secs_f64(next as f64 / rate);
                                thread::sleep(due.saturating_sub(start.elapsed()));
                            }
                        }
                    }
                    anyhow::Ok(histogram)
                })
            })
            .collect();
        clients
            .into_iter()
            .map(joined)
            .collect::<anyhow::Result<Vec<Histogram<u64>>>>()
    })?;
    let mut histogram = Histogram::new(3).map_err(|error| anyhow!("{error}"))?;
    for one in &histograms {
        histogram.add(one)?;
    }
    Ok(Measured {
        requests,
        took: start.elapsed(),
        histogram,
    })
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, anyhow::Result<T>>) -> anyhow::Result<T> {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A request with `body` events from the one with this number on.
fn request(input: &Input, first: u64, body: u64) -> Vec<u8> {
    let lines: Vec<u8> = (first..first + body)
        .flat_map(|at| input.line(at))
        .copied()
        .collect();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: here\r\ncontent-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n",
        lines.len()
    );
    [head.as_bytes(), &lines].concat()
}

struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Client {
            stream: BufReader::new(stream),
        })
    }

    fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.get_mut().write_all(request)?)
    }

    /// Reads the next answer, which has to be 200.
    fn answer(&mut self) -> anyhow::Result<()> {
        let (mut line, mut first, mut length) = (Vec::new(), true, 0);
        loop {
            line.clear();
            ensure!(
                self.stream.read_until(b'\n', &mut line)? > 0,
                "the connection was closed"
            );
            if first {
                let text = String::from_utf8_lossy(&line);
                ensure!(line.starts_with(b"HTTP/1.1 200 "), "{text}, expected 200");
                first = false;
            } else if let Some(value) = line.strip_prefix(b"content-length: ") {
                length = std::str::from_utf8(value)?.trim().parse()?;
            } else if line == b"\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        Ok(self.stream.read_exact(&mut body)?)
    }
}
