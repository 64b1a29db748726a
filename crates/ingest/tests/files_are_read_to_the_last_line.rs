//! Files, followed or not, give each of their lines once, at its offset, through rotation and
//! truncation; the demo's events come at their rate.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Rig, Running, lines};
use millpond_ingest::build;
use serde_json::json;

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn follow(rig: &mut Rig, path: &Path) -> Running {
    rig.start("file", json!({ "path": path, "follow": true }))
}

#[test]
fn files_are_read_to_their_ends() {
    let dir = tempfile::tempdir().unwrap();
    let paths = ["a", "b", "empty"].map(|name| dir.path().join(name));
    let text = lines(30_000, 100, 0);
    fs::write(&paths[0], &text[..text.len() - 1]).unwrap();
    fs::write(&paths[1], "{\"k\":1}\r\n\n").unwrap();
    fs::write(&paths[2], "").unwrap();
    let mut rig = Rig::new(1 << 20, 4, Some("k"));
    let running = rig.start("file", json!({ "path": paths }));
    rig.finish(running).unwrap();
    let seen = rig.by_partition();
    assert_eq!(seen.len(), 2);
    let got: Vec<u8> = seen[0]
        .iter()
        .flat_map(|seen| [&seen.bytes[..], b"\n"].concat())
        .collect();
    assert!(got == text);
    let mut offset = 0;
    for event in &seen[0] {
        assert_eq!(event.offset, offset);
        offset += event.bytes.len() as u64 + 1;
    }
    assert_eq!(seen[1][0].text(), "{\"k\":1}");
}

#[test]
fn a_path_that_cannot_be_opened_is_named() {
    for path in ["/nowhere/at/all.ndjson", "/"] {
        let source = build("file", json!({ "path": path }))
            .map_err(|error| error.to_string())
            .unwrap();
        let error = async_std::task::block_on(source.open())
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.starts_with(&format!("cannot open `{path}`: ")),
            "{error}"
        );
    }
}

#[test]
fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let source = build("tcp", json!({ "listen": address }))
        .map_err(|error| error.to_string())
        .unwrap();
    let error = async_std::task::block_on(source.open())
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.starts_with(&format!("cannot listen on `{address}`: ")),
        "{error}"
    );
}

#[test]
fn a_followed_file_gives_each_line_once_through_rotation_and_truncation() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    append(&path, "1\n2");
    let mut rig = Rig::new(1 << 20, 1, None);
    let running = follow(&mut rig, &path);
    rig.take_events(1);
    append(&path, "2\n3");
    rig.take_events(2);
    // Rotated while a half line waits: the rest of the old file, then the new one.
    let mut old = OpenOptions::new().append(true).open(&path).unwrap();
    fs::rename(&path, dir.path().join("log.1")).unwrap();
    old.write_all(b"3\n4").unwrap();
    rig.take_events(3);
    append(&path, "5\n");
    rig.take_events(5);
    // Truncated in place.
    File::create(&path).unwrap();
    rig.take_until("truncation seen", |rig| rig.source.totals().opened == 3);
    append(&path, "6\n7\n");
    rig.take_events(7);
    append(&path, "half");
    rig.take_until("half line read", |rig| rig.source.totals().bytes == 19);
    rig.stop(running);
    assert_eq!(rig.texts(), ["1", "22", "33", "4", "5", "6", "7"]);
    let offsets: Vec<_> = rig
        .seen
        .iter()
        .map(|seen| (seen.sequence, seen.offset))
        .collect();
    assert_eq!(
        offsets,
        [(0, 0), (1, 2), (2, 5), (3, 8), (0, 0), (1, 0), (2, 2)]
    );
}

#[test]
fn a_followed_file_lets_go_at_once_when_told_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    append(&path, "1\n");
    let mut rig = Rig::new(1 << 20, 1, None);
    let running = follow(&mut rig, &path);
    rig.take_events(1);
    let began = Instant::now();
    rig.stop(running);
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn the_demo_keeps_its_rate_and_its_count() {
    let mut rig = Rig::new(16 << 20, 4, Some("user_id"));
    let began = Instant::now();
    let config = json!({ "rate": 20_000, "events": 10_000, "burst": { "factor": 1 } });
    let running = rig.start("demo", config);
    rig.finish(running).unwrap();
    assert_eq!(rig.seen.len(), 10_000);
    let took = began.elapsed();
    assert!(
        took > Duration::from_millis(480) && took < Duration::from_secs(20),
        "{took:?}"
    );
}

#[test]
fn a_demo_held_up_by_the_budget_counts_the_wait_and_stops_at_once() {
    let mut rig = Rig::new(common::BUFFER, 1, None);
    let running = rig.start("demo", json!({ "rate": 0 }));
    let source = rig.source.clone();
    while source.totals().backpressure_nanos == 0 {
        std::thread::yield_now();
    }
    rig.take_events(10_000);
    let began = Instant::now();
    rig.stop(running);
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_demo_without_a_rate_does_not_fill_the_memory_of_who_takes_its_events_slowly() {
    let mut rig = Rig::new(1 << 30, 1, None);
    let running = rig.start("demo", json!({ "rate": 0, "events": 200_000 }));
    let source = rig.source.clone();
    let most = (16 << 20) + 2 * common::BUFFER as u64;
    for _ in 0..3 {
        let before = source.totals().backpressure_nanos;
        while source.totals().backpressure_nanos == before {
            assert!(!running.thread.is_finished(), "it never waits");
            std::thread::yield_now();
        }
        assert!(rig.budget.used() <= most, "{}", rig.budget.used());
        let parcel = rig.next_parcel();
        rig.open(0, parcel);
    }
    // It goes on as long as what it made is taken.
    rig.finish(running).unwrap();
    assert_eq!(rig.seen.len(), 200_000);
}

#[test]
fn a_demo_that_waits_for_slow_workers_stops_at_once() {
    let mut rig = Rig::new(1 << 30, 1, None);
    let running = rig.start("demo", json!({ "rate": 0 }));
    while rig.source.totals().backpressure_nanos == 0 {
        std::thread::yield_now();
    }
    rig.stop(running);
}
