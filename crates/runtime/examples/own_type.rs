//! A pipeline over one's own type: no JSON, no configuration file, no async runtime.
//!
//! Orders come in, are checked and priced by stages on two workers, and go out in order per
//! customer. Run it with `cargo run -p millpond-runtime --example own_type`.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::sync::Arc;
use std::thread;

use millpond_delivery::{Ledger, SinkLedger};
use millpond_engine::{Blueprint, Flow, stateless};
use millpond_queue::{Budget, Limits, monotonic_nanos, room};
use millpond_runtime::{Exit, Feed, Options, Passthrough, PipelineSpec, Runtime};

#[derive(Clone, Debug)]
struct Order {
    customer: u64,
    number: u64,
    cents: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let budget = Budget::new(64 << 20);
    let (ledger, sink) = (
        Arc::new(Ledger::new("orders")),
        Arc::new(SinkLedger::new("till")),
    );
    let (sender, mut receiver) = room(
        "till",
        Limits {
            events: 10_000,
            bytes: 8 << 20,
        },
    );

    let blueprint = Blueprint::builder()
        .stage(
            "paid",
            stateless(|order: &mut Order, _| {
                Ok(if order.cents > 0 {
                    Flow::Pass
                } else {
                    Flow::Filter
                })
            }),
        )
        .stage(
            "tax",
            stateless(|order: &mut Order, _| {
                order.cents += order.cents / 5;
                Ok(Flow::Pass)
            }),
        )
        .exit("till")
        .build()?;
    let pipeline = PipelineSpec {
        ledger: ledger.clone(),
        blueprint,
        codec: Box::new(Passthrough::default),
        exits: vec![Exit::new(sender, sink.clone())],
        dead_letters: None,
    };
    let (runtime, mut intakes) = Runtime::start(&Options::new(2, budget.clone()), vec![pipeline])?;
    let mut feed =
        Feed::new(intakes.remove(0), ledger.clone(), budget).keyed(|order: &Order| order.customer);

    let till = thread::spawn(move || {
        let (mut seen, mut last) = (0_u64, [None; 100]);
        while let Some(parcel) = receiver.recv() {
            let (rows, outbound) = (parcel.weight.events, parcel.open().0);
            for row in &outbound.output.rows {
                let last = &mut last[row.item.customer as usize];
                assert!(*last < Some(row.item.number), "order per customer");
                (*last, seen) = (Some(row.item.number), seen + 1);
            }
            outbound.receipt.confirm(monotonic_nanos());
            receiver.done(rows);
        }
        seen
    });
    for batch in 0..1_000 {
        let order = |i: u64| Order {
            customer: i % 100,
            number: batch * 100 + i,
            cents: (i % 4) * 100,
        };
        feed.push((0..100).map(order).collect())
            .map_err(|lost| format!("{lost} orders lost"))?;
    }
    drop(feed); // the end of the input: everything ends by itself, in order

    runtime.join(None).map_err(|left| format!("{left:?}"))?;
    drop(runtime);
    let seen = till.join().map_err(|_| "the till panicked")?;
    let totals = ledger.totals();
    println!(
        "{seen} orders at the till, {} filtered, {} in all",
        totals.filtered, totals.received
    );
    assert_eq!(
        (seen, totals.delivered, totals.filtered, totals.live),
        (75_000, 75_000, 25_000, 0)
    );
    Ok(())
}
