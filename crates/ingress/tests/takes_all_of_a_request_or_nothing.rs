//! Requests that are wrong, too large, too slow or never end: nothing of them is taken in, their senders are told,
//! and they hold no more of the budget than they need.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::Write;
use std::time::{Duration, Instant};

use common::Rig;
use common::http::{Client, post};
use serde_json::json;

#[test]
fn a_request_that_is_wrong_is_told_what_was_expected() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "max_body": "100B" }));
    let event = "content-length: 3\r\n\r\n{}\n";
    let long = "x".repeat(101);
    let cases = [
        (
            "POST /v1/event",
            event.to_owned(),
            404,
            "expected /v1/events",
        ),
        ("GET /v1/events", "\r\n".to_owned(), 405, "expected POST"),
        ("PUT /v1/events", event.to_owned(), 405, "expected POST"),
        (
            "POST /v1/events",
            format!("content-type: text/csv\r\n{event}"),
            415,
            "content-type `text/csv`, expected application/x-ndjson",
        ),
        (
            "POST /v1/events",
            format!("content-encoding: br\r\n{event}"),
            415,
            "content-encoding `br`, expected gzip, zstd, deflate or none",
        ),
        ("POST /v1/events", "\r\n".to_owned(), 400, "has no event"),
        (
            "POST /v1/events",
            "content-length: 5\r\n\r\n\n \r\n\n".to_owned(),
            400,
            "has no event",
        ),
        (
            "POST /v1/events",
            format!("content-length: 101\r\n\r\n{long}"),
            413,
            "expected at most 100 bytes",
        ),
        (
            "POST /v1/events",
            format!("transfer-encoding: chunked\r\n\r\n3\r\n{{}}\n\r\n65\r\n{long}\r\n0\r\n\r\n"),
            413,
            "expected at most 100 bytes",
        ),
        (
            "POST /v1/events",
            "transfer-encoding: chunked\r\n\r\n3\r\n{}\n\r\nnonsense\r\n".to_owned(),
            400,
            "cannot be read",
        ),
    ];
    for (line, rest, status, detail) in cases {
        let mut client = Client::new(&running);
        client.send(format!("{line} HTTP/1.1\r\nhost: here\r\n{rest}").as_bytes());
        let answer = client.answer();
        assert_eq!(answer.status, status, "{line} {rest:?}: {answer:?}");
        assert!(
            answer.detail().contains(detail),
            "{line} {rest:?}: {answer:?}"
        );
        assert_eq!(answer.body["status"], status);
        let allow = (status == 405).then_some("post");
        assert_eq!(answer.header("allow"), allow);
    }
    rig.take_until("all are counted", |rig| {
        rig.source.totals().refused_by.values().sum::<u64>() == 10
    });
    let refused = rig.source.totals().refused_by;
    let counted = refused.iter().map(|(reason, count)| (*reason, *count));
    assert_eq!(
        counted.collect::<Vec<_>>(),
        [
            ("ambiguous", 1),
            ("body_too_large", 2),
            ("empty", 2),
            ("no_such_route", 3),
            ("unknown_format", 2),
        ]
    );
    for kind in ["application/json; charset=utf-8", "Application/X-NDJSON"] {
        let mut client = Client::new(&running);
        client.send(
            format!("POST /v1/events HTTP/1.1\r\nhost: here\r\ncontent-type: {kind}\r\n{event}")
                .as_bytes(),
        );
        assert_eq!(client.answer().status, 200, "{kind}");
    }
    rig.take_events(2);
    rig.stop(running);
}

#[test]
fn a_sender_of_too_much_sees_the_answer_after_all_it_sent() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "max_body": "1KiB" }));
    let mut client = Client::new(&running);
    // Far more than any socket buffers: who hung up at once would reset the sender.
    client.send(&post(&vec![b'x'; 32 << 20]));
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.header("connection")),
        (413, Some("close"))
    );
    drop(client);
    rig.take_until("closed", |rig| rig.source.totals().open == 0);
    assert_eq!(rig.source.totals().refused_by["body_too_large"], 1);
    rig.stop(running);
    assert!(rig.seen.is_empty());
}

