//! Workers in processes of their own: killed at any time, they cost no event; they end with the daemon, and have
//! nothing of it but the program.
#![cfg(target_os = "linux")]

mod common;

use std::collections::BTreeSet;
use std::io::Write;
use std::net::Shutdown;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::{Daemon, PATIENCE, Place, keyed};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const KEYS: usize = 50;

fn place(more: &str) -> Place {
    Place::new(&format!(
        "[sources.in]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.p]\nkey = \"key\"\nstages = [{{ type = \"set\", field = \"seen\", value = true }}]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [runtime]\nisolation = \"process\"\nworkers = 2\n{more}\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    ))
}

fn document(daemon: &Daemon) -> Value {
    let (status, body) = daemon.get("/api/v1/workers");
    assert_eq!(status, 200);
    serde_json::from_str(&body).expect("JSON")
}

/// The processes that the daemon says its workers have.
fn workers(daemon: &Daemon) -> Vec<i32> {
    let seen = document(daemon);
    let ids = seen["processes"]["ids"].as_array().expect("a list").clone();
    ids.iter()
        .filter_map(|id| i32::try_from(id.as_i64()?).ok())
        .collect()
}

/// How many of them were killed and replaced.
fn replaced(daemon: &Daemon) -> u64 {
    let replaced = document(daemon)["processes"]["replaced"]["signal"].clone();
    replaced.as_u64().unwrap_or(0)
}

/// Every worker's process, once they are there.
fn all_workers(daemon: &Daemon) -> Vec<i32> {
    daemon.until("two workers", |daemon| workers(daemon).len() == 2);
    workers(daemon)
}

fn is_there(id: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"));
    // One that has ended and is not waited for is there no more.
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn gone(ids: &[i32]) {
    let until = Instant::now() + PATIENCE;
    while ids.iter().any(|id| is_there(*id)) {
        assert!(Instant::now() < until, "{ids:?} do not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kill(id: i32) {
    // It may have been replaced meanwhile.
    let _ = kill_process(Pid::from_raw(id).expect("an id"), Signal::KILL);
}

#[test]
fn killed_again_and_again_they_cost_no_event_and_condemn_none() {
    const EVENTS: usize = 60_000;
    const KILLS: usize = 20;
    let place = place("drain = \"60s\"");
    let daemon = place.start().ready();
    all_workers(&daemon);
    let mut stream = daemon.connect("in");
    // Some of the events between two kills, so that there is work whenever a worker goes.
    for (round, part) in (0..EVENTS)
        .collect::<Vec<_>>()
        .chunks(EVENTS / KILLS)
        .enumerate()
    {
        for number in part {
            let line = keyed::line(*number, KEYS, false);
            stream.write_all(line.as_bytes()).expect("taken");
        }
        // The one before is missed when it is needed, and not killed a second time.
        daemon.until("the one before is replaced", |daemon| {
            replaced(daemon) >= round as u64
        });
        let ids = all_workers(&daemon);
        kill(ids[round % ids.len()]);
    }
    stream.shutdown(Shutdown::Write).expect("the end");
    daemon.until("everything", |daemon| {
        daemon.metric("millpond_events_delivered_total") >= EVENTS as f64
    });
    assert!(replaced(&daemon) >= KILLS as u64 - 1);
    let (ready, why) = daemon.get("/readyz");
    assert_eq!(
        ready, 200,
        "who is killed from outside has done nothing: {why}"
    );
    let ended = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{:#?}", ended.log);
    keyed::each_once_but(&place.lines("out.ndjson"), EVENTS, &BTreeSet::new());
    assert_eq!(ended.totals().delivered, EVENTS as u64);
    assert_eq!(place.dead_letters(), Vec::<Value>::new());
}

#[test]
fn they_end_with_a_daemon_that_drains_and_with_one_that_is_killed() {
    let place = place("");
    let daemon = place.start().ready();
    let ids = all_workers(&daemon);
    assert_eq!(daemon.terminate().code, Some(0));
    gone(&ids);
    let daemon = place.start().ready();
    let ids = all_workers(&daemon);
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.end().code, None);
    gone(&ids);
}

#[test]
fn a_signal_to_all_of_a_group_drains_the_daemon_with_its_workers() {
    let place = place("");
    let daemon = place.start().ready();
    let ids = all_workers(&daemon);
    let mut stream = daemon.connect("in");
    stream
        .write_all(keyed::line(0, KEYS, false).as_bytes())
        .expect("taken");
    daemon.until("the event", |daemon| {
        daemon.metric("millpond_events_delivered_total") >= 1.0
    });
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        for id in &ids {
            kill_process(Pid::from_raw(*id).expect("an id"), signal).expect("it is there");
        }
    }
    stream
        .write_all(keyed::line(1, KEYS, false).as_bytes())
        .expect("taken");
    daemon.until("the next", |daemon| {
        daemon.metric("millpond_events_delivered_total") >= 2.0
    });
    assert_eq!(workers(&daemon), ids, "none was replaced");
    assert_eq!(daemon.terminate().code, Some(0));
}

#[test]
fn they_have_no_file_variable_or_folder_of_the_daemon() {
    let place = place("");
    let daemon = place.start().ready();
    let _connected = daemon.connect("in");
    let own = std::fs::read_dir("/proc/self/fd").expect("its files");
    let inherited: BTreeSet<String> = own
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .map(|to| to.display().to_string())
        .collect();
    for id in all_workers(&daemon) {
        let of = |what: &str| PathBuf::from(format!("/proc/{id}/{what}"));
        let files = std::fs::read_dir(of("fd")).expect("its files");
        for file in files.map(|file| file.expect("a file").path()) {
            let Ok(to) = std::fs::read_link(&file) else {
                continue;
            };
            let to = to.display().to_string();
            let its_own = ["socket:", "/dev/null", "/memfd:worker"];
            let known = its_own.iter().any(|known| to.starts_with(known));
            // Whoever started this test may have left files open for all that comes after.
            assert!(known || inherited.contains(&to), "{to}");
        }
        let sockets = sockets(id);
        let theirs = sockets
            .intersection(&self::sockets(daemon_id(&daemon)))
            .count();
        assert_eq!(theirs, 0, "the ends of a pair have numbers of their own");
        let environment = std::fs::read(of("environ")).expect("its variables");
        assert_eq!(environment, b"MIMALLOC_ARENA_RESERVE=0\0");
        assert_eq!(
            std::fs::read_link(of("cwd")).expect("its folder"),
            PathBuf::from("/")
        );
        let limits = std::fs::read_to_string(of("limits")).expect("its limits");
        let limit = limits
            .lines()
            .find(|line| line.starts_with("Max address space"));
        let most = (512_u64 << 20).to_string();
        assert!(limit.is_some_and(|limit| limit.contains(&most)), "{limits}");
    }
}

fn daemon_id(daemon: &Daemon) -> i32 {
    i32::try_from(daemon.id()).expect("an id")
}

/// The sockets that a process has open.
fn sockets(id: i32) -> BTreeSet<PathBuf> {
    let files = std::fs::read_dir(format!("/proc/{id}/fd")).expect("its files");
    files
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .filter(|to| to.display().to_string().starts_with("socket:"))
        .collect()
}

#[test]
fn started_by_hand_one_says_what_it_is() {
    let place = place("");
    let (code, said) = place.command(&["check"]);
    assert_eq!(code, Some(0), "{said}");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_millpond"))
        .arg("worker")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("which the daemon starts by itself"), "{said}");
}
