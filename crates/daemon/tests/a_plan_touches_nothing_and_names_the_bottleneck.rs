//! `millpond plan` measures: with lines from a file, which must go nowhere, or on a daemon, which must not notice.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::io::Write;

use common::Place;
use serde_json::Value;

const CONFIG: &str = r#"
[sources.web]
type = "tcp"
listen = "127.0.0.1:0"
[pipelines.clicks]
to = ["out"]
stages = [
  { type = "filter", field = "type", in = ["click"] },
  { type = "delay", time = "500us" },
]
[sinks.out]
type = "file"
path = "{dir}/out.ndjson"
[journal]
dir = "{dir}/journal"
[runtime]
workers = 2
[admin]
listen = "127.0.0.1:0"
"#;

fn lines() -> String {
    (0..1_000)
        .map(|id| match id % 10 {
            0 => "no event\n".to_owned(),
            1 => format!("{{\"id\":{id},\"type\":\"view\"}}\n"),
            _ => format!("{{\"id\":{id},\"type\":\"click\"}}\n"),
        })
        .collect()
}

fn plan(place: &Place, arguments: &[&str]) -> Value {
    let (code, said) = place.command(&[&["plan", "--json"], arguments].concat());
    assert_eq!(code, Some(0), "{said}");
    serde_json::from_str(&said).unwrap()
}

/// The stage that takes the most, and the microseconds that it takes for an event.
fn first(plan: &Value) -> (&str, f64) {
    let part = &plan["parts"][0];
    (
        part["stage"].as_str().unwrap(),
        part["micros"].as_f64().unwrap(),
    )
}

#[test]
fn a_trial_runs_the_lines_of_a_file_and_leaves_nothing_behind() {
    let place = Place::new(CONFIG);
    std::fs::write(place.path("sample.ndjson"), lines()).unwrap();
    let sample = place.path("sample.ndjson");
    let before = names(&place);
    let plan = plan(
        &place,
        &[
            "--sample",
            sample.to_str().unwrap(),
            "--for",
            "1s",
            "--batch",
            "20",
            "--workers",
            "1,4",
            "--burst",
            "1000000x2s",
        ],
    );
    let (stage, micros) = first(&plan);
    assert_eq!(stage, "delay");
    assert!((500.0..20_000.0).contains(&micros), "{micros}");
    let rows = plan["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 6, "{rows:?}");
    let capacity = |row: usize| rows[row]["capacity"].as_f64().unwrap();
    assert!((capacity(3) / capacity(0) - 4.0).abs() < 0.01, "{rows:?}");
    assert!(rows[0]["drain"]["backlog_events"].as_f64().unwrap() > 1e6);
    assert_eq!(names(&place), before);
}

#[test]
fn a_daemon_is_looked_at_and_works_on() {
    let place = Place::new(CONFIG);
    let daemon = place.start().ready();
    let mut stream = daemon.connect("web");
    let done = std::sync::atomic::AtomicBool::new(false);
    let plan = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let text = lines();
            for (sent, line) in (0_u64..).zip(text.split_inclusive('\n').cycle()) {
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    return sent;
                }
                stream.write_all(line.as_bytes()).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            unreachable!("lines go round and round")
        });
        daemon.until("it runs", |daemon| {
            daemon.metric("millpond_batch_duration_seconds_count") > 0.0
        });
        let address = daemon.admin.unwrap().to_string();
        let plan = plan(
            &place,
            &["--live", &address, "--for", "2s", "--rate", "100,1000000"],
        );
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        let sent = sender.join().unwrap();
        let ran = (plan["measured_rate"].as_f64().unwrap() * 2.0) as u64;
        assert!(ran > 0 && ran <= sent, "{ran} of {sent}");
        plan
    });
    assert_eq!(first(&plan).0, "delay");
    assert_eq!(plan["measured_workers"], 2);
    let rows = plan["rows"].as_array().unwrap();
    let two = |rate: f64| {
        let row = rows
            .iter()
            .find(|row| row["workers"] == 2 && row["rate"] == rate);
        row.unwrap()
    };
    assert_eq!(two(100.0)["falls_behind"], 0.0);
    assert!(two(100.0)["wait"]["p99"].as_f64().unwrap() > 0.0);
    assert!(two(1_000_000.0)["falls_behind"].as_f64().unwrap() > 0.0);
    assert_eq!(two(1_000_000.0)["wait"], Value::Null);
    daemon.terminate().expect_clean();
}

/// Everything that is there.
fn names(place: &Place) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(place.path(".")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}
