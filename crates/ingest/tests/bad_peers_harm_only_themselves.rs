//! Connections that send half a line, nothing, or come in too great a number: the live ones go on,
//! and the others are counted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::{Rig, lines};
use serde_json::json;

fn is_closed(peer: &mut TcpStream) -> bool {
    peer.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    match peer.read(&mut [0]) {
        Ok(read) => read == 0,
        // A peer whose bytes were not all read sees a reset.
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn half_lines_and_idle_connections_hold_no_budget() {
    // Room for one buffer only: any connection that held a permit would stop all others.
    let mut rig = Rig::new(common::BUFFER, 1, None);
    let running = rig.start("tcp", json!({ "listen": "127.0.0.1:0" }));
    let mut stuck: Vec<_> = (0..200).map(|_| running.connect()).collect();
    let _idle: Vec<_> = (0..200).map(|_| running.connect()).collect();
    for peer in &mut stuck {
        peer.write_all(b"{\"half\":").unwrap();
    }
    rig.take_until("half lines read", |rig| {
        rig.source.totals().bytes == 200 * 8
    });
    rig.take_until("permits back", |rig| rig.budget.used() == 0);
    let mut live = running.connect();
    let sender = std::thread::spawn(move || live.write_all(&lines(20_000, 10, 0)).unwrap());
    rig.take_events(20_000);
    sender.join().unwrap();
    for peer in &mut stuck {
        peer.write_all(b"1}\n").unwrap();
    }
    rig.take_events(20_200);
    assert!(rig.source.totals().closed_by.is_empty());
    drop(stuck);
    rig.stop(running);
}

#[test]
fn the_oldest_half_line_is_closed_when_their_memory_is_used_up() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start(
        "tcp",
        json!({ "listen": "127.0.0.1:0", "partial": "100KiB", "max_line": "64KiB" }),
    );
    let mut peers: Vec<_> = (0..3).map(|_| running.connect()).collect();
    for (read, peer) in peers.iter_mut().enumerate() {
        peer.write_all(&[b'x'; 40_000]).unwrap();
        rig.take_until("half line read", |rig| {
            rig.source.totals().bytes == 40_000 * (read as u64 + 1)
        });
    }
    rig.take_until("one is closed", |rig| rig.source.totals().open == 2);
    assert_eq!(rig.source.totals().closed_by["half_line"], 1);
    assert!(is_closed(&mut peers[0]), "the oldest");
    for peer in &mut peers[1..] {
        peer.write_all(b"\n").unwrap();
    }
    rig.take_events(2);
    drop(peers);
    rig.stop(running);
}

#[test]
fn a_peer_that_sends_nothing_is_closed_after_its_time() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start("tcp", json!({ "listen": "127.0.0.1:0", "idle": "2s" }));
    let mut silent = running.connect();
    let mut live = running.connect();
    let began = std::time::Instant::now();
    let mut sent = 0;
    // The live one sends now and then, for longer than the time.
    while rig.source.totals().open == 2 || began.elapsed() < Duration::from_millis(3_500) {
        live.write_all(b"{}\n").unwrap();
        sent += 1;
        rig.take_events(sent);
        std::thread::sleep(Duration::from_millis(20));
        assert!(began.elapsed() < Duration::from_secs(60));
    }
    assert!(is_closed(&mut silent));
    assert_eq!(rig.source.totals().closed_by["idle"], 1);
    live.write_all(b"{}\n").unwrap();
    rig.take_events(sent + 1);
    rig.stop(running);
}

#[test]
fn time_spent_waiting_for_the_budget_is_not_idle_time() {
    let mut rig = Rig::new(common::BUFFER, 1, None);
    let running = rig.start("tcp", json!({ "listen": "127.0.0.1:0", "idle": "200ms" }));
    let mut peer = running.connect();
    peer.write_all(b"{}\n").unwrap();
    rig.take_events(1);
    // The connection itself holds a permit for a moment, when it looks whether there is more.
    let all = rig.budget.acquire_blocking(common::BUFFER);
    peer.write_all(b"{}\n").unwrap();
    let waits = rig.budget.clone();
    rig.take_until("the connection waits", |_| waits.waiting() == 1);
    std::thread::sleep(Duration::from_millis(600));
    assert!(
        rig.source.totals().backpressure_nanos > 0,
        "counted while it lasts"
    );
    drop(all);
    rig.take_events(2);
    assert!(rig.source.totals().closed_by.is_empty());
    drop(peer);
    rig.stop(running);
}

#[test]
fn connections_beyond_the_limit_are_closed_and_counted() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start(
        "tcp",
        json!({ "listen": "127.0.0.1:0", "max_connections": 3 }),
    );
    let mut first: Vec<_> = (0..3).map(|_| running.connect()).collect();
    rig.take_until("three are open", |rig| rig.source.totals().open == 3);
    let mut fourth = running.connect();
    assert!(is_closed(&mut fourth));
    assert_eq!(rig.source.totals().closed_by["connection_limit"], 1);
    first[2].write_all(b"{}\n").unwrap();
    rig.take_events(1);
    first.pop();
    rig.take_until("one has gone", |rig| rig.source.totals().open == 2);
    running.send(b"{}\n");
    rig.take_events(2);
    rig.stop(running);
}
