//! A destination refuses rows, is down for a while, or never answers. What it does not take is set aside
//! or dropped and counted, everybody else gets everything, and the books balance.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{Daemon, Ended, Place};

/// Takes POST requests and answers with what `answer` makes of their bodies.
fn serve(answer: impl Fn(&str) -> &'static str + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/in", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            while let Some(body) = body(&mut stream) {
                let head = format!("HTTP/1.1 {}\r\ncontent-length: 0\r\n\r\n", answer(&body));
                if stream.get_mut().write_all(head.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    url
}

fn body(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.to_ascii_lowercase().trim_end().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().ok()?,
            None if line == "\r\n" => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

fn place(sink: &str, settings: &str) -> Place {
    Place::new(&format!(
        "[sources.feed]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.p]\nstages = [{{ type = \"explode\", field = \"items\", missing = \"pass\" }}]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [sinks.other]\n{sink}\n\
         [runtime]\nworkers = 2\nmemory = \"8MiB\"\n{settings}\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    ))
}

/// Sends lines and waits until all are read.
fn send(daemon: &Daemon, lines: &[String]) {
    let mut stream = daemon.connect("feed");
    stream.write_all(lines.concat().as_bytes()).expect("sent");
    stream.shutdown(Shutdown::Write).expect("ended");
    daemon.until("all is read", |daemon| {
        daemon.metric("millpond_events_received_total") >= lines.len() as f64
    });
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{{\"n\":{n}}}\n")).collect()
}

/// The totals of a sink: routed, delivered, dropped, live.
fn totals(ended: &Ended, sink: &str) -> [u64; 4] {
    let mut entries = ended.log.iter();
    let entry = entries
        .find(|entry| entry["message"] == "sink totals" && entry["sink"] == sink)
        .expect("the sink's totals");
    ["routed", "delivered", "dropped", "live"].map(|term| entry[term].as_u64().expect("a count"))
}

#[test]
fn refused_rows_are_set_aside_and_their_inputs_with_them() {
    let taken = Arc::new(Mutex::new(String::new()));
    let kept = taken.clone();
    let url = serve(move |body| {
        if body.contains("bad") {
            return "422 Unprocessable Content";
        }
        kept.lock().expect("nobody panics").push_str(body);
        "204 No Content"
    });
    let place = place(&format!("type = \"http\"\nurl = \"{url}\""), "");
    let daemon = place.start().ready();
    let mut lines = numbered(300);
    lines[7] = "{\"bad\":7}\n".to_owned();
    // Two of its three rows are bad; it is one input all the same.
    lines[150] = "{\"items\":[{\"bad\":1},{\"good\":2},{\"bad\":3}]}\n".to_owned();
    send(&daemon, &lines);
    let ended = daemon.terminate();
    ended.expect_clean();
    let totals_of_inputs = ended.totals();
    assert_eq!(
        (totals_of_inputs.received, totals_of_inputs.delivered),
        (300, 298)
    );
    assert_eq!(
        (totals_of_inputs.dead_lettered, totals_of_inputs.consumed),
        (2, 0)
    );
    assert_eq!(totals(&ended, "out"), [302, 302, 0, 0]);
    assert_eq!(totals(&ended, "other")[..2], [302, 299]);
    assert_eq!(taken.lock().expect("nobody panics").lines().count(), 299);
    let mut letters: Vec<_> = place
        .dead_letters()
        .iter()
        .map(|letter| {
            assert_eq!(
                (&letter["stage"], &letter["reason"]),
                (&"other".into(), &"rejected".into())
            );
            letter["event"].as_str().expect("text").to_owned()
        })
        .collect();
    letters.sort();
    assert_eq!(letters, ["{\"bad\":1}", "{\"bad\":3}", "{\"bad\":7}"]);
}

#[test]
fn a_circuit_opens_while_the_destination_is_down_and_closes_behind_it() {
    let up = Arc::new(AtomicBool::new(false));
    let is_up = up.clone();
    let url = serve(move |_| {
        if is_up.load(Ordering::SeqCst) {
            "200 OK"
        } else {
            "503 Service Unavailable"
        }
    });
    let sink = format!(
        "type = \"http\"\nurl = \"{url}\"\nretry = {{ first = \"1ms\", longest = \"20ms\" }}"
    );
    let place = place(&sink, "");
    let daemon = place.start().ready();
    send(&daemon, &numbered(1_000));
    let state = |daemon: &Daemon, state: &str| {
        let line = format!("millpond_sink_state{{sink=\"other\",state=\"{state}\"}} 1");
        daemon.get("/metrics").1.contains(&line)
    };
    daemon.until("the circuit opens", |daemon| state(daemon, "open"));
    let queues = daemon.get("/api/v1/queues").1;
    assert!(
        queues.contains("answers 503 Service Unavailable"),
        "{queues}"
    );
    up.store(true, Ordering::SeqCst);
    daemon.until("it takes rows again", |daemon| state(daemon, "running"));
    let ended = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{:#?}", ended.log);
    assert_eq!(totals(&ended, "other"), [1_000, 1_000, 0, 0]);
    let said = |message: &str| {
        ended
            .log
            .iter()
            .filter(|entry| entry["message"] == message)
            .count()
    };
    assert_eq!(said("cannot write, will try again"), 1);
    assert_eq!(
        said("the circuit is open: from here on a few rows are tried at a time"),
        1
    );
    assert_eq!(said("writing again"), 1);
}

/// Ends a daemon whose best-effort sink gets nowhere, long before its deadline.
fn end_without_waiting(place: &Place, daemon: Daemon) -> u64 {
    let began = Instant::now();
    let ended = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{:#?}", ended.log);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    let delivered = ended.totals().delivered;
    assert_eq!(place.lines("out.ndjson").len() as u64, delivered);
    assert_eq!(totals(&ended, "out"), [delivered, delivered, 0, 0]);
    let [routed, taken, dropped, live] = totals(&ended, "other");
    assert_eq!((routed, live), (delivered, 0));
    assert!(
        dropped > 0 && taken + dropped == routed,
        "{taken} + {dropped} of {routed}"
    );
    ended.entry("the drain does not wait for the sink any longer");
    delivered
}

#[test]
fn a_best_effort_sink_that_retries_does_not_hold_the_drain() {
    let url = serve(|_| "503 Service Unavailable");
    let sink = format!("type = \"http\"\nurl = \"{url}\"\nrequired = false");
    let place = place(&sink, "drain = \"60s\"");
    let daemon = place.start().ready();
    send(&daemon, &numbered(500));
    assert_eq!(end_without_waiting(&place, daemon), 500);
}

#[test]
fn a_best_effort_sink_that_hangs_with_its_room_full_does_not_hold_the_drain() {
    // It accepts and never reads: the writer hangs, its room fills up, and shards park before it.
    let deaf = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = deaf.local_addr().expect("bound");
    let sink = format!(
        "type = \"tcp\"\naddress = \"{address}\"\nrequired = false\nqueue = {{ events = 100 }}"
    );
    let place = place(&sink, "drain = \"60s\"");
    let daemon = place.start().ready();
    let mut stream = daemon.connect("feed");
    stream
        .set_write_timeout(Some(Duration::from_millis(500)))
        .expect("set");
    let lines = format!("{{\"more\":\"{}\"}}\n", "x".repeat(300)).repeat(1_000);
    // More than the budget and the system's socket buffers hold together.
    while stream.write_all(lines.as_bytes()).is_ok() {}
    assert!(
        daemon.metric("millpond_live_events") > 0.0,
        "shards are parked"
    );
    assert!(end_without_waiting(&place, daemon) > 1_000);
}
