//! The other end of an HTTP sink is slow, busy, broken, hostile, or refuses some of the rows. Every row
//! must be taken in order or set aside, and no secret shown.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "common/server.rs"]
mod server;

use std::io::Read;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::{Books, Line, quick, store};
use millpond_sinks::{Letters, Recourse, RetryOptions, SinkHandle, SinkState, build, kinds, spawn};
use serde_json::{Value, json};
use server::{Reply, Request, serve};

/// A sink that is running, and what feeds it.
struct Running {
    line: Line,
    sink: SinkHandle,
}

fn start(params: Value, retry: RetryOptions) -> Running {
    let (line, receiver) = Line::roomy();
    let writer = build(kinds(), "http", params)
        .unwrap()
        .open("out", None)
        .unwrap();
    let recourse = Recourse {
        retry,
        letters: None,
    };
    let (spares, ledger) = (line.spares.clone(), line.sink.clone());
    let sink = spawn("api", receiver, spares, writer, ledger, recourse, |_| ()).unwrap();
    Running { line, sink }
}

impl Running {
    /// Waits until everything sent is answered for.
    fn end(self) -> Books {
        let books = self.line.close();
        self.sink.join().unwrap();
        books
    }

    /// What it says while it retries, as soon as it does.
    fn complaint(&self) -> String {
        let until = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            if let SinkState::Retrying { error, .. } = self.sink.view().state() {
                return error;
            }
            assert!(std::time::Instant::now() < until, "it never failed");
            std::thread::yield_now();
        }
    }
}

fn all(requests: &mpsc::Receiver<Request>) -> Vec<Request> {
    requests.try_iter().collect()
}

fn bodies(requests: &[Request]) -> String {
    requests.iter().map(Request::text).collect()
}

#[test]
fn batches_are_bounded_and_their_keys_differ() {
    let (url, requests) = serve(None, |_| Reply::ok());
    let params = json!({
        "url": url,
        "headers": { "x-team": "clicks" },
        "batch": { "events": 10, "bytes": "64" },
    });
    let mut running = start(params, quick(0));
    running.line.send(25);
    let expected = running.line.expected();
    assert_eq!(running.end().balance(), (25, 0));
    let requests = all(&requests);
    assert_eq!(bodies(&requests), expected);
    // Rows of 8 and of 9 bytes.
    let rows: Vec<usize> = requests
        .iter()
        .map(|request| request.text().lines().count())
        .collect();
    assert_eq!(rows, [8, 7, 7, 3]);
    for request in &requests {
        assert_eq!(request.line, "POST /in HTTP/1.1");
        assert_eq!(request.headers["content-type"], "application/x-ndjson");
        assert_eq!(request.headers["x-team"], "clicks");
    }
    let mut keys: Vec<&str> = requests.iter().map(Request::key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 4);
}

#[test]
fn a_busy_server_is_left_alone_for_as_long_as_it_asks() {
    let mut count = 0;
    let (url, requests) = serve(None, move |_| {
        count += 1;
        match count {
            1 => Reply::with("429 Too Many Requests", "Retry-After: 1"),
            _ => Reply::ok(),
        }
    });
    let mut running = start(json!({ "url": url }), quick(0));
    running.line.send(3);
    assert_eq!(running.end().balance(), (3, 0));
    let requests = all(&requests);
    let [first, second] = &requests[..] else {
        panic!("{requests:?}");
    };
    assert!(second.at - first.at >= Duration::from_secs(1));
    assert_eq!((first.key(), first.text()), (second.key(), second.text()));
}

