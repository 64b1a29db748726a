//! `cargo bench -p millpond-delivery`: what it costs to account for a chunk, from ticket to confirmed receipt.

use std::sync::Arc;

use divan::{Bencher, bench};
use millpond_delivery::{Consignment, Ledger, SinkLedger, Tally, Ticket, TicketInfo};

const EVENTS: u64 = 855;

fn main() {
    divan::main();
}

#[bench(args = [1, 64])]
fn ticket_of_parts(bencher: Bencher, parts: u64) {
    let ledger = Arc::new(Ledger::new("bench"));
    let sink = Arc::new(SinkLedger::new("bench"));
    bencher.bench_local(|| {
        let ticket = Ticket::new(TicketInfo::default(), None);
        for _ in 0..parts {
            let part = ticket.part(&ledger, EVENTS);
            let consignment = Consignment::open(&ledger);
            let receipt = consignment.receipt(&sink, EVENTS, true, 0);
            let tally = Tally {
                passed: EVENTS,
                ..Tally::default()
            };
            consignment.seal(vec![part], tally);
            receipt.confirm(1);
        }
    });
    let totals = ledger.totals();
    assert_eq!((totals.delivered, totals.live), (totals.received, 0));
}
