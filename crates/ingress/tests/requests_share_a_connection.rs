//! HTTP/2: many requests on one connection, none of which waits for another, and an end that finishes all of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use async_std::task::block_on;
use common::second::Second;
use common::{Rig, lines};
use serde_json::json;

#[test]
fn a_request_that_waits_for_its_acknowledgement_holds_up_no_other() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "ack": "delivered" }));
    let mut client = Second::new(running.address.unwrap());
    let waits = client.post(b"{\"a\":1}\n");
    let parcel = rig.next_parcel();
    let answered = client.post(b"{\"a\":2}\n");
    rig.take_events(1);
    let (status, body) = block_on(answered).unwrap();
    assert_eq!((status.as_u16(), &body["accepted"]), (200, &json!(1)));
    rig.open(0, parcel);
    assert_eq!(block_on(waits).unwrap().0, 200);
    drop(client);
    rig.stop(running);
    assert_eq!(rig.by_partition().len(), 1, "a connection is a partition");
}

#[test]
fn bodies_larger_than_any_window_come_out_whole() {
    let mut rig = Rig::new(64 << 20, 4, Some("k"));
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0" }));
    let mut client = Second::new(running.address.unwrap());
    let bodies: Vec<_> = (0..8).map(|body| lines(4_000, 50, body)).collect();
    let answers: Vec<_> = bodies.iter().map(|body| client.post(body)).collect();
    rig.take_events(8 * 4_000);
    for answer in answers {
        let (status, body) = block_on(answer).unwrap();
        assert_eq!((status.as_u16(), &body["accepted"]), (200, &json!(4_000)));
    }
    drop(client);
    rig.stop(running);
    assert_eq!(rig.budget.used(), 0);
}

#[test]
fn a_stop_finishes_what_was_asked_and_then_ends_the_connection() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "ack": "delivered" }));
    let mut client = Second::new(running.address.unwrap());
    let waits = client.post(b"{\"a\":1}\n");
    let parcel = rig.next_parcel();
    rig.handle.stop();
    // Whether it is still asked, or told that nobody is there: it is not acknowledged.
    let late = client.post(b"{\"a\":2}\n");
    if let Ok((status, _)) = block_on(late) {
        assert_eq!(status, 503);
    }
    rig.open(0, parcel);
    assert_eq!(block_on(waits).unwrap().0, 200);
    block_on(client.connection).unwrap();
    rig.finish(running).unwrap();
    assert_eq!(rig.texts(), ["{\"a\":1}"]);
}

#[test]
fn a_connection_that_asks_nothing_has_the_time_to_be_idle_whatever_else_it_says() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let params = json!({ "listen": "127.0.0.1:0", "header_timeout": "250ms", "idle": "3s" });
    let running = rig.start_http(params);
    let mut client = Second::new(running.address.unwrap());
    for _ in 0..2 {
        std::thread::sleep(std::time::Duration::from_millis(400));
        assert_eq!(block_on(client.post(b"{}\n")).unwrap().0, 200);
    }
    let _ = block_on(client.connection);
    assert_eq!(rig.source.totals().closed_by.get("idle"), Some(&1));
    rig.take_events(2);
    rig.stop(running);
}

#[test]
fn headers_beyond_the_limit_are_refused_on_their_stream_alone() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running =
        rig.start_http(json!({ "listen": "127.0.0.1:0", "max_headers": 1, "max_line": "1KiB" }));
    let mut client = Second::new(running.address.unwrap());
    // Its content-type and its content-length are two.
    assert_eq!(block_on(client.post(b"{}\n")).unwrap().0, 431);
    assert_eq!(block_on(client.post(b"{}\n")).unwrap().0, 431);
    assert_eq!(rig.source.totals().refused_by["headers_too_large"], 2);
    assert_eq!(rig.source.totals().opened, 1);
    drop(client);
    rig.stop(running);
}
