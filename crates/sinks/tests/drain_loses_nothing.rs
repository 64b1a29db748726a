//! The senders are dropped while the sinks are behind: everything sent must be written, flushed and
//! confirmed before the sinks end.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::Read;
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::{Line, Puppet};
use millpond_queue::Limits;
use millpond_sinks::{Recourse, build, kinds, spawn};
use serde_json::json;

#[test]
fn a_file_holds_every_row_after_the_drain() {
    for (sync, rotate) in [
        (false, None),
        (true, None),
        (true, Some(json!({ "size": "4KiB" }))),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.ndjson");
        let mut params = json!({ "path": path, "sync": sync });
        if let Some(rotate) = rotate {
            params["rotate"] = rotate;
        }
        let writer = build(kinds(), "file", params)
            .unwrap()
            .open("out", None)
            .unwrap();
        let (mut line, receiver) = Line::new(Limits {
            events: 100,
            bytes: 64 << 10,
        });
        let ledger = line.sink.clone();
        let sink = spawn(
            "file",
            receiver,
            line.spares.clone(),
            writer,
            ledger,
            Recourse::default(),
            |_| (),
        )
        .unwrap();
        (0..1_000).for_each(|rows| line.send(rows % 7));
        let expected = line.expected();
        let books = line.close();
        sink.join().unwrap();
        assert_eq!(books.balance(), (books.sent, 0));

        let mut names: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|name| *name != path)
            .collect();
        // `out.TIME.10.ndjson` comes after `out.TIME.9.ndjson`.
        names.sort_by_key(|name| {
            let name = name.file_name().unwrap().to_string_lossy().into_owned();
            let mut parts = name.split('.').skip(1);
            let time = parts.next().unwrap().to_owned();
            (time, parts.next().unwrap().parse::<u32>().unwrap_or(0))
        });
        names.push(path);
        let held: String = names
            .iter()
            .map(|name| std::fs::read_to_string(name).unwrap())
            .collect();
        assert_eq!(held, expected, "sync {sync}, {} files", names.len());
    }
}

#[test]
fn a_slow_writer_is_waited_for() {
    let (mut line, receiver) = Line::roomy();
    let (told, tells) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let puppet = Puppet {
        gate: Some((told, goes)),
        ..Puppet::default()
    };
    let written = puppet.written.clone();
    let ledger = line.sink.clone();
    let spares = line.spares.clone();
    let sink = spawn(
        "slow",
        receiver,
        spares,
        Box::new(puppet),
        ledger,
        Recourse::default(),
        |_| (),
    )
    .unwrap();
    (0..1_000).for_each(|_| line.send(10));
    let expected = line.expected();
    let books = line.close();
    let mut rows = 0;
    while let Ok(in_this_write) = tells.recv() {
        let live = books.sink.totals().live;
        assert!(
            sink.held() + sink.view().room().depth().events >= live,
            "rows are out of sight"
        );
        assert!(!sink.is_finished());
        rows += in_this_write;
        go.send(()).unwrap();
    }
    sink.join().unwrap();
    assert_eq!(rows, 10_000);
    assert_eq!(*written.lock().unwrap(), expected);
    assert_eq!(books.balance(), (10_000, 0));
}

#[test]
fn nothing_is_left_in_hand_at_rest() {
    let (mut line, receiver) = Line::roomy();
    let ledger = line.sink.clone();
    let puppet = Box::new(Puppet::default());
    let sink = spawn(
        "idle",
        receiver,
        line.spares.clone(),
        puppet,
        ledger,
        Recourse::default(),
        |_| (),
    )
    .unwrap();
    (0..100).for_each(|_| line.send(10));
    let until = Instant::now() + Duration::from_secs(20);
    while line.sink.totals().live + sink.held() + line.budget.used() > 0 {
        assert!(
            Instant::now() < until,
            "{} rows are still held",
            sink.held()
        );
        std::thread::yield_now();
    }
    assert_eq!(line.sink.totals().delivered, 1_000);
    line.close();
    sink.join().unwrap();
}

#[test]
fn a_tcp_peer_has_read_every_row_when_the_sink_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let writer = build(kinds(), "tcp", json!({ "address": address }))
        .unwrap()
        .open("out", None)
        .unwrap();
    let (mut line, receiver) = Line::roomy();
    let ledger = line.sink.clone();
    let sink = spawn(
        "tcp",
        receiver,
        line.spares.clone(),
        writer,
        ledger,
        Recourse::default(),
        |_| (),
    )
    .unwrap();
    let reader = std::thread::spawn(move || {
        let mut all = String::new();
        listener
            .accept()
            .unwrap()
            .0
            .read_to_string(&mut all)
            .unwrap();
        all
    });
    (0..1_000).for_each(|_| line.send(50));
    let expected = line.expected();
    let books = line.close();
    sink.join().unwrap();
    assert_eq!(reader.join().unwrap(), expected);
    assert_eq!(books.balance(), (50_000, 0));
}

#[test]
fn buffers_go_back_to_those_who_fill_them() {
    let (mut line, receiver) = Line::roomy();
    let writer = build(kinds(), "blackhole", json!({}))
        .unwrap()
        .open("out", None)
        .unwrap();
    let ledger = line.sink.clone();
    let sink = spawn(
        "none",
        receiver,
        line.spares.clone(),
        writer,
        ledger,
        Recourse::default(),
        |_| (),
    )
    .unwrap();
    line.send(10);
    let spares = line.spares.clone();
    let books = line.close();
    sink.join().unwrap();
    assert_eq!(books.balance(), (10, 0));
    assert!(
        spares
            .take()
            .is_some_and(|spare| spare.is_empty() && spare.capacity() > 0)
    );
}
