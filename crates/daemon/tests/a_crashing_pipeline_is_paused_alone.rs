//! A pipeline that crashes on too many events is paused, seen to be, and resumed; others do not notice, and
//! nothing is lost.
#![cfg(feature = "chaos")]

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use common::{Daemon, Place};

/// Two pipelines with a source and a sink each; one of them panics on poison.
fn place(more: &str) -> Place {
    Place::new(&format!(
        "[sources.bad]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [sources.good]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.bad]\nfrom = [\"bad\"]\nto = [\"bad\"]\nkey = \"key\"\n\
         stages = [{{ type = \"chaos\", does = \"panic\", when = {{ field = \"poison\", equals = true }} }}]\n\
         [pipelines.good]\nfrom = [\"good\"]\nto = [\"good\"]\n\
         [sinks.bad]\ntype = \"file\"\npath = \"{{dir}}/bad.ndjson\"\n\
         [sinks.good]\ntype = \"file\"\npath = \"{{dir}}/good.ndjson\"\n\
         [runtime]\nworkers = 2\nmemory = \"8MiB\"\ndrain = \"30s\"\n{more}\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    ))
}

fn line(number: usize, poison: bool) -> String {
    let (key, pad) = (number % 50, "x".repeat(200));
    format!("{{\"n\":{number},\"key\":\"k{key}\",\"poison\":{poison},\"pad\":\"{pad}\"}}\n")
}

/// Sends them, and waits until the daemon has read them.
fn send(daemon: &Daemon, source: &str, lines: &str) {
    let mut stream = daemon.connect(source);
    stream.write_all(lines.as_bytes()).expect("taken");
    stream.shutdown(Shutdown::Write).expect("the end");
    stream.read_to_end(&mut Vec::new()).expect("closed");
}

fn numbers(place: &Place, file: &str) -> Vec<u64> {
    let number = |line: Vec<u8>| {
        let event: serde_json::Value = serde_json::from_slice(&line).expect("intact");
        event["n"].as_u64().expect("a number")
    };
    place.lines(file).into_iter().map(number).collect()
}

fn poison(daemon: &Daemon) {
    let lines: String = (0..1_000)
        .map(|number| line(number, number % 2 == 0))
        .collect();
    send(daemon, "bad", &lines);
    daemon.until("it is paused", |daemon| {
        daemon.metric("millpond_pipeline_paused") == 1.0
    });
}

#[test]
fn it_is_told_the_others_run_on_and_it_goes_on_when_resumed() {
    let place = place("");
    let daemon = place.start().ready();
    poison(&daemon);
    let (status, why) = daemon.get("/readyz");
    assert_eq!(status, 503);
    assert!(why.contains("pipeline \"bad\" is paused: "), "{why}");
    assert!(
        why.contains("events crashed their line") && why.contains("`millpond resume bad -c FILE`"),
        "{why}"
    );
    assert_eq!(daemon.get("/livez").0, 200);
    let (_, shown) = daemon.get("/api/v1/pipelines");
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["pipelines"][0]["state"], "paused");
    assert_eq!(shown["pipelines"][0]["paused"]["reason"], "poison");
    assert_eq!(shown["pipelines"][1]["state"], "running");

    // More than the budget could hold goes to the paused one, and none of it takes the other one's share.
    let mut stubborn = daemon.connect("bad");
    let feeding = std::thread::spawn(move || {
        let lines: String = (1_000..81_000).map(|number| line(number, false)).collect();
        stubborn.write_all(lines.as_bytes()).expect("taken at last");
        stubborn.shutdown(Shutdown::Write).expect("the end");
        stubborn.read_to_end(&mut Vec::new()).expect("closed");
    });
    let lines: String = (0..20_000).map(|number| line(number, false)).collect();
    send(&daemon, "good", &lines);
    daemon.until("the other one is done", |_| {
        place.lines("good.ndjson").len() == 20_000
    });
    assert!(!feeding.is_finished(), "its source waits");
    assert_eq!(daemon.metric("millpond_pipeline_paused"), 1.0);

    let deadline = Instant::now() + common::PATIENCE;
    let resume = || place.command(&["resume", "bad"]);
    let (code, said) = resume();
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "pipeline \"bad\" goes on\n")
    );
    while !feeding.is_finished() {
        assert!(Instant::now() < deadline, "it never goes on");
        // The rest of the poison pauses it again.
        if daemon.metric("millpond_pipeline_paused") == 1.0 {
            resume();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    daemon.until("all is done", |daemon| {
        if daemon.metric("millpond_pipeline_paused") == 1.0 {
            resume();
        }
        daemon.metric("millpond_live_events") == 0.0
    });
    let (code, said) = resume();
    assert_eq!(code, Some(1));
    assert!(said.contains("pipeline \"bad\" is not paused"), "{said}");
    let (code, said) = place.command(&["resume", "other"]);
    assert!(
        code == Some(1) && said.contains("there is no pipeline \"other\""),
        "{said}"
    );
    assert_eq!(daemon.get("/readyz").0, 200);
    let ended = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{:#?}", ended.log);
    let out = numbers(&place, "bad.ndjson");
    assert_eq!(out.len(), 80_500);
    assert_eq!(out.iter().collect::<BTreeSet<_>>().len(), 80_500);
    assert_eq!(place.dead_letters().len(), 500);
}

#[test]
fn a_drain_does_not_wait_for_it_and_says_what_is_lost() {
    let place = place("");
    let daemon = place.start().ready();
    poison(&daemon);
    let began = Instant::now();
    let ended = daemon.terminate();
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(ended.code, Some(1));
    let lost = ended
        .entry("the pipeline was paused, and there is no journal: what it had not run is lost");
    let lost = lost["events"].as_u64().expect("a number");
    let totals = ended.totals();
    assert_eq!(totals.dropped, lost, "{totals:?}");
    assert_eq!((totals.received, totals.live), (1_000, 0), "{totals:?}");
}

#[test]
fn behind_a_journal_a_restart_lets_it_go_on_where_it_was() {
    let place = place("[journal]\ndir = \"{dir}/journal\"\nsegment = \"4MiB\"\n");
    let daemon = place.start().ready();
    poison(&daemon);
    let began = Instant::now();
    let ended = daemon.terminate();
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(ended.code, Some(0), "{:#?}", ended.log);
    let kept = ended.entry("the journal keeps for the next start what was not run");
    assert!(kept["records"].as_u64() > Some(0), "{kept}");

    let forgiving = ["--set", "pipelines.bad.max_poison=1"];
    let daemon = place
        .start_with(&forgiving, std::process::Stdio::null())
        .ready();
    daemon.until("the rest", |daemon| {
        daemon.metric("millpond_live_events") == 0.0 && place.lines("bad.ndjson").len() == 500
    });
    assert_eq!(daemon.terminate().code, Some(0));
    let out = numbers(&place, "bad.ndjson");
    assert_eq!(out.iter().collect::<BTreeSet<_>>().len(), 500);
    // What was set aside before the stop may be set aside again.
    let letters = place.dead_letters();
    let events: BTreeSet<&str> = letters
        .iter()
        .filter_map(|letter| letter["event"].as_str())
        .collect();
    assert_eq!(events.len(), 500);
}
