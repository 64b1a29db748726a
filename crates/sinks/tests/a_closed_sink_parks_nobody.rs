//! A destination is gone for good. What it has is delivered, what it has not is dropped and counted,
//! and rows that come later find a room that still drains.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::mpsc;

use common::{Act, Line, Puppet};
use millpond_queue::Limits;
use millpond_sinks::{ClosedReason, Recourse, SinkState, spawn};

fn run(act: Act, failed: Option<&str>, delivered: u64) {
    let limits = Limits {
        events: 4,
        bytes: 1 << 20,
    };
    let (mut line, receiver) = Line::new(limits);
    let puppet = Puppet {
        writes: [Act::Succeed, act].into(),
        ..Puppet::default()
    };
    let written = puppet.written.clone();
    let (told, tells) = mpsc::channel();
    let ledger = line.sink.clone();
    let spares = line.spares.clone();
    let sink = spawn(
        "out",
        receiver,
        spares,
        Box::new(puppet),
        ledger,
        Recourse::default(),
        move |reason| {
            told.send(reason).unwrap();
        },
    )
    .unwrap();
    line.send(4);
    // The writer's second act must meet the second parcel, and only that.
    while line.sink.totals().delivered < 4 {
        std::thread::yield_now();
    }
    line.send(4);
    let reason = match failed {
        None => ClosedReason::ReaderGone,
        Some(message) => ClosedReason::Failed(message.to_owned()),
    };
    assert_eq!(tells.recv(), Ok(reason.clone()));
    // Fifty rooms full: none of this would return if the closed sink did not go on taking.
    (0..50).for_each(|_| line.send(4));
    assert_eq!(sink.view().state(), SinkState::Closed(reason.clone()));
    let books = line.close();
    match (sink.join(), failed) {
        (Ok(()), None) => {}
        (Err(error), Some(message)) => {
            assert_eq!(error.to_string(), format!("sink \"out\" failed: {message}"));
        }
        (joined, _) => panic!("{joined:?} after {act:?}"),
    }
    assert_eq!(books.balance(), (delivered, 208 - delivered), "{act:?}");
    let dropped = books.sink.totals().dropped_by;
    assert_eq!(dropped.into_keys().collect::<Vec<_>>(), [reason.as_str()]);
    assert_eq!(written.lock().unwrap().lines().count() as u64, delivered);
    assert!(tells.recv().is_err(), "told once");
}

#[test]
fn a_reader_that_is_gone_ends_the_sink_quietly() {
    run(Act::CloseAfter(0), None, 4);
}

#[test]
fn rows_written_before_the_reader_went_are_delivered() {
    run(Act::CloseAfter(3), None, 7);
}

#[test]
fn a_broken_writer_is_reported_and_its_rows_are_dropped() {
    run(Act::Break, Some("broken"), 4);
}

#[test]
fn a_panicking_writer_is_reported_and_its_rows_are_dropped() {
    run(Act::Panic, Some("the writer panicked: as told"), 4);
}
