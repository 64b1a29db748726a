//! A destination refuses rows for good, or fails until their attempts are used up. Those rows must be
//! set aside, each once, and all others arrive in order; an input ends only once its letter is written.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::mpsc;
use std::time::Duration;

use common::{Act, Line, Puppet, quick, store, until};
use millpond_delivery::{Fate, Outbound};
use millpond_event::Records;
use millpond_queue::{Limits, RoomReceiver, monotonic_nanos};
use millpond_sinks::{Circuit, Letters, Recourse, RetryOptions, SinkHandle, SinkState, spawn};
use proptest::collection::vec;
use proptest::prelude::*;

fn start(
    line: &Line,
    receiver: RoomReceiver<Outbound<Records>>,
    puppet: Puppet,
    retry: RetryOptions,
    letters: Option<Letters>,
) -> SinkHandle {
    let recourse = Recourse { retry, letters };
    let (spares, ledger) = (line.spares.clone(), line.sink.clone());
    spawn(
        "sink",
        receiver,
        spares,
        Box::new(puppet),
        ledger,
        recourse,
        |_| panic!("nothing closed it"),
    )
    .unwrap()
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        2 => Just(Act::Succeed),
        2 => (0_usize..20).prop_map(Act::FailAfter),
        3 => (0_usize..20).prop_map(Act::RejectAfter),
    ];
    vec(act, 0..16)
}

