//! Whatever an answer of 200 has promised holds when the daemon ends, gently or not; and a request is taken in as a
//! whole or not at all.

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::http::Client;
use common::{Daemon, Place};
use rustix::process::Signal;

const CONNECTIONS: usize = 4;
const LINES: usize = 50;
/// How many answers of 200 are waited for before the daemon is told to end.
const ANSWERS: usize = 400;

fn place(ack: &str) -> Place {
    Place::new(&format!(
        "[sources.web]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\nack = \"{ack}\"\n\
         [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n"
    ))
}

/// Posts on several connections until the daemon, told by `signal`, ends. The requests that were sent, and whether
/// each was answered with 200.
fn post_until_the_end(daemon: &Daemon, signal: Signal) -> BTreeMap<(usize, usize), bool> {
    let answers = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let mut client = Client::connect(daemon, "web");
                let answers = &answers;
                scope.spawn(move || {
                    let mut sent = BTreeMap::new();
                    for request in 0.. {
                        let lines: String = (0..LINES)
                            .map(|line| {
                                format!("{{\"c\":{connection},\"r\":{request},\"l\":{line}}}\n")
                            })
                            .collect();
                        let answer = client.post(lines.as_bytes());
                        let accepted = answer.is_ok_and(|answer| answer.status == 200);
                        sent.insert((connection, request), accepted);
                        if !accepted {
                            break;
                        }
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                    sent
                })
            })
            .collect();
        daemon.until("requests answered", |_| {
            answers.load(Ordering::Relaxed) >= ANSWERS
        });
        daemon.signal(signal);
        let sent = senders.into_iter().map(|sender| sender.join());
        sent.flat_map(|sent| sent.expect("a sender ends")).collect()
    })
}

/// How many lines of each request came out.
fn came_out(place: &Place) -> BTreeMap<(usize, usize), usize> {
    let mut counts = BTreeMap::new();
    for line in place.lines("out.ndjson") {
        let event: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
        let number = |key: &str| event[key].as_u64().expect("a number") as usize;
        *counts.entry((number("c"), number("r"))).or_default() += 1;
    }
    counts
}

#[test]
fn a_drain_delivers_every_accepted_request_and_no_half_ones() {
    let place = place("received");
    let daemon = place.start().ready();
    let sent = post_until_the_end(&daemon, Signal::TERM);
    daemon.end().expect_clean();
    let out = came_out(&place);
    for (request, accepted) in &sent {
        let lines = out.get(request).copied().unwrap_or(0);
        assert!(
            lines == LINES || (lines == 0 && !accepted),
            "{lines} lines of {request:?}, accepted: {accepted}"
        );
    }
    assert!(out.keys().all(|request| sent.contains_key(request)));
}

#[test]
fn a_killed_daemon_has_written_what_it_said_was_delivered() {
    let place = place("delivered");
    let daemon = place.start().ready();
    let sent = post_until_the_end(&daemon, Signal::KILL);
    drop(daemon);
    // The kill may have cut the last write: only whole lines count.
    let mut written = place.read("out.ndjson");
    written.truncate(
        written
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |end| end + 1),
    );
    std::fs::write(place.path("out.ndjson"), written).expect("written");
    let out = came_out(&place);
    for (request, _) in sent.iter().filter(|(_, accepted)| **accepted) {
        assert_eq!(out.get(request), Some(&LINES), "{request:?}");
    }
}
