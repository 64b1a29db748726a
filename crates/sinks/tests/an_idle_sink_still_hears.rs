//! A sink whose room is empty sleeps, but not through a request to reopen, nor through the time of
//! its next rotation.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::{Line, Puppet};
use millpond_sinks::{Recourse, Rows, WriteError, Writer, spawn};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_reopen_reaches_an_idle_writer() {
    let (line, receiver) = Line::roomy();
    let (told, tells) = mpsc::channel();
    let puppet = Puppet {
        reopened: Some(told),
        ..Puppet::default()
    };
    let ledger = line.sink.clone();
    let spares = line.spares.clone();
    let sink = spawn(
        "idle",
        receiver,
        spares,
        Box::new(puppet),
        ledger,
        Recourse::default(),
        |_| (),
    )
    .unwrap();
    for _ in 0..1_000 {
        sink.control().reopen();
        tells.recv_timeout(LONG).expect("the writer reopens");
    }
    drop(line);
    sink.join().unwrap();
}

struct Clockwork {
    ticks: mpsc::Sender<Instant>,
}

impl Writer for Clockwork {
    fn write(&mut self, _: &[Rows<'_>]) -> Result<(), WriteError> {
        Ok(())
    }

    fn tick(&mut self, now: Instant) -> Result<Option<Instant>, WriteError> {
        let _ = self.ticks.send(now);
        Ok(Some(now + Duration::from_millis(2)))
    }
}

#[test]
fn time_passes_for_an_idle_writer() {
    let (line, receiver) = Line::roomy();
    let (told, ticks) = mpsc::channel();
    let writer = Box::new(Clockwork { ticks: told });
    let ledger = line.sink.clone();
    let sink = spawn(
        "idle",
        receiver,
        line.spares.clone(),
        writer,
        ledger,
        Recourse::default(),
        |_| (),
    )
    .unwrap();
    let mut last = ticks.recv_timeout(LONG).expect("a first tick");
    for _ in 0..10 {
        let next = ticks.recv_timeout(LONG).expect("another tick");
        assert!(
            next >= last + Duration::from_millis(2),
            "not before its time"
        );
        last = next;
    }
    drop(line);
    sink.join().unwrap();
}
