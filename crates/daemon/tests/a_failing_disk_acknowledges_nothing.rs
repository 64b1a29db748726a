//! The disk under the journal fails: nothing is acknowledged that is not durable, and what was
//! acknowledged is delivered after a restart. Skipped where `strace` cannot trace.

mod common;

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use common::http::Client;
use common::{Daemon, Place};

fn place() -> Place {
    Place::new(
        "[sources.in]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\ntimeout = \"5s\"\nmax_body = \"1MiB\"\n\
         [sinks.out]\ntype = \"file\"\npath = \"{dir}/out.ndjson\"\n\
         [journal]\ndir = \"{dir}/journal\"\nsegment = \"4MiB\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n",
    )
}

/// A request of a few numbered events.
fn lines(request: usize) -> String {
    (0..5)
        .map(|line| format!("{{\"n\":{}}}\n", request * 5 + line))
        .collect()
}

fn delivered(place: &Place) -> BTreeSet<u64> {
    let lines = place.lines("out.ndjson").into_iter();
    let number = |line: Vec<u8>| {
        let event: serde_json::Value = serde_json::from_slice(&line).expect("intact");
        event["n"].as_u64().expect("a number")
    };
    lines.map(number).collect()
}

/// Whether this machine lets one process trace another.
fn can_trace() -> bool {
    let tried = Command::new("strace")
        .args(["-f", "-e", "trace=none", "true"])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

#[test]
fn what_was_answered_before_a_sync_failed_is_delivered_and_nothing_is_answered_after_it() {
    if !can_trace() {
        println!("skipped: strace is not there, or may not trace");
        return;
    }
    // Calls are counted thread by thread; the first segment takes 64 writes of zeros.
    for (call, from, error) in [
        ("fdatasync", 40, "EIO"),
        ("pwrite64", 100, "EIO"),
        ("fdatasync", 40, "ENOSPC"),
    ] {
        let place = place();
        let inject = format!("inject={call}:error={error}:when={from}+");
        let trace = format!("trace={call}");
        let strace = [
            "strace",
            "-f",
            "-q",
            "-o",
            "/dev/null",
            "-e",
            &trace,
            "-e",
            &inject,
        ];
        let daemon = place.start_under(&strace).ready();
        let mut client = Client::connect(&daemon, "in");
        let mut acknowledged = BTreeSet::new();
        let mut refused = None;
        for request in 0..1_000 {
            match client.post(lines(request).as_bytes()) {
                Ok(answer) if answer.status == 200 => {
                    assert_eq!(answer.body["ack"], "durable");
                    acknowledged.extend((request as u64 * 5)..(request as u64 * 5 + 5));
                }
                answer => {
                    refused = Some(answer.map(|answer| answer.status));
                    break;
                }
            }
        }
        assert!(refused.is_some(), "{call} {error} never struck");
        assert!(
            acknowledged.len() > 20,
            "{call} {error}: {refused:?} after {acknowledged:?}"
        );
        // Nobody has to tell it: it cannot keep its promise any more, so it ends.
        let ended = daemon.end();
        assert_eq!(ended.code, Some(1), "{call} {error}");
        ended.entry("the journal failed: nothing more is acknowledged");

        let daemon = place.start().ready();
        daemon.until("the backlog", |daemon: &Daemon| {
            daemon.metric("millpond_journal_backlog_records") == 0.0
        });
        daemon.terminate().expect_clean();
        let delivered = delivered(&place);
        let lost: Vec<_> = acknowledged.difference(&delivered).collect();
        assert!(lost.is_empty(), "{lost:?} lost, {call} {error}");
    }
}
