//! The reference task over every way in, with one worker and many, with a key and without: every
//! line that must come out does, to the byte, and the counters say where the others went.

mod common;

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use common::http::Client;
use common::w1::{STAGES, W1};
use common::{Place, Totals, shared};

const SOURCES: [(&str, &str); 4] = [
    ("stdin", "type = \"stdin\""),
    ("file", "type = \"file\"\npath = \"{dir}/in.ndjson\""),
    ("tcp", "type = \"tcp\"\nlisten = \"127.0.0.1:0\""),
    (
        "http",
        "type = \"http\"\nlisten = \"127.0.0.1:0\"\nack = \"delivered\"",
    ),
];

fn place(source: &str, workers: usize, key: &str, input: &[u8]) -> Place {
    let place = Place::new(&format!(
        "[sources.feed]\n{source}\n[pipelines.w1]\n{key}\n{STAGES}\n\
         [sinks.features]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [runtime]\nworkers = {workers}\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    ));
    std::fs::write(place.path("in.ndjson"), input).expect("written");
    place
}

/// Feeds the input by the way that `name` says and returns when the daemon has ended.
fn feed(place: &Place, name: &str, input: &[Vec<u8>]) -> common::Ended {
    let stdin = match name {
        "stdin" => Stdio::from(File::open(place.path("in.ndjson")).expect("written before")),
        _ => Stdio::null(),
    };
    let daemon = place.start_with(&[], stdin);
    if !["tcp", "http"].contains(&name) {
        return daemon.end();
    }
    let daemon = daemon.ready();
    if name == "http" {
        post_all(&daemon, input);
        return daemon.terminate();
    }
    std::thread::scope(|scope| {
        for connection in 0..4 {
            let mut stream = daemon.connect("feed");
            let bytes: Vec<u8> = input
                .iter()
                .skip(connection)
                .step_by(4)
                .flatten()
                .copied()
                .collect();
            scope.spawn(move || stream.write_all(&bytes).expect("taken"));
        }
    });
    let lines = input.len() as f64;
    daemon.until("all received", |daemon| {
        daemon.metric("millpond_events_received_total") >= lines
    });
    daemon.terminate()
}

/// Posts the input over four connections in bodies of 100 lines, and waits for every answer.
fn post_all(daemon: &common::Daemon, input: &[Vec<u8>]) {
    std::thread::scope(|scope| {
        for connection in 0..4 {
            let mut client = Client::connect(daemon, "feed");
            let bodies = input.chunks(100).skip(connection).step_by(4);
            scope.spawn(move || {
                for lines in bodies {
                    let answer = client.post(&lines.concat()).expect("an answer");
                    let told = |what: &str| answer.body[what].as_u64().expect("a number");
                    let read = told("accepted") + told("rejected");
                    assert_eq!((answer.status, read), (200, lines.len() as u64));
                }
            });
        }
    });
}

#[test]
fn every_way_in_gives_the_same_right_output() {
    let w1 = W1::generate(6_000, 7, false);
    for (name, source) in SOURCES {
        for workers in [1, 2, 4] {
            for key in ["", "key = \"user_id\""] {
                let place = place(source, workers, key, &w1.bytes());
                let ended = feed(&place, name, &w1.input);
                ended.expect_clean();
                w1.check(place.lines("out.ndjson"));
                let expected = Totals {
                    received: 6_000,
                    delivered: w1.delivered(),
                    filtered: w1.filtered,
                    dead_lettered: w1.malformed,
                    ..Totals::default()
                };
                assert_eq!(
                    ended.totals(),
                    expected,
                    "{name}, {workers} workers, {key:?}"
                );
                assert_eq!(place.dead_letters().len() as u64, w1.malformed);
            }
        }
    }
}

#[test]
fn the_independent_oracle_agrees() {
    let Some(oracle) = shared("bench/w1.py") else {
        return println!("skipped: no oracle here");
    };
    let python = |arguments: &[&std::ffi::OsStr]| {
        Command::new("python3")
            .arg(&oracle)
            .args(arguments)
            .output()
    };
    let input = match python(&["gen".as_ref(), "20000".as_ref()]) {
        Ok(output) if output.status.success() => output.stdout,
        _ => return println!("skipped: no python3 here"),
    };
    let lines: Vec<Vec<u8>> = input
        .split_inclusive(|&byte| byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    for (name, source) in SOURCES {
        for key in ["", "key = \"user_id\""] {
            let place = place(source, 2, key, &input);
            feed(&place, name, &lines).expect_clean();
            let paths = [place.path("in.ndjson"), place.path("out.ndjson")];
            let verdict = python(&["check".as_ref(), paths[0].as_ref(), paths[1].as_ref()])
                .expect("it ran before");
            assert!(
                verdict.status.success(),
                "{name} {key:?}: {}",
                String::from_utf8_lossy(&verdict.stdout)
            );
        }
    }
}
