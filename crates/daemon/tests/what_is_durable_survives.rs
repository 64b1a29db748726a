//! A daemon with a journal is killed, stopped, starved and given bad bytes: what was durable comes out.

mod common;

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::Shutdown;

use common::{Daemon, Place};
use rustix::process::Signal;

/// A keyed pipeline behind a journal, slow enough to be caught at it.
fn place(source: &str, delay: &str) -> Place {
    Place::new(&format!(
        "[sources.in]\n{source}\n\
         [pipelines.p]\nkey = \"key\"\nstages = [{{ type = \"delay\", time = \"{delay}\" }}]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [journal]\ndir = \"{{dir}}/journal\"\nsegment = \"4MiB\"\n\
         [runtime]\nworkers = 4\nmemory = \"8MiB\"\ndrain = \"60s\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    ))
}

const TCP: &str = "type = \"tcp\"\nlisten = \"127.0.0.1:0\"";

fn line(number: usize) -> String {
    format!(
        "{{\"n\":{number},\"key\":\"k{}\",\"pad\":\"{:0>200}\"}}\n",
        number % 50,
        number
    )
}

/// Sends the lines and waits until the journal has them.
fn send(daemon: &Daemon, numbers: std::ops::Range<usize>) {
    let kept = daemon.metric("millpond_journal_events_kept_total");
    let goal = kept + numbers.len() as f64;
    let mut stream = daemon.connect("in");
    let lines: String = numbers.map(line).collect();
    stream.write_all(lines.as_bytes()).expect("taken");
    stream.shutdown(Shutdown::Write).expect("the end");
    let mut nothing = Vec::new();
    stream.read_to_end(&mut nothing).expect("closed");
    daemon.until("durable", |daemon| {
        daemon.metric("millpond_journal_events_kept_total") >= goal
    });
}

/// What came out: each number how often, with the order of first appearance checked key by key.
fn delivered(place: &Place) -> BTreeMap<usize, usize> {
    let mut times = BTreeMap::new();
    let mut last = BTreeMap::new();
    for line in place.lines("out.ndjson") {
        let event: serde_json::Value = serde_json::from_slice(&line).expect("intact");
        let number = event["n"].as_u64().expect("a number") as usize;
        let count = times.entry(number).or_insert(0);
        *count += 1;
        if *count == 1 {
            let before = last.insert(number % 50, number);
            assert!(
                before.is_none_or(|before| before < number),
                "{number} came after {before:?}"
            );
        }
    }
    times
}

fn rows(place: &Place) -> usize {
    std::fs::read(place.path("out.ndjson"))
        .map_or(0, |out| out.iter().filter(|&&byte| byte == b'\n').count())
}

#[test]
fn a_file_is_read_on_where_it_was_left_however_often_the_process_is_killed() {
    let events = 12_000;
    let place = place("type = \"file\"\npath = \"{dir}/in.ndjson\"", "200us");
    let text: String = (0..events).map(line).collect();
    std::fs::write(place.path("in.ndjson"), text).expect("written");
    let mut killed = 0;
    for goal in [1_000, 3_000, 6_000] {
        let daemon = place.start().ready();
        daemon.until("some rows", |_| rows(&place) >= goal);
        daemon.signal(Signal::KILL);
        assert_eq!(daemon.end().code, None);
        killed += 1;
        // A row that the kill cut in two is no row.
        let out = place.read("out.ndjson");
        let whole = out
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        std::fs::write(place.path("out.ndjson"), &out[..whole]).expect("written");
    }
    place.start().end().expect_clean();
    let times = delivered(&place);
    assert_eq!(times.len(), events, "every line came out");
    // At most the memory's worth of events can be out when a kill comes.
    let twice: usize = times.values().map(|count| count - 1).sum();
    let window = (8 << 20) / line(0).len();
    assert!(twice <= killed * window, "{twice} duplicates");
    // It was read to its end: another run has nothing to do.
    let ended = place.start().end();
    assert_eq!(ended.expect_clean().totals().received, 0);
}

#[test]
fn a_burst_goes_to_disk_and_survives_a_kill() {
    let events = 60_000;
    let place = place(TCP, "100us");
    let daemon = place.start().ready();
    send(&daemon, 0..events);
    // Twice the memory, and the sender was not held up until it was worked on.
    assert!(daemon.metric("millpond_journal_waiting_events") > 1_000.0);
    assert!(
        daemon.resident() < (8 << 20) + (64 << 20),
        "{}",
        daemon.resident()
    );
    daemon.signal(Signal::KILL);
    daemon.end();
    let out = place.read("out.ndjson");
    let whole = out
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    std::fs::write(place.path("out.ndjson"), &out[..whole]).expect("written");

    let daemon = place.start().ready();
    send(&daemon, events..events + 10);
    daemon.until("everything", |daemon| {
        assert!(daemon.resident() < (8 << 20) + (64 << 20));
        daemon.metric("millpond_journal_backlog_records") == 0.0
    });
    let restored = daemon.metric("millpond_journal_events_restored_total");
    assert!(restored > 1_000.0, "{restored}");
    daemon.terminate().expect_clean();
    let times = delivered(&place);
    assert_eq!(times.len(), events + 10);
}

#[test]
fn sigterm_leaves_the_backlog_in_the_journal_and_nothing_comes_twice() {
    let events = 40_000;
    let place = place(TCP, "100us");
    let daemon = place.start().ready();
    send(&daemon, 0..events);
    let ended = daemon.terminate();
    ended.expect_clean();
    let left = ended.entry("journal totals")["records_left"].as_u64();
    assert!(left.expect("a number") > 0, "{left:?}");
    assert!(rows(&place) < events);

    let daemon = place.start().ready();
    daemon.until("the rest", |_| rows(&place) >= events);
    daemon.terminate().expect_clean();
    let times = delivered(&place);
    assert_eq!(times.len(), events);
    assert!(
        times.values().all(|&count| count == 1),
        "a clean stop repeats nothing"
    );
}

#[test]
fn a_backlog_is_not_run_with_another_key_and_can_be_once_it_is_gone() {
    let place = place(TCP, "2ms");
    let daemon = place.start().ready();
    send(&daemon, 0..10_000);
    daemon.terminate().expect_clean();
    for change in ["pipelines.p.key=n", "runtime.shards=8"] {
        let ended = place
            .start_with(&["--set", change], std::process::Stdio::null())
            .end();
        assert_eq!(ended.code, Some(1));
        let log = format!("{:?}", ended.log);
        let (key, value) = change.split_once('=').expect("a setting");
        assert!(log.contains(key) && log.contains(value), "{log}");
        assert!(log.contains("events that were not delivered"), "{log}");
    }
    let quick = ["--set", "pipelines.p.stages=[]"];
    let daemon = place
        .start_with(&quick, std::process::Stdio::null())
        .ready();
    daemon.until("the rest", |_| rows(&place) >= 10_000);
    daemon.terminate().expect_clean();
    let changed = ["--set", "runtime.shards=8"];
    let daemon = place
        .start_with(&changed, std::process::Stdio::null())
        .ready();
    daemon.terminate().expect_clean();
}

#[test]
fn damage_is_told_with_its_range_and_the_rest_is_served() {
    let place = place(TCP, "2ms");
    let daemon = place.start().ready();
    send(&daemon, 0..40_000);
    daemon.signal(Signal::KILL);
    daemon.end();
    let _ = std::fs::remove_file(place.path("out.ndjson"));
    // A byte flips in the middle of a segment that others follow.
    let mut segments: Vec<_> = std::fs::read_dir(place.path("journal"))
        .expect("there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "segment"))
        .collect();
    segments.sort();
    let mut file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&segments[0])
        .expect("there");
    let mut byte = [0];
    file.seek(SeekFrom::Start(2 << 20)).expect("long enough");
    file.read_exact(&mut byte).expect("long enough");
    file.seek(SeekFrom::Start(2 << 20)).expect("long enough");
    file.write_all(&[!byte[0]]).expect("written");
    drop(file);

    let quick = ["--set", "pipelines.p.stages=[]"];
    let mut daemon = place
        .start_with(&quick, std::process::Stdio::null())
        .ready();
    send(&daemon, 40_000..40_010);
    daemon.until("the end of the backlog", |daemon| {
        daemon.metric("millpond_journal_waiting_events") == 0.0
            && daemon.metric("millpond_live_events") == 0.0
    });
    let (status, reason) = daemon.get("/readyz");
    assert_eq!(status, 503);
    assert!(
        reason.contains("records") && reason.contains("lost"),
        "{reason}"
    );
    let backlog = daemon.metric("millpond_journal_backlog_records");
    assert!(backlog > 0.0, "nothing from the damage on is let go of");
    let told = daemon
        .seen
        .iter()
        .any(|entry| entry["damage"].to_string().contains("are lost"));
    assert!(told, "{:#?}", daemon.seen);
    let (code, told) = place.command(&["journal", "show"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("are lost"), "{told}");
    let (code, told) = place.command(&["journal", "accept-damage", "--yes"]);
    assert_eq!(code, Some(1), "a daemon has it: {told}");
    daemon.signal(Signal::TERM);
    daemon.wait_for("journal totals");
    drop(daemon);
    let times = delivered(&place);
    assert!(
        times.len() > 20_000 && times.len() < 40_010,
        "{}",
        times.len()
    );
    assert!((40_000..40_010).all(|number| times.contains_key(&number)));

    // An operator gives them up: what is left is done with, and the daemon is well again.
    let (code, told) = place.command(&["journal", "accept-damage"]);
    assert_eq!(code, Some(2), "nobody said yes: {told}");
    let (code, told) = place.command(&["journal", "accept-damage", "--yes"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("are lost") && told.contains("accepted"),
        "{told}"
    );
    let daemon = place
        .start_with(&quick, std::process::Stdio::null())
        .ready();
    daemon.until("an empty journal", |daemon| {
        daemon.metric("millpond_journal_backlog_records") == 0.0
    });
    assert_eq!(daemon.get("/readyz").0, 200);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().code, Some(0));
    let (code, told) = place.command(&["journal", "show"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("none"), "{told}");
}
