//! An answer of 200 says what became of every event of its request, and comes no sooner.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::http::{Client, post};
use common::{Rig, lines};
use millpond_ingest::{Resume, SourceError};
use serde_json::{Value, json};

fn http(ack: &str) -> Value {
    json!({ "listen": "127.0.0.1:0", "ack": ack })
}

#[test]
fn requests_on_one_connection_are_one_partition_in_order() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0" }));
    let mut client = Client::new(&running);
    let answer = client.post(b"{\"a\":1}\n\r\n{\"b\":2}");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        json!({ "accepted": 2, "rejected": 0, "ack": "received" })
    );
    // Three at once, of which the second says no length and no type.
    let chunked = b"POST /v1/events HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n\
        4\r\n{\"d\"\r\n4\r\n:4}\n\r\n0\r\n\r\n";
    client.send(&[post(b"{\"c\":3}\n"), chunked.to_vec(), post(b"{\"e\":5}\n")].concat());
    for _ in 0..3 {
        let answer = client.answer();
        assert_eq!((answer.status, &answer.body["accepted"]), (200, &json!(1)));
    }
    rig.take_events(5);
    let texts = [
        "{\"a\":1}",
        "{\"b\":2}",
        "{\"c\":3}",
        "{\"d\":4}",
        "{\"e\":5}",
    ];
    assert_eq!(rig.texts(), texts);
    assert_eq!(rig.by_partition().len(), 1);
    let offsets: Vec<_> = rig.seen.iter().map(|seen| seen.offset).collect();
    assert_eq!(offsets, [0, 10, 17, 25, 33]);
    drop(client);
    rig.stop(running);
}

#[test]
fn what_is_accepted_comes_out_whole_however_large_the_bodies() {
    let (connections, requests, count) = (4, 5, 4_000);
    let mut rig = Rig::new(16 << 20, 8, Some("k"));
    let running = rig.start_http(http("received"));
    let senders: Vec<_> = (0..connections)
        .map(|connection| {
            let mut client = Client::new(&running);
            std::thread::spawn(move || {
                for _ in 0..requests {
                    let answer = client.post(&lines(count, 50, connection));
                    assert_eq!(
                        (answer.status, &answer.body["accepted"]),
                        (200, &json!(count))
                    );
                }
            })
        })
        .collect();
    rig.take_events(connections * requests * count);
    senders
        .into_iter()
        .for_each(|sender| sender.join().unwrap());
    rig.stop(running);
    for seen in rig.by_partition() {
        let first: Value = serde_json::from_slice(&seen[0].bytes).unwrap();
        let connection = first["c"].as_u64().unwrap();
        let got: Vec<u8> = seen
            .iter()
            .flat_map(|seen| [&seen.bytes[..], b"\n"].concat())
            .collect();
        assert!(got == lines(count, 50, connection as usize).repeat(requests));
    }
}

#[test]
fn delivered_is_not_said_before_the_last_event_has_its_outcome() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running =
        rig.start_http(json!({ "listen": "127.0.0.1:0", "ack": "delivered", "max_line": "10B" }));
    let mut client = Client::new(&running);
    // The line in the middle is too long: the body becomes three chunks.
    client.send(&post(b"{\"a\":1}\n{\"b\":\"too long\"}\n{\"c\":3}\n"));
    for settled in 0..3 {
        let parcel = rig.next_parcel();
        assert!(client.hears_nothing(), "{settled} of 3 are settled");
        rig.open(0, parcel);
    }
    let answer = client.answer();
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        json!({
            "accepted": 2,
            "rejected": 1,
            "rejects": [{
                "index": 1,
                "reason": "line_too_long",
                "detail": "line of 16 bytes, expected at most 10",
            }],
            "ack": "delivered",
        })
    );
    assert_eq!(rig.seen[1].refused.unwrap().0, "line_too_long");
    drop(client);
    rig.stop(running);
}

#[test]
fn abandoned_events_are_asked_for_again() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(http("delivered"));
    let mut client = Client::new(&running);
    client.send(&post(b"{\"a\":1}\n"));
    rig.take_events(1);
    // It was taken and counted: this answer is true, and the connection goes on.
    assert_eq!(client.answer().status, 200);
    client.send(&post(b"{\"a\":2}\n"));
    drop(rig.next_parcel());
    let answer = client.answer();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(answer.detail().contains("abandoned"), "{}", answer.detail());
    assert_eq!(rig.ledger.totals().dropped(), 1);
    rig.handle.stop();
    running.thread.join().unwrap().unwrap();
}

#[test]
fn what_takes_too_long_is_not_acknowledged_but_may_still_be_delivered() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let inlet = rig.journal_inlet(Resume::new());
    let running = rig.start_http_with(
        json!({ "listen": "127.0.0.1:0", "timeout": "200ms" }),
        inlet,
    );
    // Where there is a journal, its word is waited for; none comes here.
    let mut client = Client::new(&running);
    let answer = client.post(b"{\"a\":1}\n");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(
        answer.detail().contains("not durable yet"),
        "{}",
        answer.detail()
    );
    assert_eq!(rig.source.totals().refused_by["not_acknowledged"], 1);
    let kept = rig.journal.as_mut().unwrap().recv().unwrap();
    assert_eq!(kept.item.info.events, 1);
    drop(client);
    rig.handle.stop();
    running.thread.join().unwrap().unwrap();
}

#[test]
fn what_the_journal_has_synced_is_acknowledged_and_what_it_refused_is_not() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let inlet = rig.journal_inlet(Resume::new());
    let running = rig.start_http_with(json!({ "listen": "127.0.0.1:0" }), inlet);
    let mut client = Client::new(&running);
    client.send(&post(b"{\"a\":1}\n{\"a\":2}\n"));
    let mut journal = rig.journal.take().unwrap();
    let kept = journal.recv().unwrap().item;
    let listener = kept.listener.unwrap();
    assert!(!listener.waits_for_the_end(), "durable is all it waits for");
    listener.durable(&kept.info);
    // The process may end before they are delivered: they are durable all the same.
    listener.settled(&kept.info, true);
    let answer = client.answer();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["ack"], "durable");

    client.send(&post(b"{\"a\":3}\n"));
    let kept = journal.recv().unwrap().item;
    kept.listener.unwrap().settled(&kept.info, true);
    assert_eq!(client.answer().status, 503);
    rig.handle.stop();
    running.thread.join().unwrap().unwrap();
}

#[test]
fn durable_without_a_journal_is_refused() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(http("durable"));
    let error = rig.finish(running).unwrap_err();
    assert!(matches!(error, SourceError::NoJournal { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("source `s` has `ack = \"durable\"`"),
        "{error}"
    );
}

#[test]
fn a_pipeline_that_is_gone_is_said_so_and_ends_the_source() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(http("received"));
    let (mut client, mut idle) = (Client::new(&running), Client::new(&running));
    rig.boxes.clear();
    let answer = client.post(b"{\"a\":1}\n");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (503, Some("close"))
    );
    assert!(client.is_closed() && idle.is_closed());
    running.thread.join().unwrap().unwrap();
    assert_eq!(rig.ledger.totals().dropped(), 1);
}
