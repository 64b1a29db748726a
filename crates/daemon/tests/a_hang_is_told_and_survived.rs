//! A stage that never comes back from an event cannot be ended with its thread. It is told, with what it hangs on,
//! other shards run on, and after a restart nothing is lost.
#![cfg(feature = "chaos")]

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use common::{Daemon, Place};
use rustix::process::Signal;

fn place(harm: &str) -> Place {
    Place::new(&format!(
        "[sources.in]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.p]\nkey = \"key\"\n\
         stages = [{{ name = \"faulty\", type = \"chaos\", does = \"{harm}\", when = {{ field = \"poison\", equals = true }} }}]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [journal]\ndir = \"{{dir}}/journal\"\nsegment = \"4MiB\"\n\
         [runtime]\nworkers = 2\nhang = \"2s\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    ))
}

fn line(number: usize, poison: bool) -> String {
    format!(
        "{{\"n\":{number},\"key\":\"k{}\",\"poison\":{poison}}}\n",
        number % 50
    )
}

fn send(daemon: &Daemon, lines: &str) {
    let mut stream = daemon.connect("in");
    stream.write_all(lines.as_bytes()).expect("taken");
    stream.shutdown(Shutdown::Write).expect("the end");
    stream.read_to_end(&mut Vec::new()).expect("closed");
}

fn numbers(place: &Place) -> Vec<u64> {
    let number = |line: Vec<u8>| {
        let event: serde_json::Value = serde_json::from_slice(&line).expect("intact");
        event["n"].as_u64().expect("a number")
    };
    let lines = match place.path("out.ndjson").exists() {
        true => place.lines("out.ndjson"),
        false => Vec::new(),
    };
    lines.into_iter().map(number).collect()
}

fn hangs(harm: &str, thread: &str) {
    let place = place(harm);
    let mut daemon = place.start().ready();
    send(&daemon, &line(7, true));
    let began = Instant::now();
    let lines: String = (0..5_000).map(|number| line(number, false)).collect();
    send(&daemon, &lines);

    let said = daemon.wait_for("a worker hangs");
    assert_eq!(
        (&said["pipeline"], &said["stage"], &said["key"]),
        (&"p".into(), &"faulty".into(), &"k7".into())
    );
    let state = said["thread"].as_str().expect("what the system says");
    assert!(state.starts_with(thread), "{state}");
    let file = said["file"].as_str().expect("what reproduces it");
    let bytes = std::fs::read(file).expect("it is there");
    assert!(bytes.ends_with(line(7, true).as_bytes()));

    daemon.until("livez says so", |daemon| daemon.get("/livez").0 == 503);
    let told = began.elapsed();
    // The deadline and a second; the rest is for a machine with other work.
    assert!(
        told >= Duration::from_secs(2) && told < Duration::from_secs(30),
        "{told:?}"
    );
    let (_, why) = daemon.get("/livez");
    assert!(
        why.contains("has been with one event for ") && why.contains("stage \"faulty\""),
        "{why}"
    );
    assert_eq!(daemon.get("/readyz").0, 503);
    // Those of other shards: a shard is one of 64, and its keys are few.
    daemon.until("the others go through", |_| numbers(&place).len() > 4_000);
    assert!(!numbers(&place).contains(&57), "what is behind it waits");

    daemon.signal(Signal::KILL);
    assert_eq!(daemon.end().code, None);
    // It would hang again: the stage has to be mended, or run in a process that can be ended.
    let mended = ["--set", "pipelines.p.stages=[]"];
    let daemon = place
        .start_with(&mended, std::process::Stdio::null())
        .ready();
    daemon.until("the journal is done with", |daemon| {
        daemon.metric("millpond_journal_backlog_records") == 0.0
    });
    assert_eq!(daemon.get("/livez").0, 200);
    daemon.terminate().expect_clean();
    let numbers = numbers(&place);
    assert_eq!(numbers.len(), 5_001, "the poison too, and each once");
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), 5_000);
}

#[test]
fn one_that_sleeps_for_ever() {
    hangs("hang", "S (sleeping)");
}

#[test]
fn one_that_computes_for_ever() {
    hangs("loop", "R (running)");
}
