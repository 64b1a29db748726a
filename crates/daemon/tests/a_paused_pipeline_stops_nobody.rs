//! Behind a journal a pipeline that is paused holds up neither those that read the same source nor those that read
//! another, whatever comes; resumed, it gets what it has missed, each event once and in order.
#![cfg(feature = "chaos")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Daemon, Place};
use rustix::process::Signal;

/// What may be in memory.
const MEMORY: u64 = 8 << 20;
/// Events sent while the pipeline is paused: four times the memory.
const MANY: usize = 16_000;
const POISONED: usize = 1_000;

/// A source with two pipelines, one of which panics on poison, and another source.
fn place(more: &str) -> Place {
    Place::new(&format!(
        "[sources.in]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [sources.other]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.bad]\nfrom = [\"in\"]\nto = [\"bad\"]\nkey = \"key\"\n\
         stages = [{{ type = \"chaos\", does = \"panic\", when = {{ field = \"poison\", equals = true }} }}]\n\
         [pipelines.good]\nfrom = [\"in\"]\nto = [\"good\"]\nkey = \"key\"\n\
         [pipelines.other]\nfrom = [\"other\"]\nto = [\"other\"]\nkey = \"key\"\n\
         [sinks.bad]\ntype = \"file\"\npath = \"{{dir}}/bad.ndjson\"\n\
         [sinks.good]\ntype = \"file\"\npath = \"{{dir}}/good.ndjson\"\n\
         [sinks.other]\ntype = \"file\"\npath = \"{{dir}}/other.ndjson\"\n\
         [runtime]\nworkers = 2\nmemory = \"8MiB\"\ndrain = \"60s\"\n{more}\
         [journal]\ndir = \"{{dir}}/journal\"\nsegment = \"4MiB\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n",
    ))
}

/// Sends events with these numbers, and waits until the daemon has read them.
fn send(daemon: &Daemon, source: &str, numbers: std::ops::Range<usize>) {
    let pad = "x".repeat(2_000);
    let line = |number: usize| {
        let (key, poison) = (number % 50, number < POISONED && number.is_multiple_of(2));
        format!("{{\"n\":{number},\"key\":\"k{key}\",\"poison\":{poison},\"pad\":\"{pad}\"}}\n")
    };
    let lines: String = numbers.map(line).collect();
    let mut stream = daemon.connect(source);
    stream.write_all(lines.as_bytes()).expect("taken");
    stream.shutdown(Shutdown::Write).expect("the end");
    stream.read_to_end(&mut Vec::new()).expect("closed");
}

/// A metric of one pipeline.
fn of(daemon: &Daemon, metric: &str, pipeline: &str) -> u64 {
    let (_, text) = daemon.get("/metrics");
    let start = format!("{metric}{{pipeline=\"{pipeline}\"");
    let line = text.lines().find(|line| line.starts_with(&start));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    value.unwrap_or(0.0) as u64
}

/// Events that the one that is paused is done with.
fn ended(daemon: &Daemon) -> u64 {
    let [delivered, set_aside] = [
        "millpond_pipeline_events_delivered_total",
        "millpond_pipeline_events_dead_lettered_total",
    ]
    .map(|metric| of(daemon, metric, "bad"));
    delivered + set_aside
}

/// The pipeline is paused early, and much comes in for it and for the others.
fn pause_and_send(daemon: &Daemon) {
    send(daemon, "in", 0..POISONED);
    daemon.until("it is paused", |daemon| {
        daemon.metric("millpond_pipeline_paused") == 1.0
    });
    send(daemon, "in", POISONED..MANY);
    send(daemon, "other", POISONED..MANY);
    let mut most = 0;
    daemon.until("the others are done", |daemon| {
        most = most.max(daemon.metric("millpond_budget_used_bytes") as u64);
        of(daemon, "millpond_pipeline_events_delivered_total", "good") == MANY as u64
            && of(daemon, "millpond_pipeline_events_delivered_total", "other")
                == (MANY - POISONED) as u64
    });
    assert!(most <= MEMORY, "{most} bytes are in memory");
    assert_eq!(of(daemon, "millpond_pipeline_paused", "bad"), 1);
    assert_eq!(daemon.metric("millpond_unaccounted_events"), 0.0);
    daemon.until("it has given back what it had", |daemon| {
        ended(daemon) + of(daemon, "millpond_pipeline_behind_events", "bad") == MANY as u64
    });
}

