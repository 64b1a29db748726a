//! A stage that makes much of little: what it makes is charged to the budget without waiting, so something has to stop
//! it when nobody takes it. Bounding the input alone would bound memory only by the factor of the stage.

mod common;

use std::time::{Duration, Instant};

use common::{Pair, Setup, collect};
use millpond_engine::{Flow, Output, stage_fn};
use millpond_queue::Limits;

/// Events made of one.
const FACTOR: u64 = 400;
const INPUTS: u64 = 12_000;

fn many() -> impl millpond_engine::Stage<Pair> {
    stage_fn(|pair: &mut Pair, out: &mut Output<Pair>| {
        (1..FACTOR).for_each(|copy| out.emit((pair.0, copy)));
        Ok(Flow::Pass)
    })
}

#[test]
fn shards_park_when_output_has_overdrawn_the_budget_and_go_on_when_it_is_paid_back() {
    let setup = Setup {
        room: Limits {
            events: u64::MAX,
            bytes: u64::MAX,
        },
        ..Setup::default()
    };
    let mut bench = setup.start(many);
    let feed = std::thread::spawn(move || {
        for first in (0..INPUTS).step_by(100) {
            let batch = (first..first + 100).map(|number| (number % 97, 0));
            bench
                .feed
                .push(batch.collect())
                .expect("the pipeline is there");
        }
    });

    let view = bench.runtime.pipelines()[0].clone();
    let patience = Instant::now() + Duration::from_secs(20);
    while view.parked_shards() < 16 {
        assert!(
            Instant::now() < patience,
            "{} shards parked",
            view.parked_shards()
        );
        std::thread::yield_now();
    }
    // The budget, the overdraft, and for each worker the piece that overdrew it.
    let (used, capacity) = (bench.budget.used(), bench.budget.capacity());
    assert!(used > capacity, "{used} of {capacity} bytes used");
    assert!(
        used < capacity + (16 << 20) + 4 * (2 << 20),
        "{used} of {capacity} bytes used"
    );

    let till = collect(bench.till);
    feed.join().expect("all was fed");
    bench.runtime.join(None).expect("ends without a deadline");
    drop(bench.runtime);
    let rows = till.join().expect("the till").len() as u64;
    assert_eq!(rows, INPUTS * FACTOR);
    assert_eq!(bench.ledger.totals().delivered, INPUTS);
    assert_eq!(bench.budget.used(), 0);
}
