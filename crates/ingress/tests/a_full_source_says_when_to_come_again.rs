//! Overload is said to senders before they have sent what there is no room for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_std::net::TcpStream;
use async_std::task;
use common::Rig;
use common::http::{Client, post};
use common::second::Second;
use millpond_delivery::Backlog;
use millpond_ingest::Resume;
use serde_json::json;

#[test]
fn what_there_is_no_room_for_is_shed_before_its_body_is_sent() {
    let mut rig = Rig::new(common::BUFFER, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "on_full": "shed" }));
    let all = rig.budget.acquire_blocking(common::BUFFER);
    let mut client = Client::new(&running);
    let request = post(b"{\"a\":1}\n");
    // The head alone: the answer waits for nothing else.
    client.send(&request[..request.len() - 8]);
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.header("connection")),
        (429, Some("close"))
    );
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(rig.source.totals().refused_by["shed"], 1);
    assert_eq!(rig.source.totals().bytes, 0);
    drop(all);
    let mut client = Client::new(&running);
    client.send(&request);
    assert_eq!(client.answer().status, 200);
    drop(client);
    rig.take_events(1);
    rig.stop(running);
}

#[test]
fn who_goes_away_while_it_waits_leaves_its_place_to_the_next() {
    let mut rig = Rig::new(common::BUFFER, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "timeout": "60s" }));
    let all = rig.budget.acquire_blocking(common::BUFFER);
    let budget = rig.budget.clone();
    // This one has said all that it will, and waits for the answer.
    let mut still = Client::new(&running);
    still.send(&post(b"{\"still\":1}\n"));
    still.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    rig.take_until("it waits", |_| budget.waiting() == 1);
    let mut gone = Client::new(&running);
    gone.send(&post(&b"{\"gone\":1}\n".repeat(10_000))[..200]);
    rig.take_until("it waits, too", |_| budget.waiting() == 2);
    drop(gone);
    rig.take_until("its place is free", |_| budget.waiting() == 1);
    drop(all);
    assert_eq!(still.answer().status, 200);
    rig.take_events(1);
    assert_eq!(rig.source.totals().refused_by["broken_body"], 1);
    rig.stop(running);
    assert_eq!(rig.budget.used(), 0);
}

#[test]
fn who_goes_away_on_a_connection_of_http_2_leaves_its_place_too() {
    let mut rig = Rig::new(common::BUFFER, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "timeout": "60s" }));
    let all = rig.budget.acquire_blocking(common::BUFFER);
    let budget = rig.budget.clone();
    let stream = task::block_on(TcpStream::connect(running.address.unwrap())).unwrap();
    let mut gone = task::block_on(Second::over(stream.clone()));
    let answer = gone.post(&b"{\"gone\":1}\n".repeat(10_000));
    rig.take_until("it waits", |_| budget.waiting() == 1);
    stream.shutdown(Shutdown::Both).unwrap();
    rig.take_until("its place is free", |_| budget.waiting() == 0);
    assert!(task::block_on(answer).is_err());
    drop(all);
    rig.stop(running);
}

#[test]
fn a_full_journal_is_no_room_whatever_memory_there_is() {
    for (on_full, status, reason) in [("shed", 429, "shed"), ("block", 503, "no_room")] {
        let mut rig = Rig::new(64 << 20, 1, None);
        let full = Arc::new(AtomicBool::new(true));
        let says = full.clone();
        let inlet = rig.journal_inlet_that(
            Resume::new(),
            move || says.load(Ordering::Relaxed),
            Backlog::default,
        );
        let params = json!({ "listen": "127.0.0.1:0", "on_full": on_full, "timeout": "300ms", "ack": "received" });
        let running = rig.start_http_with(params, inlet);
        let mut client = Client::new(&running);
        let answer = client.post(b"{\"a\":1}\n");
        assert_eq!(answer.status, status, "{on_full}: {answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert_eq!(rig.source.totals().refused_by[reason], 1);
        full.store(false, Ordering::Relaxed);
        assert_eq!(Client::new(&running).post(b"{\"a\":1}\n").status, 200);
        assert_eq!(
            rig.journal
                .as_mut()
                .unwrap()
                .recv()
                .unwrap()
                .item
                .info
                .events,
            1
        );
        rig.handle.stop();
        running.thread.join().unwrap().unwrap();
    }
}

#[test]
fn a_full_journal_is_waited_for_as_long_as_it_drains_whatever_memory_there_is() {
    for (waiting, expected) in [(1 << 60, "60"), (1 << 10, "1")] {
        let mut rig = Rig::new(64 << 20, 1, None);
        let left = AtomicU64::new(0);
        // Something leaves it each time that one looks; half of it would take ages, or next to nothing.
        let backlog = move || Backlog {
            capacity: 1 << 10,
            waiting,
            left: left.fetch_add(1 << 20, Ordering::Relaxed),
        };
        let inlet = rig.journal_inlet_that(Resume::new(), || true, backlog);
        let params = json!({ "listen": "127.0.0.1:0", "on_full": "shed", "ack": "received" });
        let running = rig.start_http_with(params, inlet);
        // Nothing is known at first.
        rig.take_until("the drain is measured", |_| {
            let answer = Client::new(&running).post(b"{\"a\":1}\n");
            assert_eq!(answer.status, 429, "{answer:?}");
            answer.header("retry-after") == Some(expected)
        });
        rig.handle.stop();
        running.thread.join().unwrap().unwrap();
    }
}
