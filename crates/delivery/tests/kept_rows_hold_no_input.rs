//! A sink that keeps rows on disk lets go of their inputs before they are delivered. The rows stay on its
//! books until they are, and whoever keeps them hears of it once, letters of refused rows included.

use std::sync::{Arc, Mutex};

use millpond_delivery::{
    Consignment, Fate, Ledger, Receipt, Settled, SinkLedger, Tally, Ticket, TicketInfo,
};

#[derive(Default)]
struct Heard(Mutex<Vec<(u64, bool)>>);

impl Settled for Heard {
    fn settled(&self, ticket: &TicketInfo, retry: bool) {
        self.0
            .lock()
            .expect("whole")
            .push((ticket.first_sequence, retry));
    }
}

struct Line {
    pipeline: Arc<Ledger>,
    sink: Arc<SinkLedger>,
    keeper: Arc<Heard>,
}

impl Line {
    fn new() -> Self {
        Line {
            pipeline: Arc::new(Ledger::new("p")),
            sink: Arc::new(SinkLedger::new("s")),
            keeper: Arc::default(),
        }
    }

    /// Three inputs, a row each.
    fn receipt(&self) -> Receipt {
        let part = Ticket::new(TicketInfo::default(), None).part(&self.pipeline, 3);
        let consignment = Consignment::open(&self.pipeline);
        let receipt = consignment.receipt(&self.sink, 3, true, 0);
        let passed = 3;
        consignment.seal(
            vec![part],
            Tally {
                passed,
                ..Tally::default()
            },
        );
        receipt
    }

    fn watched(&self, receipt: Receipt) -> Receipt {
        let info = TicketInfo {
            first_sequence: 7,
            ..TicketInfo::default()
        };
        receipt.watched(info, self.keeper.clone())
    }

    /// Inputs delivered and live, rows delivered, dropped and live.
    fn terms(&self) -> [u64; 5] {
        let (inputs, rows) = (self.pipeline.totals(), self.sink.totals());
        assert_eq!(self.pipeline.unaccounted(|| inputs.live), 0);
        assert_eq!(
            rows.routed,
            rows.delivered + rows.dead_lettered + rows.dropped() + rows.live
        );
        [
            inputs.delivered,
            inputs.live,
            rows.delivered,
            rows.dropped(),
            rows.live,
        ]
    }

    fn heard(&self) -> Vec<(u64, bool)> {
        self.keeper.0.lock().expect("whole").clone()
    }
}

#[test]
fn transferred_rows_end_their_inputs_and_are_owed_until_a_resumed_receipt_answers() {
    let line = Line::new();
    line.receipt().transfer();
    assert_eq!(line.terms(), [3, 0, 0, 0, 3]);
    line.watched(Receipt::resumed(&line.sink, 3, 0)).confirm(1);
    assert_eq!(line.terms(), [3, 0, 3, 0, 0]);
    assert_eq!(line.heard(), [(7, false)]);

    line.sink.restore(2);
    assert_eq!(line.terms(), [3, 0, 3, 0, 2]);
    drop(line.watched(Receipt::resumed(&line.sink, 2, 0)));
    assert_eq!(
        line.terms(),
        [3, 0, 3, 0, 2],
        "kept, so they are owed still"
    );
    assert_eq!(line.heard(), [(7, false), (7, true)]);
}

#[test]
fn a_hold_lets_go_of_inputs_while_somebody_else_has_the_receipt() {
    let line = Line::new();
    let mut receipt = line.watched(line.receipt());
    assert_eq!(receipt.hold().release(), 0);
    assert_eq!(line.terms(), [3, 0, 0, 0, 3]);
    receipt.settle(1, [(1, Fate::Abandoned("closed"))]);
    assert_eq!(line.terms(), [3, 0, 2, 0, 1], "kept, so it is owed still");
    assert_eq!(line.heard(), [(7, true)]);
}

#[test]
fn a_hold_that_is_not_used_changes_nothing() {
    let line = Line::new();
    let mut receipt = line.receipt();
    drop(receipt.hold());
    let hold = receipt.hold();
    assert_eq!(line.terms(), [0, 3, 0, 0, 3]);
    receipt.settle(1, [(1, Fate::Abandoned("closed"))]);
    assert_eq!(line.pipeline.totals().live, 3, "the hold has them still");
    let abandoned = hold.release();
    assert_eq!((line.terms(), abandoned), ([2, 0, 2, 1, 0], 1));
    line.sink.restore(abandoned);
    assert_eq!(
        line.terms(),
        [2, 0, 2, 1, 1],
        "kept too late, and owed again"
    );
}

#[test]
fn the_keeper_hears_of_it_only_once_the_letters_of_refused_rows_are_written() {
    let line = Line::new();
    let letters = Arc::new(SinkLedger::new("letters"));
    let receipt = line.watched(line.receipt());
    let letter = receipt.refer(&letters, 1);
    receipt.settle(1, [(0, Fate::DeadLettered)]);
    assert_eq!(line.heard(), []);
    letter.confirm(1);
    assert_eq!(line.heard(), [(7, false)]);
    assert_eq!(line.pipeline.totals().dead_lettered, 1);
}
