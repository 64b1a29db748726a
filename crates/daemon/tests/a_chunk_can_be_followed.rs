//! A chunk can be followed from its source to its sinks; and whoever follows none sees none.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};

use common::{Ended, PATIENCE, Place};
use rustix::process::Signal;
use serde_json::Value;

const LINE: &str = r#"
[sources.feed]
type = "tcp"
listen = "127.0.0.1:0"
[pipelines.clicks]
key = "user"
stages = [
  { type = "filter", field = "type", in = ["click"] },
  { type = "fail", when = { field = "bad", equals = true }, message = "marked as bad" },
]
[sinks.out]
type = "file"
path = "{dir}/out.ndjson"
[journal]
dir = "{dir}/journal"
[admin]
listen = "127.0.0.1:0"
"#;

/// Sends four events, of which one is filtered and one fails, and drains.
fn run(tracing: &str, arguments: &[&str]) -> Ended {
    let place = Place::new(&format!("{LINE}{tracing}"));
    let daemon = place.start_with(arguments, Stdio::null()).ready();
    let mut feed = daemon.connect("feed");
    feed.write_all(
        b"{\"type\":\"click\",\"user\":1}\n{\"type\":\"view\",\"user\":1}\n\
          {\"type\":\"click\",\"user\":1,\"bad\":true}\n{\"type\":\"click\",\"user\":1}\n",
    )
    .expect("sent");
    drop(feed);
    daemon.until("two rows", |daemon| {
        daemon.metric("millpond_events_delivered_total") >= 3.0
    });
    daemon.signal(Signal::TERM);
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{:#?}", ended.log);
    ended
}

/// Lines about spans of this name.
fn spans<'a>(ended: &'a Ended, name: &str) -> Vec<&'a Value> {
    let lines = ended.log.iter();
    lines
        .filter(|line| line["message"] == "close" && line["span"]["name"] == name)
        .map(|line| &line["span"])
        .collect()
}

#[test]
fn the_log_tells_of_a_chunk_from_its_source_to_its_sinks() {
    let ended = run(
        "[tracing]\nsample = 1.0\n",
        &["--log", "info,millpond_spans=debug"],
    );
    let chunks = spans(&ended, "chunk");
    assert!(!chunks.is_empty(), "{:#?}", ended.log);
    let sum = |spans: &[&Value], field: &str| -> i64 {
        spans.iter().filter_map(|span| span[field].as_i64()).sum()
    };
    // They come in one chunk or in several, as the network has it.
    assert_eq!(sum(&chunks, "events"), 4);
    for chunk in &chunks {
        assert_eq!(chunk["source"], "feed");
        assert_eq!(chunk["durable"], true);
        assert_eq!(chunk["again"], false);
    }
    assert_eq!(sum(&spans(&ended, "journal"), "events"), 4);
    let batches = spans(&ended, "batch");
    assert_eq!(sum(&batches, "events"), 4);
    assert!(batches.iter().all(|batch| batch["pipeline"] == "clicks"));
    let writes = spans(&ended, "write");
    let rows = |sink: &str| {
        let of: Vec<&Value> = writes
            .iter()
            .copied()
            .filter(|write| write["sink"] == sink)
            .collect();
        sum(&of, "rows")
    };
    assert_eq!((rows("out"), rows("dead_letters")), (2, 1), "{writes:#?}");
    let stage = |name: &str, field: &str| -> i64 {
        let lines = ended.log.iter();
        let of = lines.filter(|line| line["message"] == "stage" && line["stage"] == name);
        of.filter_map(|line| line[field].as_i64()).sum()
    };
    assert_eq!(
        (stage("filter", "events_in"), stage("filter", "events_out")),
        (4, 3)
    );
    assert_eq!(
        (stage("fail", "events_in"), stage("fail", "failed")),
        (3, 1)
    );
}

#[test]
fn nothing_is_told_of_chunks_by_default() {
    let ended = run("", &["--log", "info,millpond_spans=debug"]);
    for name in ["chunk", "journal", "batch", "write"] {
        assert!(spans(&ended, name).is_empty(), "{:#?}", ended.log);
    }
}

/// A collector: where it is, and the bodies that it is sent.
fn collector() -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!(
        "http://{}/v1/traces",
        listener.local_addr().expect("an address")
    );
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
            loop {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n")
                    && reader.read_line(&mut head).is_ok_and(|n| n > 0)
                {}
                let lower = head.to_lowercase();
                let length = lower
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                let Some(length) = length else { break };
                let mut body = vec![0; length.parse().expect("a number")];
                reader.read_exact(&mut body).expect("a body");
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                if tell.send(body).is_err() || stream.write_all(answer).is_err() {
                    return;
                }
            }
        }
    });
    (url, told)
}

#[test]
fn a_collector_gets_the_spans_before_the_end_of_the_drain() {
    let (url, told) = collector();
    let tracing = format!("[tracing]\nsample = 1.0\notlp = {{ endpoint = \"{url}\" }}\n");
    if cfg!(not(feature = "otlp")) {
        let place = Place::new(&format!("{LINE}{tracing}"));
        let (code, said) = place.command(&["check"]);
        assert_eq!(code, Some(78), "{said}");
        assert!(
            said.contains("tracing.otlp: this build sends no spans"),
            "{said}"
        );
        return;
    }
    let ended = run(&tracing, &[]);
    let last = ended.log.iter().rfind(|line| line["message"] == "spans");
    let last = last.expect("it says what it sent");
    assert!(last["sent"].as_u64() >= Some(5), "{last}");
    assert_eq!((&last["failed"], &last["dropped"]), (&0.into(), &0.into()));
    let mut sent = told.recv_timeout(PATIENCE).expect("a request");
    sent.extend(told.try_iter().flatten());
    // Texts stand in protobuf as they are.
    let has = |text: &str| sent.windows(text.len()).any(|part| part == text.as_bytes());
    for text in [
        "millpond", "chunk", "journal", "batch", "write", "clicks", "feed", "out", "stage",
    ] {
        assert!(has(text), "{text}");
    }
    // They are not in the log, where nobody asked for them.
    assert!(spans(&ended, "chunk").is_empty(), "{:#?}", ended.log);
}