fn flushes() -> impl Strategy<Value = Vec<Act>> {
    vec(
        prop_oneof![Just(Act::Succeed), (0_usize..20).prop_map(Act::FailAfter)],
        0..8,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_row_is_delivered_in_order_or_set_aside_once(
        parcels in vec(0_u32..12, 1..30),
        writes in acts(),
        flushes in flushes(),
        attempts in 0_u32..4,
        space in 1_u64..20,
    ) {
        let (mut line, receiver) = Line::new(Limits { events: 40, bytes: 1 << 20 });
        let (letters, store) = store(&line, space);
        let letters_ledger = store.ledger.clone();
        let kept = store.keep();
        let puppet = Puppet { writes: writes.into(), flushes: flushes.into(), ..Puppet::default() };
        let (written, told) = (puppet.written.clone(), puppet.aside.clone());
        let sink = start(&line, receiver, puppet, quick(attempts), Some(letters));
        parcels.iter().for_each(|&rows| line.send(rows));
        let expected = line.expected();
        let books = line.close();
        sink.join().unwrap();
        let kept = kept.join().unwrap();

        let mut aside = Vec::new();
        for letter in &kept {
            let letter: serde_json::Value = serde_json::from_str(letter).unwrap();
            prop_assert_eq!(&letter["stage"], "sink");
            prop_assert_eq!(&letter["pipeline"], "p");
            prop_assert!(["rejected", "retries_exhausted"].contains(&letter["reason"].as_str().unwrap()));
            prop_assert!(letter["attempts"].as_u64() > Some(0));
            aside.push(letter["event"].as_str().unwrap().to_owned());
        }
        let told = told.lock().unwrap();
        // A failed flush may bring earlier rows to their end later.
        let told: std::collections::BTreeSet<&str> = told.lines().collect();
        let aside_once = aside.iter().map(|row| row.trim_end()).collect();
        prop_assert_eq!(told, aside_once, "the writer hears of each");
        let written = written.lock().unwrap();
        let mut left = written.lines().peekable();
        let mut set_aside = aside.iter().peekable();
        for row in expected.lines() {
            if left.next_if_eq(&row).is_none() {
                prop_assert_eq!(set_aside.next().map(String::as_str), Some(row));
            }
        }
        prop_assert_eq!((left.next(), set_aside.next()), (None, None), "twice");

        let (inputs, rows) = (books.pipeline.totals(), books.sink.totals());
        prop_assert_eq!((inputs.live, rows.live, books.budget.used()), (0, 0, 0));
        prop_assert_eq!(rows.dead_lettered, aside.len() as u64);
        prop_assert_eq!(letters_ledger.totals().delivered, aside.len() as u64);
        prop_assert_eq!(rows.routed, rows.delivered + rows.dead_lettered);
        prop_assert_eq!(
            (inputs.delivered, inputs.dead_lettered),
            (rows.delivered, rows.dead_lettered)
        );
        prop_assert_eq!(books.pipeline.unaccounted(|| 0), 0);
        prop_assert_eq!(rows.bytes, written.len() as u64);
    }
}

#[test]
fn an_input_ends_only_once_its_letter_is_written() {
    let (mut line, receiver) = Line::roomy();
    let (letters, mut store) = store(&line, 100);
    let puppet = Puppet {
        writes: [Act::RejectAfter(1)].into(),
        ..Puppet::default()
    };
    let sink = start(&line, receiver, puppet, quick(0), Some(letters));
    line.send(3);
    let parcel = store.receiver.recv().unwrap();
    until("the sink answers for its rows", || {
        line.sink.totals().live == 0
    });
    let rows = line.sink.totals();
    assert_eq!((rows.delivered, rows.dead_lettered), (2, 1));
    let inputs = line.pipeline.totals();
    assert_eq!(
        (inputs.live, inputs.dead_lettered),
        (3, 0),
        "the letter is not written yet"
    );
    assert_eq!(store.ledger.totals().live, 1);

    // The store fails: the input counts as dropped, never as set aside.
    let outbound = parcel.item;
    let input = outbound.output.input(0);
    outbound
        .receipt
        .settle(monotonic_nanos(), [(input, Fate::Dropped("sink_failed"))]);
    let inputs = line.pipeline.totals();
    assert_eq!(
        (inputs.delivered, inputs.dead_lettered, inputs.dropped()),
        (2, 0, 1)
    );
    line.close();
    sink.join().unwrap();
}

#[test]
fn a_full_store_holds_the_sink_and_drops_nothing() {
    let (mut line, receiver) = Line::roomy();
    let (letters, store) = store(&line, 1);
    let puppet = Puppet {
        writes: [Act::RejectAfter(0), Act::Succeed, Act::RejectAfter(0)].into(),
        ..Puppet::default()
    };
    let sink = start(&line, receiver, puppet, quick(0), Some(letters));
    line.send(2);
    until("the first letter is handed over", || {
        line.sink.totals().dead_lettered == 1
    });
    line.send(2);
    until("the second batch is worked through", || {
        store.ledger.totals().routed == 2
    });
    line.send(2);
    let rows = line.sink.totals();
    assert_eq!((rows.delivered, rows.dead_lettered, rows.live), (1, 1, 4));
    until("it says so", || {
        matches!(sink.view().state(), SinkState::Held { .. })
    });
    let kept = store.keep();
    let books = line.close();
    sink.join().unwrap();
    assert_eq!(kept.join().unwrap().len(), 2);
    let rows = books.sink.totals();
    assert_eq!(
        (rows.delivered, rows.dead_lettered, rows.dropped()),
        (4, 2, 0)
    );
}

#[test]
fn without_a_store_refused_rows_are_dropped_and_counted() {
    let (mut line, receiver) = Line::roomy();
    let puppet = Puppet {
        writes: [Act::RejectAfter(1)].into(),
        ..Puppet::default()
    };
    let sink = start(&line, receiver, puppet, quick(0), None);
    line.send(3);
    let books = line.close();
    sink.join().unwrap();
    assert_eq!(books.balance(), (2, 1));
    assert_eq!(books.sink.totals().dropped_by["rejected"], 1);
}

#[test]
fn an_open_circuit_tries_a_few_rows_and_closes_when_they_went_through() {
    let (mut line, receiver) = Line::roomy();
    let (told, tells) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let puppet = Puppet {
        writes: [Act::FailAfter(0); 6].into(),
        gate: Some((told, goes)),
        ..Puppet::default()
    };
    let written = puppet.written.clone();
    let sink = start(&line, receiver, puppet, quick(0), None);
    line.send(1_000);
    let circuit = |view: &millpond_sinks::SinkView| match view.state() {
        SinkState::Retrying {
            circuit, failures, ..
        } => Some((circuit, failures)),
        _ => None,
    };
    let mut seen = Vec::new();
    for _ in 0..8 {
        seen.push((tells.recv().unwrap(), circuit(&sink.view())));
        go.send(()).unwrap();
    }
    let closed = |failures| (1_000, Some((Circuit::Closed, failures)));
    let half_open = |failures| (64, Some((Circuit::HalfOpen, failures)));
    assert_eq!(
        seen,
        [
            (1_000, None),
            closed(1),
            closed(2),
            closed(3),
            closed(4),
            half_open(5),
            half_open(6),
            (936, None),
        ]
    );
    drop(go);
    let expected = line.expected();
    let books = line.close();
    sink.join().unwrap();
    assert_eq!(*written.lock().unwrap(), expected);
    assert_eq!(books.balance(), (1_000, 0));
}

/// Nothing is written and nothing can be flushed: rows leave because their attempts are used up, and
/// that is no reason to believe that the destination is well again.
#[test]
fn a_destination_that_is_down_for_good_uses_up_attempts_and_stays_down() {
    let (mut line, receiver) = Line::roomy();
    let (told, tells) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let puppet = Puppet {
        writes: [Act::FailAfter(0); 8].into(),
        flushes: [Act::FailAfter(0); 8].into(),
        gate: Some((told, goes)),
        ..Puppet::default()
    };
    let retry = RetryOptions {
        open_after: 3,
        ..quick(2)
    };
    let sink = start(&line, receiver, puppet, retry, None);
    let mut seen = Vec::new();
    for writes in [2, 4] {
        line.send(100);
        for _ in 0..writes {
            let rows = tells
                .recv_timeout(Duration::from_secs(10))
                .expect("another attempt");
            let failures = match sink.view().state() {
                SinkState::Retrying { failures, .. } => failures,
                _ => 0,
            };
            seen.push((rows, failures));
            go.send(()).unwrap();
        }
    }
    // The circuit opens with the third failure, so the last rows go in two parts; the second part has had
    // one attempt less by then, and gets it.
    let expected = [(100, 0), (100, 1), (100, 2), (64, 3), (36, 4), (36, 5)];
    assert_eq!(seen, expected);
    drop(go);
    let books = line.close();
    sink.join().unwrap();
    assert_eq!(books.balance(), (0, 200));
    assert_eq!(books.sink.totals().dropped_by["rejected"], 200);
}
