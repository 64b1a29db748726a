//! Stages change while events flow: nothing is lost or overtaken, and what cannot be taken over changes nothing.

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use common::Place;
use serde_json::Value;

const KEYS: usize = 20;

fn text(edition: u64, more: &str) -> String {
    format!(
        "[sources.in]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.p]\nkey = \"key\"\n\
         stages = [{{ type = \"set\", field = \"edition\", value = {edition} }}]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [runtime]\nworkers = 2\n{more}\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    )
}

fn place(more: &str) -> Place {
    Place::new(&text(0, more))
}

/// The file that the daemon reads, anew.
fn write(place: &Place, text: &str) {
    let other = Place::new(text);
    let text = String::from_utf8(other.read("millpond.toml")).expect("text");
    let (here, there) = (place.path(""), other.path(""));
    let text = text.replace(&*there.to_string_lossy(), &here.to_string_lossy());
    std::fs::write(place.path("millpond.toml"), text).expect("written");
}

fn lines(from: usize, events: usize) -> String {
    let line = |number| format!("{{\"n\":{number},\"key\":\"k{}\"}}\n", number % KEYS);
    (from..from + events).map(line).collect()
}

fn end(mut stream: TcpStream) {
    stream.shutdown(Shutdown::Write).expect("the end");
    stream.read_to_end(&mut Vec::new()).expect("closed");
}

/// Number and edition of every event that came out.
fn out(place: &Place) -> Vec<(usize, u64)> {
    let read = |line: Vec<u8>| {
        let event: Value = serde_json::from_slice(&line).expect("intact");
        let number = |field: &str| event[field].as_u64().expect("a number");
        (number("n") as usize, number("edition"))
    };
    place.lines("out.ndjson").into_iter().map(read).collect()
}

fn again_and_again(more: &str, times: u64) {
    let place = place(more);
    let daemon = place.start().ready();
    let mut stream = daemon.connect("in");
    let enough = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut sent = 0;
            while !enough.load(Ordering::Acquire) {
                stream.write_all(lines(sent, 500).as_bytes()).expect("sent");
                sent += 500;
            }
            sent
        });
        for edition in 1..=times {
            let before = daemon.metric("millpond_events_received_total");
            daemon.until("more has come", |daemon| {
                daemon.metric("millpond_events_received_total") > before
            });
            write(&place, &text(edition, more));
            let (code, said) = place.order(&["reload"]);
            assert_eq!(code, Some(0), "{said}");
            assert_eq!(said, "taken over: pipelines.p.stages\n");
        }
        enough.store(true, Ordering::Release);
        sender.join().expect("the sender")
    });
    // What comes after a reload has been answered is run by the new stages.
    stream.write_all(lines(sent, 1).as_bytes()).expect("sent");
    end(stream);
    let ended = daemon.terminate();
    ended.expect_clean();
    let mut last = vec![None; KEYS];
    let out = out(&place);
    for &(number, edition) in &out {
        assert!(last[number % KEYS] < Some((number, 0)), "{number}");
        assert!(last[number % KEYS].is_none_or(|(_, before)| before <= edition));
        last[number % KEYS] = Some((number, edition));
    }
    assert_eq!(out.len(), sent + 1);
    assert!(out.contains(&(sent, times)));
}

#[test]
fn stages_change_under_load_and_no_event_is_lost_or_overtaken() {
    again_and_again("", 50);
}

#[test]
#[cfg(target_os = "linux")]
fn so_do_those_of_workers_in_processes_of_their_own() {
    again_and_again("isolation = \"process\"", 10);
}

#[test]
fn what_needs_a_restart_or_is_wrong_changes_nothing_and_is_told() {
    let place = place("");
    let daemon = place.start().ready();
    let nothing = (Some(0), "nothing has changed\n".to_owned());
    assert_eq!(place.order(&["reload"]), nothing);
    let other = text(1, "").replace("workers = 2", "workers = 3");
    write(&place, &other);
    let (code, said) = place.order(&["reload"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("[\"runtime.workers\"] changed, which needs a restart"),
        "{said}"
    );
    write(&place, &text(1, "").replace("\"set\"", "\"sett\""));
    let (code, said) = place.order(&["reload"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("pipelines.p.stages[0].type") && said.contains("sett"),
        "{said}"
    );
    let mut stream = daemon.connect("in");
    stream.write_all(lines(0, 1).as_bytes()).expect("sent");
    end(stream);
    daemon.terminate().expect_clean();
    assert_eq!(out(&place), [(0, 0)], "as it was at the start");
}

#[test]
fn a_pipeline_that_is_paused_by_hand_waits_and_goes_on() {
    let place = place("");
    let daemon = place.start().ready();
    let (code, said) = place.order(&["pause", "q"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("there is no pipeline \"q\""), "{said}");
    let paused = (Some(0), "pipeline \"p\" is paused\n".to_owned());
    assert_eq!(place.order(&["pause", "p"]), paused);
    let (code, said) = place.order(&["pause", "p"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("paused already"), "{said}");
    let (status, why) = daemon.get("/readyz");
    assert_eq!(status, 503);
    assert!(
        why.contains("pipeline \"p\" is paused: an operator wanted it"),
        "{why}"
    );
    let mut stream = daemon.connect("in");
    stream.write_all(lines(0, 10).as_bytes()).expect("sent");
    daemon.until("their source waits", |daemon| {
        daemon.metric("millpond_backpressure_seconds_total") > 0.0
    });
    assert_eq!(place.lines("out.ndjson").len(), 0);
    let (code, _) = place.order(&["resume", "p"]);
    assert_eq!(code, Some(0));
    end(stream);
    daemon.terminate().expect_clean();
    assert_eq!(out(&place).len(), 10);
}
