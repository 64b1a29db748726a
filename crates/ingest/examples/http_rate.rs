//! What taking events in over HTTP costs beside TCP: the same lines on loopback over both, senders included.
//!
//! `http_rate [events a body] [connections] [received|delivered]`: each connection sends its next request when the
//! last one is answered. The CPU is that of the threads that read, without senders and takers (Linux).

#![allow(clippy::print_stdout, reason = "an example reports on the terminal")]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millpond_delivery::{Consignment, Inbound, Ledger, SourceLedger, Tally};
use millpond_event::{BufferPool, Slice};
use millpond_ingest::{DemoConfig, Inlet, Route, Shoppers, build, stop};
use millpond_queue::{Budget, Limits, Mailbox, Parcel, ReadySet, mailboxes};

const EVENTS: usize = 4_000_000;
/// How many events the text has that is sent again and again.
const TEXT: usize = 200_000;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let body = arguments.next().map_or(Ok(1_000), |text| text.parse())?;
    let connections: usize = arguments.next().map_or(Ok(4), |text| text.parse())?;
    let ack = arguments.next().unwrap_or_else(|| "received".into());
    let requests = EVENTS / connections / body;
    let bodies = bodies(body)?;

    let tcp = |address: SocketAddr| -> Result<(), Failure> {
        let mut peer = TcpStream::connect(address)?;
        (0..requests).try_for_each(|i| peer.write_all(&bodies[i % bodies.len()]))?;
        Ok(())
    };
    let http = |address: SocketAddr| -> Result<(), Failure> {
        let mut peer = TcpStream::connect(address)?;
        peer.set_nodelay(true)?;
        let mut answers = BufReader::new(peer.try_clone()?);
        for i in 0..requests {
            let body = &bodies[i % bodies.len()];
            let length = body.len();
            write!(
                peer,
                "POST /v1/events HTTP/1.1\r\nhost: here\r\ncontent-length: {length}\r\n\r\n"
            )?;
            peer.write_all(body)?;
            answer(&mut answers)?;
        }
        Ok(())
    };
    let events = (requests * connections * body) as u64;
    let listen = "127.0.0.1:0";
    let tcp = measure(
        "tcp",
        serde_json::json!({ "listen": listen }),
        connections,
        events,
        tcp,
    )?;
    let config = serde_json::json!({ "listen": listen, "ack": ack });
    let http = measure("http", config, connections, events, http)?;
    println!(
        "{:.0} requests/s; http costs {:.2} times what tcp does",
        (requests * connections) as f64 / http.0,
        http.1 / tcp.1
    );
    Ok(())
}

/// The text in bodies of this many events.
fn bodies(events: usize) -> Result<Vec<Vec<u8>>, Failure> {
    let mut text = vec![0; 400 * TEXT];
    let (filled, _) = Shoppers::new(&DemoConfig::default()).fill(&mut text, TEXT as u64);
    let lines: Vec<&[u8]> = text[..filled]
        .split_inclusive(|&byte| byte == b'\n')
        .collect();
    if events == 0 || events > lines.len() {
        return Err(format!("{events} events a body, expected 1 to {}", lines.len()).into());
    }
    Ok(lines
        .chunks_exact(events)
        .map(|lines| lines.concat())
        .collect())
}

/// Reads an answer to its end.
fn answer(answers: &mut BufReader<TcpStream>) -> Result<(), Failure> {
    let (mut line, mut length, mut ok) = (String::new(), 0, false);
    while line != "\r\n" {
        line.clear();
        answers.read_line(&mut line)?;
        ok |= line.starts_with("HTTP/1.1 200");
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body)?;
    if ok {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&body).into_owned().into())
}

/// Runs a source and its senders, and says what it took: seconds, and CPU seconds of the threads that read.
fn measure(
    kind: &str,
    config: serde_json::Value,
    connections: usize,
    events: u64,
    send: impl Fn(SocketAddr) -> Result<(), Failure> + Sync,
) -> Result<(f64, f64), Failure> {
    let ready = Arc::new(ReadySet::new(64));
    let limits = Limits {
        events: 1 << 30,
        bytes: 1 << 30,
    };
    let (intake, mut boxes) = mailboxes("p", ready.clone(), 0, 64, 1 << 14, limits);
    let ledger = Arc::new(Ledger::new("p"));
    let route = Route {
        intake,
        ledger: ledger.clone(),
        key: None,
        arrears: None,
    };
    let (handle, stop) = stop();
    let source = Arc::new(SourceLedger::new(kind));
    let inlet = Inlet::new(
        kind.into(),
        vec![route],
        Budget::new(64 << 20),
        BufferPool::new(256 << 10, || 16 << 20),
        source.clone(),
        stop,
    );
    let opened = async_std::task::block_on(build(kind, config)?.open())?;
    let address = opened.local_addr().ok_or("no address")?;
    let run = async_std::task::spawn(opened.run(inlet));
    let (cpu, start) = (readers_cpu()?, Instant::now());
    let sent = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !boxes.iter().all(Mailbox::is_ended) {
                ready.wait();
                for shard in &mut boxes {
                    while let Some(parcel) = shard.take() {
                        settle(&ledger, parcel);
                    }
                }
            }
        });
        let senders: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| send(address)))
            .collect();
        let sent = senders
            .into_iter()
            .try_for_each(|sender| sender.join().map_err(|_| "a sender panicked")?);
        while sent.is_ok() && source.totals().events < events {
            std::thread::sleep(Duration::from_millis(1));
        }
        handle.stop();
        sent
    });
    let seconds = start.elapsed().as_secs_f64();
    let cpu = readers_cpu()? - cpu;
    async_std::task::block_on(run)?;
    sent?;
    println!(
        "{kind:>4}: {events} events, {:.2} M events/s, readers' CPU {:.0} ns an event",
        events as f64 / seconds / 1e6,
        cpu * 1e9 / events as f64,
    );
    Ok((seconds, cpu))
}

/// Counts the events of a parcel as filtered.
fn settle(ledger: &Arc<Ledger>, parcel: Parcel<Inbound<Slice>>) {
    let (Inbound { batch, part, .. }, _permit) = parcel.open();
    let tally = Tally {
        filtered: batch.len() as u64,
        ..Tally::default()
    };
    Consignment::open(ledger).seal(vec![part], tally);
}

/// CPU seconds of the threads that run sources, so far.
fn readers_cpu() -> Result<f64, Failure> {
    let mut nanos = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let thread = thread?.path();
        if std::fs::read_to_string(thread.join("comm"))?.starts_with("async-std/runti") {
            let times = std::fs::read_to_string(thread.join("schedstat"))?;
            nanos += times.split(' ').next().unwrap_or("0").parse::<u64>()?;
        }
    }
    Ok(nanos as f64 / 1e9)
}
