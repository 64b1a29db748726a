//! A pipeline slower than its senders: memory stays within the budget, the senders are slowed and
//! not dropped, the queues show it, and everything arrives.

mod common;

use std::io::Write;
use std::net::TcpStream;

use common::{Daemon, Place};

const BUDGET: u64 = 16 << 20;
const LINE: usize = 1_000;

fn place(delay: &str) -> Place {
    Place::new(&format!(
        "[sources.feed]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.slow]\nstages = [{{ type = \"delay\", time = \"{delay}\" }}]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [runtime]\nworkers = 8\nmemory = \"16MiB\"\ndrain = \"100s\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    ))
}

fn line(number: usize) -> Vec<u8> {
    let mut line = format!("{{\"n\":{number},\"pad\":\"").into_bytes();
    line.resize(LINE - 3, b'x');
    line.extend_from_slice(b"\"}\n");
    line
}

/// Sends as fast as the daemon takes it, on a thread of its own.
fn send(mut stream: TcpStream, events: usize) -> std::thread::JoinHandle<()> {
    let lines = (0..events).map(line).collect::<Vec<_>>().concat();
    std::thread::spawn(move || stream.write_all(&lines).expect("slowed, never dropped"))
}

fn watch(daemon: &Daemon, events: usize) {
    let mut deepest = 0.0_f64;
    let mut largest = 0;
    daemon.until("all delivered", |daemon| {
        largest = largest.max(daemon.resident());
        deepest = deepest.max(daemon.metric("millpond_queue_depth_bytes"));
        assert_eq!(daemon.metric("millpond_unaccounted_events"), 0.0);
        daemon.metric("millpond_pipeline_events_delivered_total") >= events as f64
    });
    assert!(largest < BUDGET + (64 << 20), "resident {largest}");
    assert!(
        deepest > BUDGET as f64 / 4.0,
        "the queue was never deeper than {deepest} bytes"
    );
    assert!(daemon.metric("millpond_backpressure_seconds_total") > 0.1);
}

#[test]
fn a_slow_pipeline_slows_its_sender_within_the_budget() {
    let events = 30_000;
    let place = place("1ms");
    let daemon = place.start().ready();
    let sender = send(daemon.connect("feed"), events);
    watch(&daemon, events);
    sender.join().expect("sent");
    daemon.terminate().expect_clean();
    assert_eq!(place.lines("out.ndjson").len(), events);
}

#[test]
fn stuck_connections_do_not_stop_live_ones() {
    let events = 22_000;
    let place = place("1ms");
    let daemon = place.start().ready();
    let idle: Vec<_> = (0..2_000).map(|_| daemon.connect("feed")).collect();
    let half: Vec<_> = (0..200)
        .map(|number| {
            let mut stream = daemon.connect("feed");
            let line = line(number);
            stream.write_all(&line[..LINE / 2]).expect("taken");
            stream
        })
        .collect();
    daemon.until("all open", |daemon| {
        daemon.metric("millpond_connections") >= 2_200.0
    });
    let sender = send(daemon.connect("feed"), events);
    watch(&daemon, events);
    sender.join().expect("sent");
    // The half lines are completed, and they count, too.
    for (number, mut stream) in half.into_iter().enumerate() {
        stream
            .write_all(&line(number)[LINE / 2..])
            .expect("still there");
    }
    let all = (events + 200) as f64;
    daemon.until("the rest", |daemon| {
        daemon.metric("millpond_pipeline_events_delivered_total") >= all
    });
    daemon.terminate().expect_clean();
    drop(idle);
    assert_eq!(place.lines("out.ndjson").len(), events + 200);
}