#[test]
fn half_a_body_is_no_body_and_gives_its_memory_back() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0" }));
    let whole = post(&b"{\"a\":1}\n".repeat(1_000));
    for cut in [whole.len() - 1, whole.len() / 2] {
        let mut client = Client::new(&running);
        client.send(&whole[..cut]);
        rig.take_until("a permit", |rig| rig.budget.used() > 0);
        assert_eq!(
            rig.budget.used(),
            8 << 10,
            "as much as the body needs, in pages"
        );
        drop(client);
        rig.take_until("the permit back", |rig| rig.budget.used() == 0);
    }
    rig.stop(running);
    assert!(rig.seen.is_empty());
}

#[test]
fn slow_bodies_do_not_stop_live_ones_and_have_to_end() {
    // Room for one full read buffer only.
    let mut rig = Rig::new(common::BUFFER, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "timeout": "3s" }));
    let mut slow: Vec<_> = (0..20).map(|_| Client::new(&running)).collect();
    for client in &mut slow {
        client.send(&post(&[b'x'; 4_000])[..120]);
    }
    rig.take_until("permits", |rig| rig.budget.used() == 20 << 12);
    // One of them goes on, a byte at a time.
    let mut drips = slow[0].stream.get_ref().try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        while drips.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    assert_eq!(Client::new(&running).post(b"{}\n").status, 200);
    for mut client in slow {
        let answer = client.answer();
        assert_eq!(answer.status, 408);
        assert!(client.is_closed());
    }
    dripping.join().unwrap();
    rig.take_events(1);
    assert_eq!(rig.source.totals().refused_by["slow_body"], 20);
    rig.stop(running);
}

#[test]
fn a_budget_that_is_used_up_makes_senders_wait_and_then_come_again() {
    let mut rig = Rig::new(common::BUFFER, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "timeout": "300ms" }));
    let all = rig.budget.acquire_blocking(common::BUFFER);
    let mut client = Client::new(&running);
    let answer = client.post(b"{\"late\":true}\n");
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("1"))
    );
    assert!(answer.detail().contains("no memory"), "{}", answer.detail());
    assert!(rig.source.totals().backpressure_nanos > 0);

    let mut client = Client::new(&running);
    client.send(&post(b"{\"in\":\"time\"}\n"));
    let budget = rig.budget.clone();
    rig.take_until("it waits", |_| budget.waiting() == 1);
    assert!(client.hears_nothing());
    drop(all);
    assert_eq!(client.answer().status, 200);
    rig.take_events(1);
    drop(client);
    rig.stop(running);
    assert_eq!(rig.texts(), ["{\"in\":\"time\"}"]);
}

#[test]
fn a_stop_answers_what_was_taken_in_and_closes_the_rest() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "ack": "delivered" }));
    let [mut waits, mut half, mut kept, mut fresh, mut begun] =
        std::array::from_fn(|_| Client::new(&running));
    begun.send(b"POST /v1/ev");
    kept.send(&post(b"{\"kept\":1}\n"));
    rig.take_events(1);
    assert_eq!(kept.answer().status, 200);
    waits.send(&post(b"{\"waits\":1}\n"));
    while rig.source.totals().events < 2 {
        std::thread::yield_now();
    }
    half.send(&post(b"{\"half\":1}\n")[..100]);
    // A page for the event that waits, and one for the half.
    let budget = rig.budget.clone();
    while budget.used() < 2 << 12 || rig.source.totals().open < 5 {
        std::thread::yield_now();
    }
    let began = Instant::now();
    rig.handle.stop();
    assert!(kept.is_closed() && fresh.is_closed() && begun.is_closed());
    let answer = half.answer();
    assert_eq!(
        (answer.status, answer.header("connection")),
        (503, Some("close"))
    );
    rig.take_events(2);
    let answer = waits.answer();
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    drop((waits, half));
    rig.finish(running).unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(rig.texts(), ["{\"kept\":1}", "{\"waits\":1}"]);
}

#[test]
fn idle_and_superfluous_connections_are_closed_and_counted() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running =
        rig.start_http(json!({ "listen": "127.0.0.1:0", "idle": "300ms", "max_connections": 2 }));
    let mut silent = Client::new(&running);
    let mut once = Client::new(&running);
    assert_eq!(once.post(b"{}\n").status, 200);
    rig.take_until("two are open", |rig| rig.source.totals().open == 2);
    assert!(Client::new(&running).is_closed());
    assert!(silent.is_closed() && once.is_closed());
    rig.take_events(1);
    rig.take_until("both are gone", |rig| rig.source.totals().open == 0);
    let closed = rig.source.totals().closed_by;
    assert_eq!((closed["connection_limit"], closed["idle"]), (1, 2));
    rig.stop(running);
}