/// Every event that is no poison is in the file once, those of a key in order.
fn is_whole(place: &Place, file: &str, first: usize, poison: bool) {
    let mut last = BTreeMap::new();
    let mut numbers = BTreeSet::new();
    for line in place.lines(file) {
        let event: serde_json::Value = serde_json::from_slice(&line).expect("intact");
        let number = event["n"].as_u64().expect("a number");
        assert!(numbers.insert(number), "{number} is in {file} twice");
        let key = event["key"].as_str().expect("a key").to_owned();
        let before = last.insert(key, number);
        assert!(before < Some(number), "{number} is behind {before:?}");
    }
    let all = first..MANY;
    let wanted = all.filter(|number| poison || *number >= POISONED || number % 2 == 1);
    assert_eq!(numbers.len(), wanted.count(), "{file}");
}

/// Lets it go on again and again until it has caught up.
fn resume_to_the_end(place: &Place, daemon: &Daemon) -> u32 {
    let deadline = Instant::now() + common::PATIENCE;
    let mut resumed = 0;
    while ended(daemon) < MANY as u64 {
        assert!(Instant::now() < deadline, "it never catches up");
        if daemon.metric("millpond_pipeline_paused") == 1.0 {
            resumed += u32::from(place.command(&["resume", "bad"]).0 == Some(0));
        }
        assert_eq!(daemon.metric("millpond_unaccounted_events"), 0.0);
        std::thread::sleep(Duration::from_millis(5));
    }
    resumed
}

/// The whole story, with this in the section `[runtime]`.
fn paused_and_resumed(more: &str) {
    let place = place(more);
    let daemon = place.start().ready();
    pause_and_send(&daemon);
    let resumed = resume_to_the_end(&place, &daemon);
    assert!(
        resumed > 1,
        "the rest of the poison pauses it again: {resumed}"
    );
    daemon.until("everything is committed", |daemon| {
        daemon.metric("millpond_journal_backlog_records") == 0.0
    });
    // What comes now goes the usual way.
    assert_eq!(daemon.get("/readyz").0, 200);
    let ended = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{:#?}", ended.log);
    let totals = ended.totals();
    assert_eq!((totals.dropped, totals.live), (0, 0), "{totals:?}");
    is_whole(&place, "good.ndjson", 0, true);
    is_whole(&place, "other.ndjson", POISONED, true);
    is_whole(&place, "bad.ndjson", 0, false);
    assert_eq!(place.dead_letters().len(), POISONED / 2);
}

#[test]
fn the_others_run_on_and_it_catches_up_when_it_is_resumed() {
    paused_and_resumed("");
}

#[test]
fn workers_in_processes_give_back_what_they_have() {
    paused_and_resumed("isolation = \"process\"\n");
}

#[test]
fn killed_while_it_is_behind_it_gets_the_rest_after_a_restart() {
    let place = place("");
    let daemon = place.start().ready();
    pause_and_send(&daemon);
    daemon.signal(Signal::KILL);
    daemon.end();
    let daemon = place
        .start_with(&["--set", "pipelines.bad.max_poison=1"], Stdio::null())
        .ready();
    daemon.until("everything is committed", |daemon| {
        daemon.metric("millpond_journal_backlog_records") == 0.0
    });
    assert_eq!(daemon.metric("millpond_unaccounted_events"), 0.0);
    assert_eq!(daemon.terminate().code, Some(0));
    is_whole(&place, "good.ndjson", 0, true);
    is_whole(&place, "other.ndjson", POISONED, true);
    is_whole(&place, "bad.ndjson", 0, false);
}

#[test]
fn a_drain_leaves_what_it_is_owed_to_the_next_start() {
    let place = place("");
    let daemon = place.start().ready();
    pause_and_send(&daemon);
    let began = Instant::now();
    let ended = daemon.terminate();
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "half of the deadline would do: {:?}",
        began.elapsed()
    );
    assert_eq!(ended.code, Some(0), "{:#?}", ended.log);
    let kept = ended.entry("the journal keeps for the next start what was not run");
    assert!(kept["records"].as_u64() > Some(0), "{kept}");
    assert_eq!(ended.totals().live, 0);
    let daemon = place
        .start_with(&["--set", "pipelines.bad.max_poison=1"], Stdio::null())
        .ready();
    daemon.until("everything is committed", |daemon| {
        daemon.metric("millpond_journal_backlog_records") == 0.0
    });
    assert_eq!(daemon.terminate().code, Some(0));
    is_whole(&place, "good.ndjson", 0, true);
    is_whole(&place, "bad.ndjson", 0, false);
}
