//! What nobody answers for shows in the ledger, and what is nobody's business does not.
#![cfg(not(millpond_model))]

use std::sync::Arc;

use millpond_delivery::{ABANDONED, Consignment, Fate, Ledger, Receipt, SinkLedger, Tally, Ticket};

struct House {
    ledger: Arc<Ledger>,
    sink: Arc<SinkLedger>,
    ticket: Ticket,
}

fn house() -> House {
    House {
        ledger: Arc::new(Ledger::new("clicks")),
        sink: Arc::new(SinkLedger::new("rows")),
        ticket: Ticket::new(Default::default(), None),
    }
}

fn passed(events: u64) -> Tally {
    Tally {
        passed: events,
        ..Tally::default()
    }
}

#[test]
fn a_part_that_is_forgotten_shows_with_all_its_events() {
    let House { ledger, ticket, .. } = house();
    std::mem::forget(ticket.part(&ledger, 1));
    assert_eq!(ledger.unaccounted(|| 0), 1);
    std::mem::forget(ticket.part(&ledger, 7));
    drop(ticket.part(&ledger, 3));
    assert_eq!(ledger.unaccounted(|| 0), 8);
    assert_eq!(ledger.totals().live, 8);
    // What some queue still holds is no leak.
    assert_eq!(ledger.unaccounted(|| 8), 0);
    assert_eq!(ledger.unaccounted(|| 6), 2);
}

#[test]
fn a_receipt_that_is_forgotten_shows_with_the_events_that_wait_for_it() {
    let House {
        ledger,
        sink,
        ticket,
    } = house();
    let part = ticket.part(&ledger, 5);
    let consignment = Consignment::open(&ledger);
    consignment.receipt(&sink, 2, true, 0).confirm(1);
    std::mem::forget(consignment.receipt(&sink, 3, true, 0));
    let tally = Tally {
        filtered: 2,
        ..passed(3)
    };
    consignment.seal(vec![part], tally);
    assert_eq!(ledger.unaccounted(|| 0), 3, "the filtered two have ended");
    assert_eq!(sink.totals().live, 3);
}

#[test]
fn a_receipt_of_a_best_effort_sink_holds_no_input_answered_or_not() {
    let House {
        ledger,
        sink,
        ticket,
    } = house();
    for end in [
        |receipt: Receipt| std::mem::forget(receipt),
        |receipt: Receipt| drop(receipt),
        |receipt: Receipt| receipt.settle(1, [(0, Fate::Dropped("refused"))]),
    ] {
        let before = ledger.totals().delivered;
        let part = ticket.part(&ledger, 1);
        let consignment = Consignment::open(&ledger);
        let receipt = consignment.receipt(&sink, 1, false, 0);
        consignment.seal(vec![part], passed(1));
        assert_eq!(ledger.totals().delivered, before + 1);
        end(receipt);
        assert_eq!(ledger.totals().delivered, before + 1);
        assert_eq!((ledger.totals().live, ledger.totals().dropped()), (0, 0));
    }
    let rows = sink.totals();
    assert_eq!((rows.routed, rows.live, rows.dropped()), (3, 1, 2));
    assert_eq!(ledger.unaccounted(|| 0), 0);
}

#[test]
fn a_consignment_that_unwinds_unsealed_abandons_its_events_and_no_others() {
    let House {
        ledger,
        sink,
        ticket,
    } = house();
    let part = ticket.part(&ledger, 4);
    let consignment = Consignment::open(&ledger);
    let receipt = consignment.receipt(&sink, 4, true, 0);
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _held = (consignment, part);
        panic!("a stage");
    }));
    assert!(unwound.is_err());
    receipt.confirm(1);
    let totals = ledger.totals();
    assert_eq!((totals.live, totals.dropped_by[ABANDONED]), (0, 4));
    assert_eq!(sink.totals().delivered, 4, "the rows did go out");
    assert_eq!(ledger.unaccounted(|| 0), 0);
}

#[test]
fn a_tally_of_more_events_than_came_in_shows_and_stops_nothing() {
    let wrong = [
        passed(5),
        Tally {
            filtered: 5,
            ..Tally::default()
        },
        Tally {
            filtered: 2,
            ..passed(3)
        },
        Tally {
            consumed: vec![0, 1, 2, 3, 4],
            ..Tally::default()
        },
    ];
    for tally in wrong {
        for parts in [0, 3] {
            let House { ledger, ticket, .. } = house();
            let cut = if parts > 0 {
                vec![ticket.part(&ledger, parts)]
            } else {
                vec![]
            };
            Consignment::open(&ledger).seal(cut, tally.clone());
            assert_eq!(ledger.unaccounted(|| 0), 5 - parts, "{tally:?}");
        }
    }
}

#[test]
fn what_is_split_off_a_part_is_owed_once_and_what_is_left_is_abandoned() {
    let House { ledger, ticket, .. } = house();
    let mut whole = ticket.part(&ledger, 10);
    let parts = [whole.split_off(3), whole.split_off(4), whole.split_off(0)];
    assert_eq!((whole.events(), parts[1].events()), (3, 4));
    assert_eq!((ledger.totals().received, ledger.totals().live), (10, 10));
    Consignment::open(&ledger).seal(parts.into(), passed(7));
    assert_eq!((ledger.totals().delivered, ledger.totals().live), (7, 3));
    assert_eq!(whole.split_off(5).events(), 3, "no more than there is");
    drop(whole);
    let totals = ledger.totals();
    assert_eq!((totals.live, totals.dropped_by[ABANDONED]), (0, 3));
    assert_eq!(ledger.unaccounted(|| 0), 0);
}
