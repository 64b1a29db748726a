//! However many workers pass a shard around, and however often it parks in front of a full room,
//! the events of a key leave in the order in which they came.

mod common;

use common::{Pair, Setup, collect};
use millpond_engine::{Flow, Output, stage_fn};
use millpond_queue::Limits;

#[test]
fn keys_stay_in_order_while_shards_move_between_workers() {
    run(
        Limits {
            events: 100_000,
            bytes: 1 << 30,
        },
        200_000,
    );
}

#[test]
fn keys_stay_in_order_while_shards_park_before_a_full_room() {
    run(
        Limits {
            events: 40,
            bytes: 1 << 30,
        },
        60_000,
    );
}

fn run(room: Limits, events: u64) {
    let pass = || {
        stage_fn(|pair: &mut Pair, _: &mut Output<Pair>| {
            Ok(if pair.1.is_multiple_of(5) {
                Flow::Filter
            } else {
                Flow::Pass
            })
        })
    };
    let mut bench = Setup {
        room,
        ..Setup::default()
    }
    .start(pass);
    let (till, dead) = (collect(bench.till), collect(bench.dead));
    // Key 0 is hot: it gets every other event.
    let key = |number: u64| {
        if number.is_multiple_of(2) {
            0
        } else {
            number % 101
        }
    };
    let keyed = |number: u64| (key(number), number);
    for first in (0..events).step_by(50) {
        bench
            .feed
            .push((first..first + 50).map(keyed).collect())
            .expect("the pipeline is there");
    }
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    drop(bench.runtime);
    let rows = till.join().expect("the till");
    assert!(dead.join().expect("the dead letters").is_empty());

    let mut last = [None; 101];
    for row in &rows {
        let (key, number) = row.item;
        assert!(
            last[key as usize] < Some(number),
            "key {key}: {number} after {:?}",
            last[key as usize]
        );
        last[key as usize] = Some(number);
    }
    let totals = bench.ledger.totals();
    assert_eq!(rows.len() as u64, events / 5 * 4);
    assert_eq!(
        (totals.received, totals.delivered, totals.filtered),
        (events, events / 5 * 4, events / 5)
    );
    assert_eq!(
        (
            totals.live,
            bench.ledger.unaccounted(|| 0),
            bench.budget.used()
        ),
        (0, 0, 0)
    );
}