#[test]
fn failures_of_all_kinds_lose_repeat_and_reorder_nothing() {
    let mut count = 0;
    let mut refused = Vec::new();
    let (told, taken) = mpsc::channel();
    let (url, requests) = serve(None, move |request| {
        count += 1;
        let reply = match count % 7 {
            1 => Reply::status("503 Service Unavailable"),
            2 => Reply::Cut,
            3 => Reply::status("404 Not Found"),
            4 => Reply::Endless("500 Internal Server Error"),
            5 => Reply::status("408 Request Timeout"),
            _ => {
                told.send(request.text().to_owned()).unwrap();
                refused.clear();
                return Reply::ok();
            }
        };
        refused.push((request.key().to_owned(), request.text().to_owned()));
        assert!(refused.iter().all(|one| *one == refused[0]), "{refused:?}");
        reply
    });
    // The circuit stays closed, so that the same batch comes each time.
    let retry = RetryOptions {
        open_after: 100,
        ..quick(0)
    };
    let params = json!({ "url": url, "batch": { "events": 7 }, "timeout": "5s" });
    let mut running = start(params, retry);
    (0..20).for_each(|_| running.line.send(10));
    let expected = running.line.expected();
    assert_eq!(running.end().balance(), (200, 0));
    assert_eq!(taken.try_iter().collect::<String>(), expected);
    assert!(all(&requests).len() > 60);
}

#[test]
fn poison_rows_are_found_and_set_aside_and_the_others_are_taken_in_order() {
    let poison =
        |row: &str| row.ends_with("3}") || (40..60).any(|n| row == format!("{{\"n\":{n}}}"));
    let (told, taken) = mpsc::channel();
    let (url, requests) = serve(None, move |request| {
        if request.text().lines().any(poison) {
            let body = "bad row\n here".to_owned();
            return Reply::Say("400 Bad Request", String::new(), body);
        }
        told.send(request.text().to_owned()).unwrap();
        Reply::ok()
    });
    let (mut line, receiver) = Line::roomy();
    let (letters, store) = store(&line, 5);
    let kept = store.keep();
    let writer = build(kinds(), "http", json!({ "url": url }))
        .unwrap()
        .open("out", None)
        .unwrap();
    let recourse = Recourse {
        retry: quick(0),
        letters: Some::<Letters>(letters),
    };
    let (spares, ledger) = (line.spares.clone(), line.sink.clone());
    let sink = spawn("api", receiver, spares, writer, ledger, recourse, |_| ()).unwrap();
    line.send(50);
    line.send(50);
    let expected = line.expected();
    let books = line.close();
    sink.join().unwrap();
    let (aside, good): (Vec<&str>, Vec<&str>) = expected.lines().partition(|row| poison(row));
    let letters: Vec<Value> = kept
        .join()
        .unwrap()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let events: Vec<&str> = letters
        .iter()
        .map(|letter| letter["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, aside);
    let detail = letters[0]["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("/in answers 400 Bad Request: bad row  here"),
        "{detail}"
    );
    assert_eq!(
        taken
            .try_iter()
            .collect::<String>()
            .lines()
            .collect::<Vec<_>>(),
        good
    );
    let rows = books.sink.totals();
    assert_eq!((rows.delivered, rows.dead_lettered), (72, 28));
    assert_eq!(books.pipeline.totals().dead_lettered, 28);
    // Twenty in a row cost little more than one request each.
    assert!(all(&requests).len() < 130, "{}", all(&requests).len());
}

#[test]
fn an_answer_without_an_end_is_cut() {
    let (url, _requests) = serve(None, |_| Reply::Endless("200 OK"));
    let mut running = start(json!({ "url": url, "timeout": "20s" }), quick(0));
    for _ in 0..3 {
        running.line.send(2);
    }
    let began = std::time::Instant::now();
    assert_eq!(running.end().balance(), (6, 0));
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "it waited for the end"
    );
}

#[test]
fn silence_is_given_up_and_tried_again() {
    let mut count = 0;
    let (url, requests) = serve(None, move |_| {
        count += 1;
        if count == 1 {
            Reply::Silence
        } else {
            Reply::ok()
        }
    });
    let mut running = start(json!({ "url": url, "timeout": "100ms" }), quick(0));
    running.line.send(2);
    let books = running.end();
    assert_eq!(books.balance(), (2, 0));
    assert_eq!(books.sink.totals().retries, 1);
    let requests = all(&requests);
    assert_eq!(requests[0].key(), requests[1].key());
}

#[test]
fn a_redirect_is_named_and_not_followed() {
    let (elsewhere, strangers) = serve(None, |_| Reply::ok());
    let location = format!("Location: {elsewhere}?token=hunter22");
    let mut count = 0;
    let (url, _requests) = serve(None, move |_| {
        count += 1;
        if count < 3 {
            Reply::with("307 Temporary Redirect", location.clone())
        } else {
            Reply::ok()
        }
    });
    let slow = RetryOptions {
        first: Duration::from_millis(200),
        ..quick(0)
    };
    let mut running = start(json!({ "url": url }), slow);
    running.line.send(1);
    let complaint = running.complaint();
    assert!(
        complaint.contains(&elsewhere) && complaint.contains("not followed"),
        "{complaint}"
    );
    assert!(!complaint.contains("hunter22"), "{complaint}");
    assert_eq!(running.end().balance(), (1, 0));
    assert_eq!(strangers.try_iter().count(), 0);
}

#[test]
fn a_token_that_was_changed_is_read_again_and_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "Bearer hunter22\n").unwrap();
    let (url, _requests) = serve(None, |request| match &*request.headers["authorization"] {
        "Bearer hunter33" => Reply::ok(),
        // As a server might that helps to look for mistakes.
        wrong => Reply::Say(
            "401 Unauthorized",
            String::new(),
            format!("{wrong} / hunter22"),
        ),
    });
    let params =
        json!({ "url": url + "?key=hunter22", "headers": { "Authorization": { "file": file } } });
    let mut running = start(params, quick(0));
    running.line.send(2);
    let complaint = running.complaint();
    assert!(
        complaint.ends_with("/in answers 401 Unauthorized: *** / ***"),
        "{complaint}"
    );
    // Whole at once, as whoever changes a token does: nobody reads half of one.
    let changed = dir.path().join("changed");
    std::fs::write(&changed, "Bearer hunter33").unwrap();
    std::fs::rename(&changed, &file).unwrap();
    assert_eq!(running.end().balance(), (2, 0));
}

