//! Nobody waits any more for a sink that gets nowhere: what it has is dropped and counted, whether it
//! sleeps between two attempts, waits for the store of dead letters, or hangs in the middle of a write.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::mpsc;
use std::time::Duration;

use common::{Act, Line, Puppet, quick, store, until};
use millpond_queue::RoomReceiver;
use millpond_sinks::{ClosedReason, Recourse, RetryOptions, SinkHandle, SinkState, spawn};

fn start(
    line: &Line,
    receiver: RoomReceiver<millpond_delivery::Outbound<millpond_event::Records>>,
    puppet: Puppet,
    recourse: Recourse,
) -> SinkHandle {
    let (spares, ledger) = (line.spares.clone(), line.sink.clone());
    spawn(
        "sink",
        receiver,
        spares,
        Box::new(puppet),
        ledger,
        recourse,
        |_| (),
    )
    .unwrap()
}

#[test]
fn a_pause_between_two_attempts_ends_at_once() {
    let (mut line, receiver) = Line::roomy();
    let puppet = Puppet {
        writes: [Act::FailAfter(1); 1_000].into(),
        pause: Some(Duration::from_secs(3_600)),
        ..Puppet::default()
    };
    let retry = RetryOptions {
        first: Duration::from_secs(3_600),
        longest: Duration::from_secs(3_600),
        ..quick(0)
    };
    let recourse = Recourse {
        retry,
        letters: None,
    };
    let sink = start(&line, receiver, puppet, recourse);
    let view = sink.view();
    line.send(3);
    until("it fails", || {
        matches!(view.state(), SinkState::Retrying { .. })
    });
    sink.control().give_up();
    until("it closes", || {
        view.state() == SinkState::Closed(ClosedReason::GivenUp)
    });
    line.send(3);
    let books = line.close();
    sink.join().unwrap();
    let (delivered, dropped) = books.balance();
    assert_eq!(delivered + dropped, 6);
    assert_eq!(books.sink.totals().dropped_by["drain"], dropped);
    assert!(dropped >= 3 && view.held() == 0);
}

#[test]
fn letters_that_find_no_room_are_dropped_and_the_store_is_free_to_end() {
    let (mut line, receiver) = Line::roomy();
    let (letters, mut store) = store(&line, 1);
    let puppet = Puppet {
        writes: [Act::RejectAfter(0), Act::RejectAfter(0)].into(),
        ..Puppet::default()
    };
    let recourse = Recourse {
        retry: quick(0),
        letters: Some(letters),
    };
    let sink = start(&line, receiver, puppet, recourse);
    line.send(1);
    until("a letter fills the room", || {
        line.sink.totals().dead_lettered == 1
    });
    line.send(1);
    until("another waits", || store.ledger.totals().routed == 2);
    sink.control().give_up();
    let books = line.close();
    sink.join().unwrap();
    assert_eq!(books.sink.totals().dropped_by["rejected"], 1);
    let parcel = store.receiver.recv().unwrap();
    parcel.item.receipt.confirm(1);
    assert!(store.receiver.recv().is_none(), "the store sees its end");
    let totals = books.pipeline.totals();
    assert_eq!(
        (totals.dead_lettered, totals.dropped(), totals.live),
        (1, 1, 0)
    );
}

#[test]
fn a_writer_that_hangs_is_left_alone_and_written_off() {
    let (mut line, receiver) = Line::roomy();
    let (told, tells) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let puppet = Puppet {
        gate: Some((told, goes)),
        ..Puppet::default()
    };
    let sink = start(&line, receiver, puppet, Recourse::default());
    let ledger = line.sink.clone();
    line.send(3);
    assert_eq!(tells.recv(), Ok(3));
    sink.control().give_up();
    sink.join().unwrap();
    assert_eq!(ledger.write_off("drain"), 3);
    // It comes back all the same: too late to count.
    go.send(()).unwrap();
    let books = line.close();
    until("it is done", || books.pipeline.totals().live == 0);
    let rows = books.sink.totals();
    assert_eq!(
        (
            rows.routed,
            rows.dropped_by["drain"],
            rows.delivered,
            rows.live
        ),
        (3, 3, 0, 0)
    );
}
