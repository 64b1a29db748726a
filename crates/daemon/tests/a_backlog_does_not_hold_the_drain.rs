//! What a journal has need not be run before the daemon ends: a slow pipeline with much before it leaves it to the
//! next start.

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use common::Place;

#[test]
fn a_slow_pipeline_behind_a_journal_ends_within_seconds_and_loses_nothing() {
    let events = 100_000;
    let place = Place::new(
        "[sources.in]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.p]\nkey = \"key\"\nstages = [{ type = \"delay\", time = \"5ms\" }]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{dir}/out.ndjson\"\n\
         [journal]\ndir = \"{dir}/journal\"\nsegment = \"16MiB\"\n\
         [runtime]\nworkers = 4\nmemory = \"64MiB\"\ndrain = \"60s\"\n[admin]\nlisten = \"127.0.0.1:0\"\n",
    );
    let daemon = place.start().ready();
    let line = |number: usize| {
        let (key, pad) = (number % 50, "x".repeat(200));
        format!("{{\"n\":{number},\"key\":\"k{key}\",\"pad\":\"{pad}\"}}\n")
    };
    let lines: String = (0..events).map(line).collect();
    let mut stream = daemon.connect("in");
    stream.write_all(lines.as_bytes()).expect("taken");
    stream.shutdown(Shutdown::Write).expect("the end");
    stream.read_to_end(&mut Vec::new()).expect("closed");
    daemon.until("durable and under way", |daemon| {
        daemon.metric("millpond_journal_events_kept_total") >= events as f64
            && daemon.metric("millpond_pipeline_events_received_total") > 0.0
    });

    let began = Instant::now();
    let ended = daemon.terminate();
    let took = began.elapsed();
    ended.expect_clean();
    // A second for what is nearly done, and slack for a machine with other work: the drain may take 60.
    assert!(took < Duration::from_secs(10), "{took:?}");
    let kept = ended.entry("the journal keeps for the next start what was not run");
    let events_kept = ["events_not_passed", "events_given_back"].map(|name| kept[name].as_u64());
    let events_kept: u64 = events_kept.into_iter().flatten().sum();
    assert!(events_kept > events as u64 / 2, "{kept}");

    let quick = ["--set", "pipelines.p.stages=[]"];
    let daemon = place
        .start_with(&quick, std::process::Stdio::null())
        .ready();
    let numbers = || -> Vec<u64> {
        let lines = place.lines("out.ndjson").into_iter();
        let number = |line: Vec<u8>| {
            let event: serde_json::Value = serde_json::from_slice(&line).expect("intact");
            event["n"].as_u64().expect("a number")
        };
        lines.map(number).collect()
    };
    daemon.until("the journal is done with", |daemon| {
        daemon.metric("millpond_journal_backlog_records") == 0.0
    });
    daemon.terminate().expect_clean();
    let numbers = numbers();
    assert_eq!(numbers.len(), events, "each comes once");
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), events);
}
