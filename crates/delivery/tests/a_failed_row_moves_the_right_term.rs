//! Which terms of the input equation change when sinks refuse rows.
#![cfg(not(millpond_model))]

use std::sync::Arc;

use millpond_delivery::{Consignment, Fate, Ledger, SinkLedger, Tally, Ticket, Totals};

const LATE: Fate = Fate::Dropped("late");
const FULL: Fate = Fate::Dropped("full");
const LETTER: Fate = Fate::DeadLettered;

/// What one sink did not deliver: ordinals of inputs and their fates.
type Failures = &'static [(u32, Fate)];

/// Six inputs: 0, 1, 2 passed, 3 consumed, 4 dead-lettered, 5 filtered; one receipt per list.
fn ended(failures: &[&[(u32, Fate)]]) -> Totals {
    let ledger = Arc::new(Ledger::new("clicks"));
    let sink = Arc::new(SinkLedger::new("rows"));
    let part = Ticket::new(Default::default(), None).part(&ledger, 6);
    let consignment = Consignment::open(&ledger);
    let receipts: Vec<_> = failures
        .iter()
        .map(|_| consignment.receipt(&sink, 6, true, 0))
        .collect();
    let tally = Tally {
        passed: 3,
        filtered: 1,
        consumed: vec![3],
        dead_lettered: vec![4],
        ..Tally::default()
    };
    consignment.seal(vec![part], tally);
    for (receipt, failed) in receipts.into_iter().zip(failures) {
        receipt.settle(1, failed.iter().copied());
    }
    let totals = ledger.totals();
    assert_eq!((totals.received, totals.live), (totals.ended(), 0));
    assert_eq!(ledger.unaccounted(|| 0), 0);
    let rows = sink.totals();
    let answered = rows.delivered + rows.dead_lettered + rows.dropped();
    assert_eq!((rows.routed, rows.live), (answered, 0));
    totals
}

#[test]
fn each_failed_input_leaves_the_term_that_it_was_in() {
    // delivered, consumed, dead-lettered, dropped
    let table: &[(&[Failures], [u64; 4])] = &[
        (&[], [3, 1, 1, 0]),
        (&[&[]], [3, 1, 1, 0]),
        (&[&[(1, LETTER)]], [2, 1, 2, 0]),
        (&[&[(1, LATE)]], [2, 1, 1, 1]),
        (&[&[(3, LETTER)]], [3, 0, 2, 0]),
        (&[&[(3, LATE)]], [3, 0, 1, 1]),
        // The dead letter itself could not be kept.
        (&[&[(4, LATE)]], [3, 1, 0, 1]),
        (&[&[(4, LETTER)]], [3, 1, 1, 0]),
        // Several rows of one input, in one receipt or in two: one input, its worst fate.
        (&[&[(0, LETTER), (0, LATE), (0, LETTER)]], [2, 1, 1, 1]),
        (&[&[(0, LETTER)], &[(0, LATE)]], [2, 1, 1, 1]),
        (&[&[(0, LATE)], &[(0, LETTER)]], [2, 1, 1, 1]),
        (&[&[(3, LETTER), (3, LETTER)]], [3, 0, 2, 0]),
        // Everything at once.
        (
            &[&[(4, LATE), (3, LATE), (2, LATE), (1, LATE), (0, LATE)]],
            [0, 0, 0, 5],
        ),
    ];
    for (failures, expected) in table {
        let totals = ended(failures);
        let terms = [
            totals.delivered,
            totals.consumed,
            totals.dead_lettered,
            totals.dropped(),
        ];
        assert_eq!(terms, *expected, "{failures:?}");
        assert_eq!(totals.filtered, 1);
    }
}

#[test]
fn the_first_reason_told_is_kept() {
    let totals = ended(&[&[(0, LATE)], &[(0, FULL)]]);
    assert_eq!(totals.dropped_by, [("late", 1)].into());
}

#[test]
fn ordinals_that_nobody_has_count_no_input_twice() {
    let totals = ended(&[&[(90, LATE), (91, LATE), (92, LATE), (93, LATE), (94, LETTER)]]);
    assert_eq!(totals.ended(), 6);
}

#[test]
fn more_failures_than_rows_do_not_unbalance_the_sink() {
    let sink = Arc::new(SinkLedger::new("rows"));
    let ledger = Arc::new(Ledger::new("clicks"));
    let consignment = Consignment::open(&ledger);
    let receipt = consignment.receipt(&sink, 2, true, 0);
    receipt.settle(1, (0..9).map(|input| (input, LATE)));
    let rows = sink.totals();
    assert_eq!((rows.routed, rows.dropped(), rows.delivered), (2, 2, 0));
}

#[test]
fn ordinals_need_no_order() {
    let ledger = Arc::new(Ledger::new("clicks"));
    let sink = Arc::new(SinkLedger::new("rows"));
    let part = Ticket::new(Default::default(), None).part(&ledger, 4);
    let consignment = Consignment::open(&ledger);
    let receipt = consignment.receipt(&sink, 4, true, 0);
    let tally = Tally {
        passed: 1,
        consumed: vec![3, 1, 0],
        ..Tally::default()
    };
    consignment.seal(vec![part], tally);
    receipt.settle(1, [(0, LATE), (1, LATE), (3, LATE)]);
    let totals = ledger.totals();
    assert_eq!(
        (totals.delivered, totals.consumed, totals.dropped()),
        (1, 0, 3)
    );
}
