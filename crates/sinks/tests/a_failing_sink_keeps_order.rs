//! A destination fails over and over, in the middle of batches and after them. Every row must
//! arrive once and in order, and every receipt be answered after the flush behind its rows.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Act, Line, Puppet};
use millpond_queue::Limits;
use millpond_sinks::{Recourse, SinkState, spawn};
use proptest::collection::vec;
use proptest::prelude::*;

fn acts() -> impl Strategy<Value = Vec<Act>> {
    vec(
        prop_oneof![
            2 => Just(Act::Succeed),
            3 => (0_usize..20).prop_map(Act::FailAfter),
        ],
        0..12,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_repeated_or_overtaken(
        parcels in vec(0_u32..12, 1..30),
        writes in acts(),
        flushes in acts(),
        room in 1_u64..40,
    ) {
        let (mut line, receiver) = Line::new(Limits { events: room, bytes: 1 << 20 });
        let failures = writes.iter().chain(&flushes).filter(|act| **act != Act::Succeed).count();
        let puppet = Puppet {
            writes: writes.into(),
            flushes: flushes.into(),
            ..Puppet::default()
        };
        let written = puppet.written.clone();
        let ledger = line.sink.clone();
        let sink = spawn("sink", receiver, line.spares.clone(), Box::new(puppet), ledger, Recourse::default(), |_| {
            panic!("nothing closed it")
        })
        .unwrap();
        let view = sink.view();
        parcels.iter().for_each(|&rows| line.send(rows));
        let expected = line.expected();
        let books = line.close();
        sink.join().unwrap();
        prop_assert_eq!(&*written.lock().unwrap(), &expected);
        prop_assert_eq!(books.balance(), (books.sent, 0));
        prop_assert_eq!(books.sink.totals().bytes, expected.len() as u64);
        prop_assert!(books.sink.totals().retries <= failures as u64);
        prop_assert_eq!(view.state(), SinkState::Ended);
        prop_assert_eq!(view.held(), 0);
    }
}

#[test]
fn a_failure_shows_while_it_lasts_and_is_counted() {
    let (mut line, receiver) = Line::roomy();
    let (told, tells) = std::sync::mpsc::channel();
    let (go, goes) = std::sync::mpsc::channel();
    let puppet = Puppet {
        writes: [Act::FailAfter(1), Act::FailAfter(0)].into(),
        gate: Some((told, goes)),
        ..Puppet::default()
    };
    let ledger = line.sink.clone();
    let sink = spawn(
        "sink",
        receiver,
        line.spares.clone(),
        Box::new(puppet),
        ledger,
        Recourse::default(),
        |_| (),
    );
    let sink = sink.unwrap();
    line.send(3);
    assert_eq!(tells.recv(), Ok(3));
    assert_eq!(sink.view().state(), SinkState::Running);
    assert_eq!(
        (sink.held(), line.sender.depth().events),
        (3, 0),
        "held, and not in the room"
    );
    for left in [2, 2] {
        go.send(()).unwrap();
        assert_eq!(
            tells.recv(),
            Ok(left),
            "only what is not done is written again"
        );
        let state = sink.view().state();
        assert!(matches!(state, SinkState::Retrying { error, .. } if error == "as told"));
    }
    assert_eq!(
        line.sink.totals().live,
        3,
        "nothing is confirmed before all is flushed"
    );
    go.send(()).unwrap();
    drop(go);
    let books = line.close();
    sink.join().unwrap();
    assert_eq!(books.balance(), (3, 0));
    assert_eq!(books.sink.totals().retries, 2);
}
