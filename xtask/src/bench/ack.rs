//! How prompt an acknowledgement of `durable` is: from the moment that a request was due to be sent until its answer
//! was read, beside the time that the daemon's syncs took in the same run.
//!
//! An open loop, as everywhere here: a request has its due time, whatever became of those before it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use hdrhistogram::Histogram;

use super::counters::quantile;
use super::daemon::{Daemon, free_ports};
use super::input::{Input, Shape};
use super::subjects::measured;
use super::{scratch, workload};
use crate::workspace::Workspace;

/// Requests are not counted for the first part of a run.
const WARM_UP: f64 = 0.1;

/// How prompt acknowledgements are, at a fixed rate.
#[derive(Debug, Args)]
pub(crate) struct AckFlags {
    /// Events a second.
    #[arg(long, default_value = "400000")]
    rate: NonZeroU64,
    /// Events in a request.
    #[arg(long, default_value = "1000")]
    body: NonZeroU64,
    /// Connections, each with one request under way at a time.
    #[arg(long, default_value = "16")]
    connections: NonZeroU64,
    /// How long.
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    time: Duration,
    /// Measure this daemon instead of building the one of this work tree.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// Measures, and prints what was measured.
pub(crate) fn run(flags: &AckFlags) -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    let folder = workspace.target.join("bench");
    std::fs::create_dir_all(&folder)?;
    let binary = measured(&workspace, flags.binary.as_deref())?;
    let input = Input::new(Shape::Clicks, 1);
    let folder = scratch::new(&folder)?;
    let [source, admin] = free_ports()?;
    let config = workload::acknowledging(source, admin);
    let mut daemon = Daemon::start(&binary, folder.path(), &config, &[], admin)?;
    let rate = flags.rate.get() as f64 / flags.body.get() as f64;
    let requests = (rate * flags.time.as_secs_f64()).ceil() as u64;
    let start = Instant::now();
    let connections = flags.connections.get();
    let histograms = thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|client| {
                let (input, body) = (&input, flags.body.get());
                let mine = (client..requests).step_by(connections as usize);
                scope.spawn(move || {
                    let mut client = Client::new(source)?;
                    let warm = (requests as f64 * WARM_UP) as u64;
                    let mut histogram = Histogram::new(3).map_err(|error| anyhow!("{error}"))?;
                    for number in mine {
                        let due = Duration::from_secs_f64(number as f64 / rate);
                        thread::sleep(due.saturating_sub(start.elapsed()));
                        let lines = (number * body..(number + 1) * body).map(|at| input.line(at));
                        client.post(&lines.collect::<Vec<_>>().concat())?;
                        let took = start.elapsed().saturating_sub(due);
                        if number >= warm {
                            histogram.record(u64::try_from(took.as_micros())?.max(1))?;
                        }
                    }
                    anyhow::Ok(histogram)
                })
            })
            .collect();
        let joined = clients.into_iter().map(|client| {
            let joined = client.join();
            joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect::<anyhow::Result<Vec<Histogram<u64>>>>()
    })?;
    let sent = (requests * flags.body.get()) as f64 / start.elapsed().as_secs_f64();
    let metrics = daemon.metrics()?;
    daemon.stop()?;
    let mut all = Histogram::<u64>::new(3).map_err(|error| anyhow!("{error}"))?;
    for histogram in &histograms {
        all.add(histogram)?;
    }
    let milliseconds = |quantile: f64| all.value_at_quantile(quantile) as f64 / 1e3;
    let sync = |q: f64| {
        quantile(&metrics, "millpond_journal_sync_seconds", q)
            .map(|seconds| seconds * 1e3)
            .context("the daemon synced nothing")
    };
    let (sync_p50, sync_p99) = (sync(0.5)?, sync(0.99)?);
    println!(
        "{sent:.0} events/s in bodies of {}, {} connections",
        flags.body, flags.connections
    );
    println!(
        "acknowledged   p50 {:.2} ms   p90 {:.2}   p99 {:.2}   max {:.2}",
        milliseconds(0.5),
        milliseconds(0.9),
        milliseconds(0.99),
        all.max() as f64 / 1e3
    );
    println!("syncs          p50 {sync_p50:.2} ms   p99 {sync_p99:.2}");
    let bound = 3.0 * sync_p99 + 5.0;
    let holds = if milliseconds(0.99) <= bound {
        "holds"
    } else {
        "does NOT hold"
    };
    println!("p99 within 3 x the sync's + 5 ms = {bound:.2} ms: {holds}");
    Ok(())
}

struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn new(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Client {
            stream: BufReader::new(stream),
        })
    }

    /// Posts the lines and waits for the answer, which has to be 200.
    fn post(&mut self, lines: &[u8]) -> anyhow::Result<()> {
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nhost: here\r\ncontent-length: {}\r\n\r\n",
            lines.len()
        );
        let request = [head.as_bytes(), lines].concat();
        self.stream.get_mut().write_all(&request)?;
        let (mut line, mut status, mut length) = (String::new(), String::new(), 0);
        loop {
            line.clear();
            ensure!(
                self.stream.read_line(&mut line)? > 0,
                "the connection was closed"
            );
            let text = line.trim_end();
            if status.is_empty() {
                status = text.to_owned();
            } else if let Some(value) = text.strip_prefix("content-length: ") {
                length = value.parse()?;
            } else if text.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let text = String::from_utf8_lossy(&body);
        ensure!(status.contains(" 200 "), "{status}: {text}, expected 200");
        ensure!(text.contains("\"durable\""), "{text}, expected durable");
        Ok(())
    }
}
