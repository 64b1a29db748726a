//! What is forgotten on the way shows as unaccounted, at rest, to the event.

mod common;

use common::{Pair, Setup, collect};
use millpond_delivery::{Ticket, TicketInfo};
use millpond_engine::{Flow, Output, stage_fn};

#[test]
fn one_leaked_ticket_is_one_unaccounted_event() {
    let mut bench =
        Setup::default().start(|| stage_fn(|_: &mut Pair, _: &mut Output<Pair>| Ok(Flow::Pass)));
    let till = collect(bench.till);
    bench
        .feed
        .push((0..100).map(|number| (number, number)).collect())
        .expect("the pipeline is there");
    // A source that takes an event in and loses the ticket on the way to the mailbox.
    std::mem::forget(Ticket::new(TicketInfo::default(), None).part(&bench.ledger, 1));
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    let view = bench.runtime.pipelines()[0].clone();
    drop(bench.runtime);
    till.join().expect("the till");
    assert_eq!(bench.ledger.totals().delivered, 100);
    assert_eq!(
        bench
            .ledger
            .unaccounted(|| view.upstream() + view.outbox_rows()),
        1
    );
}
