//! Whatever a stage does to the process that runs it, the daemon lives: the events that did it are set aside,
//! with their bytes, and all others go through, those of a key in order.
#![cfg(feature = "chaos")]

mod common;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;

use common::{Place, keyed};

const EVENTS: usize = 20_000;
const KEYS: usize = 50;
const POISON: usize = 5_000;

fn place(does: &str) -> Place {
    Place::new(&format!(
        "[sources.in]\ntype = \"stdin\"\n\
         [pipelines.p]\nkey = \"key\"\nstages = [{{ type = \"noop\" }}, \
         {{ type = \"chaos\", does = \"{does}\", when = {{ field = \"poison\", equals = true }} }}]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [runtime]\nisolation = \"process\"\nworkers = 2\nworker_memory = \"320MiB\"\n\
         stage_timeout = \"400ms\"\ndrain = \"60s\"\n[admin]\nenabled = false\n"
    ))
}

/// Sends events of which some make the stage do `does`, and sees that exactly those are set aside under
/// `reason`, after `attempts`, with `detail` in what is said of it.
fn survives(does: &str, reason: &str, attempts: u64, detail: &str) {
    let place = place(does);
    let mut daemon = place.start_with(&[], Stdio::piped());
    let poison: BTreeSet<usize> = (0..EVENTS).filter(|n| n % POISON == POISON / 2).collect();
    let mut stdin = daemon.stdin();
    for number in 0..EVENTS {
        let line = keyed::line(number, KEYS, poison.contains(&number));
        stdin.write_all(line.as_bytes()).expect("taken");
    }
    drop(stdin);
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{:#?}", ended.log);
    keyed::each_once_but(&place.lines("out.ndjson"), EVENTS, &poison);
    let totals = ended.totals();
    let (received, aside) = (EVENTS as u64, poison.len() as u64);
    assert_eq!(
        (totals.received, totals.delivered, totals.dead_lettered),
        (received, received - aside, aside)
    );
    let mut set_aside = BTreeSet::new();
    for letter in place.dead_letters() {
        assert_eq!(letter["reason"], reason, "{letter}");
        assert_eq!(letter["attempts"], attempts, "{letter}");
        let said = letter["detail"].as_str().expect("says why");
        assert!(said.contains(detail), "{said}");
        let event = letter["event"].as_str().expect("its bytes").to_owned();
        let number = letter["sequence"].as_u64().expect("its place") as usize;
        assert_eq!(event + "\n", keyed::line(number, KEYS, true));
        set_aside.insert(number);
    }
    assert_eq!(set_aside, poison);
}

#[test]
fn a_segfault() {
    survives("segfault", "worker_signal", 3, "SIGSEGV");
}

#[test]
fn an_abort() {
    survives("abort", "worker_signal", 3, "SIGABRT");
}

#[test]
fn an_overflow_of_the_stack() {
    survives("stack_overflow", "worker_signal", 3, "overflowed its stack");
}

#[test]
fn memory_beyond_its_limit() {
    survives("allocate", "worker_signal", 3, "memory allocation of");
}

#[test]
fn an_exit() {
    survives("exit", "worker_exit", 3, "exited with 0");
}

#[test]
fn a_loop_without_end() {
    survives("loop", "worker_deadline", 3, "longer than stage_timeout");
}

#[test]
fn a_panic_which_costs_no_process() {
    survives("panic", "panic", 1, "chaos: a panic was asked for");
}

#[test]
fn attempts_count_beyond_the_end_of_the_daemon() {
    let place = Place::new(
        "[sources.in]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.p]\nkey = \"key\"\nstages = [\
         { type = \"chaos\", does = \"hang\", when = { field = \"poison\", equals = true } }]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{dir}/out.ndjson\"\n\
         [journal]\ndir = \"{dir}/journal\"\n\
         [runtime]\nisolation = \"process\"\nworkers = 1\nstage_timeout = \"1s\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n",
    );
    // Who is asked to run it alone a second and a third time does not live to see how that ends.
    for (life, attempt) in [2, 3].into_iter().enumerate() {
        let daemon = place.start().ready();
        if life == 0 {
            let mut stream = daemon.connect("in");
            stream
                .write_all(keyed::line(0, KEYS, true).as_bytes())
                .expect("taken");
        }
        let attempts = place.path("journal/attempts");
        daemon.until("the next attempt", |_| {
            let known = std::fs::read_to_string(&attempts).unwrap_or_default();
            known.contains(&format!(" 0 {attempt} p\n"))
        });
        daemon.signal(rustix::process::Signal::KILL);
        assert_eq!(daemon.end().code, None);
    }
    let daemon = place.start().ready();
    let mut stream = daemon.connect("in");
    stream
        .write_all(keyed::line(1, KEYS, false).as_bytes())
        .expect("taken");
    daemon.until("both", |daemon| {
        daemon.metric("millpond_events_delivered_total") >= 1.0
            && daemon.metric("millpond_events_dead_lettered_total") >= 1.0
    });
    assert_eq!(daemon.terminate().code, Some(0));
    let letters = place.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["reason"], "worker_restart", "{letters:?}");
    assert_eq!(letters[0]["attempts"], 3);
}