#[test]
fn what_is_compressed_is_the_same() {
    let (url, requests) = serve(None, |_| Reply::ok());
    let mut running = start(json!({ "url": url, "gzip": true }), quick(0));
    running.line.send(500);
    let expected = running.line.expected();
    assert_eq!(running.end().balance(), (500, 0));
    let mut text = String::new();
    for request in all(&requests) {
        assert_eq!(request.headers["content-encoding"], "gzip");
        flate2::read::GzDecoder::new(&request.body[..])
            .read_to_string(&mut text)
            .unwrap();
    }
    assert_eq!(text, expected);
}

#[test]
fn only_a_server_that_the_ca_vouches_for_gets_rows() {
    let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = signed.signing_key.serialize_der().try_into().unwrap();
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let seen = Arc::new(AtomicU32::new(0));
    let count = seen.clone();
    let (url, _requests) = serve(Some(Arc::new(tls)), move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Reply::ok()
    });
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    for (pem, taken) in [(stranger.cert.pem(), 0), (signed.cert.pem(), 3)] {
        std::fs::write(&ca, pem).unwrap();
        let mut running = start(json!({ "url": url, "ca": ca }), quick(1));
        running.line.send(3);
        assert_eq!(running.end().balance(), (taken, 3 - taken));
        assert_eq!(seen.load(Ordering::SeqCst), u32::from(taken > 0));
    }

    std::fs::write(&ca, "no certificate").unwrap();
    let error = build(kinds(), "http", json!({ "url": url, "ca": ca }))
        .unwrap()
        .open("out", None)
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("ca.pem: it holds no PEM certificate"),
        "{error}"
    );
}
