//! Whatever a peer sends, and in whatever pieces, each of its lines arrives once, whole, in order and
//! at its offset.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{Read, Write};
use std::time::Duration;

use common::{Rig, Seen, lines};
use serde_json::json;

fn tcp() -> serde_json::Value {
    json!({ "listen": "127.0.0.1:0", "max_line": "1MiB" })
}

#[test]
fn lines_cut_anywhere_arrive_whole() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start("tcp", tcp());
    let mut peer = running.connect();
    for (piece, events) in [
        ("{\"a\":", 0),
        ("1}\n", 1),
        ("\r\n\n  \n{\"b\":2}\r\n{\"c\"", 2),
        (":3}", 2),
        ("\n", 3),
    ] {
        peer.write_all(piece.as_bytes()).unwrap();
        rig.take_events(events);
        let bytes = rig.source.totals().bytes;
        rig.take_until("the piece was read", |rig| {
            rig.source.totals().bytes >= bytes.max(1)
        });
    }
    peer.write_all(b"{\"last\":true}").unwrap();
    drop(peer);
    rig.take_events(4);
    assert_eq!(
        rig.texts(),
        ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}", "{\"last\":true}"]
    );
    let offsets: Vec<_> = rig
        .seen
        .iter()
        .map(|seen| (seen.sequence, seen.offset))
        .collect();
    assert_eq!(offsets, [(0, 0), (1, 14), (2, 23), (3, 31)]);
    rig.stop(running);
}

#[test]
fn a_line_too_long_is_refused_and_its_neighbours_go_through() {
    let mut rig = Rig::new(64 << 20, 4, Some("k"));
    let running = rig.start(
        "tcp",
        json!({ "listen": "127.0.0.1:0", "max_line": "100KiB" }),
    );
    let long = vec![b'x'; 10 << 20];
    let mut text = b"{\"k\":1}\n".to_vec();
    text.extend_from_slice(&long);
    text.extend_from_slice(b"\n{\"k\":2}\n");
    running.send(&text);
    rig.take_events(3);
    rig.stop(running);
    let seen = &rig.by_partition()[0];
    assert_eq!((seen[0].text(), seen[2].text()), ("{\"k\":1}", "{\"k\":2}"));
    let hash = xxhash_rust::xxh3::xxh3_64(&long);
    assert_eq!(seen[1].refused, Some(("line_too_long", 10 << 20, hash)));
    assert_eq!((seen[1].offset, seen[1].bytes.len()), (8, 1024));
    assert_eq!(seen[2].offset, 8 + (10 << 20) + 1);
}

#[test]
fn a_line_longer_than_a_read_buffer_is_a_line_like_any_other() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start("tcp", tcp());
    let line = |i: usize| format!("{{\"i\":{i},\"pad\":\"{}\"}}", "y".repeat(i * 100_000));
    let text: String = (0..=10).map(|i| line(i) + "\n").collect();
    running.send(text.as_bytes());
    rig.take_events(11);
    rig.stop(running);
    for (i, seen) in rig.by_partition()[0].iter().enumerate() {
        assert!(seen.text() == line(i) && seen.refused.is_none(), "line {i}");
    }
}

#[test]
fn a_key_keeps_its_order_on_each_connection() {
    let (connections, count) = (4, 20_000);
    let mut rig = Rig::new(64 << 20, 16, Some("k"));
    let running = rig.start("tcp", tcp());
    let senders: Vec<_> = (0..connections)
        .map(|connection| {
            let mut peer = running.connect();
            std::thread::spawn(move || peer.write_all(&lines(count, 50, connection)).unwrap())
        })
        .collect();
    rig.take_events(connections * count);
    senders
        .into_iter()
        .for_each(|sender| sender.join().unwrap());
    rig.stop(running);
    let mut last = std::collections::HashMap::new();
    let mut shard_of = std::collections::HashMap::new();
    for Seen {
        shard,
        partition,
        sequence,
        bytes,
        ..
    } in &rig.seen
    {
        let event: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        let key = event["k"].as_str().unwrap().to_string();
        assert_eq!(shard_of.entry(key.clone()).or_insert(*shard), shard);
        if let Some(before) = last.insert((*partition, key), *sequence) {
            assert!(before < *sequence);
        }
    }
    for seen in rig.by_partition() {
        let sent = lines(
            count,
            50,
            serde_json::from_slice::<serde_json::Value>(&seen[0].bytes).unwrap()["c"]
                .as_u64()
                .unwrap() as usize,
        );
        let got: Vec<u8> = seen
            .iter()
            .flat_map(|seen| [&seen.bytes[..], b"\n"].concat())
            .collect();
        assert!(got == sent);
    }
}

#[test]
fn a_budget_that_is_used_up_slows_the_sender_and_loses_nothing() {
    let count = 100_000;
    let text = lines(count, 10, 0);
    // Two buffers; the text is some thirty times as large.
    let mut rig = Rig::new(2 * common::BUFFER, 2, Some("k"));
    let running = rig.start("tcp", tcp());
    let mut peer = running.connect();
    let sent = text.clone();
    let sender = std::thread::spawn(move || peer.write_all(&sent).unwrap());
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while rig.source.totals().backpressure_nanos == 0 {
        assert!(
            rig.budget.used() <= 2 * common::BUFFER as u64,
            "{}",
            rig.budget.used()
        );
        assert!(std::time::Instant::now() < deadline, "no back-pressure");
        std::thread::yield_now();
    }
    assert!(!sender.is_finished(), "the sender waits");
    rig.take_events(count);
    sender.join().unwrap();
    rig.stop(running);
    let got: Vec<u8> = rig.by_partition()[0]
        .iter()
        .flat_map(|seen| [&seen.bytes[..], b"\n"].concat())
        .collect();
    assert!(got == text);
}

#[test]
fn mailboxes_with_too_few_slots_lose_nothing() {
    let mut rig = Rig::with_slots(64 << 20, 2, None, 1);
    let running = rig.start("tcp", tcp());
    let text = lines(50_000, 10, 0);
    let mut peer = running.connect();
    let sender = std::thread::spawn(move || peer.write_all(&text).unwrap());
    rig.take_events(50_000);
    sender.join().unwrap();
    rig.stop(running);
}

#[test]
fn a_stop_in_mid_stream_leaves_a_prefix_of_whole_lines() {
    let text = lines(10_000, 10, 0);
    let mut rig = Rig::new(4 << 20, 4, Some("k"));
    let running = rig.start("tcp", tcp());
    let mut peer = running.connect();
    let sent = text.clone();
    // Sends the same lines again and again, until the source hangs up.
    let sender = std::thread::spawn(move || while peer.write_all(&sent).is_ok() {});
    let mut idle = running.connect();
    rig.take_events(30_000);
    let began = std::time::Instant::now();
    rig.handle.stop();
    rig.finish(running).unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    sender.join().unwrap();
    assert_eq!(
        idle.read(&mut [0]).unwrap(),
        0,
        "the idle connection is closed too"
    );
    let got: Vec<u8> = rig.by_partition()[0]
        .iter()
        .flat_map(|seen| [&seen.bytes[..], b"\n"].concat())
        .collect();
    assert!(got.chunks(text.len()).all(|again| text.starts_with(again)));
}

#[test]
fn a_pipeline_that_is_gone_ends_the_source_quietly() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start("tcp", tcp());
    let mut idle = running.connect();
    rig.boxes.clear();
    running.send(b"{\"a\":1}\n");
    assert!(running.thread.join().unwrap().is_ok());
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    assert_eq!(
        (rig.ledger.totals().dropped(), rig.ledger.totals().live),
        (1, 0)
    );
}
