//! However often workers are added and removed, nothing is lost and the events of a key leave in the order in which
//! they came.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Pair, Setup, collect};
use millpond_engine::{Flow, Output, stage_fn};
use millpond_queue::Limits;
use millpond_runtime::{Elastic, RuntimeError};

const MOST: usize = 16;

#[test]
fn keys_stay_in_order_and_nothing_is_lost() {
    come_and_go(300_000, 1_000, Duration::from_millis(2));
}

#[test]
#[ignore = "takes a while: cargo test --release -p millpond-runtime --test workers_come_and_go -- --ignored"]
fn ten_million_events_of_ten_thousand_keys_stay_in_order() {
    come_and_go(10_000_000, 10_000, Duration::from_millis(50));
}

fn come_and_go(events: u64, keys: u64, every: Duration) {
    let slow = || {
        stage_fn(|pair: &mut Pair, _: &mut Output<Pair>| {
            // A worker that is caught in the midst of a batch shows what a shard owes to its order.
            if pair.1.is_multiple_of(4_096) {
                std::thread::sleep(Duration::from_micros(100));
            }
            Ok(Flow::Pass)
        })
    };
    let bench = Setup {
        workers: 4,
        workers_max: MOST,
        shards: 64,
        room: Limits {
            events: 100_000,
            bytes: 1 << 30,
        },
        ..Setup::default()
    }
    .start(slow);
    let (mut till, dead) = (bench.till, collect(bench.dead));
    // Compared as they come: ten million of them need not be kept.
    let till = std::thread::spawn(move || {
        let mut last = vec![None; keys as usize];
        let (mut seen, mut inversions) = (0_u64, 0_u64);
        while let Some(parcel) = till.recv() {
            let rows = parcel.weight.events;
            let outbound = parcel.open().0;
            for row in outbound.output.rows {
                let (key, number) = row.item;
                seen += 1;
                inversions += u64::from(last[key as usize] >= Some(number));
                last[key as usize] = Some(number);
            }
            outbound.receipt.confirm(millpond_queue::monotonic_nanos());
            till.done(rows);
        }
        (seen, inversions)
    });
    let fed = Arc::new(AtomicBool::new(false));
    let mut feed = bench.feed;
    let feeder = std::thread::spawn({
        let fed = fed.clone();
        move || {
            for first in (0..events).step_by(500) {
                let last = (first + 500).min(events);
                let keyed = |number: u64| (number.wrapping_mul(0x9e37_79b9) % keys, number);
                feed.push((first..last).map(keyed).collect())
                    .expect("the pipeline is there");
            }
            fed.store(true, Ordering::Release);
        }
    });
    let (mut changes, mut random) = (0_u64, 7_u64);
    while !fed.load(Ordering::Acquire) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let wanted = 1 + (random % MOST as u64) as usize;
        bench.runtime.set_workers(wanted).expect("within bounds");
        changes += 1;
        std::thread::sleep(every);
    }
    feeder.join().expect("the feeder");
    bench.runtime.join(None).expect("ends without a deadline");
    drop(bench.runtime);
    let (seen, inversions) = till.join().expect("the till");
    assert!(dead.join().expect("the dead letters").is_empty());
    assert!(changes > 3, "{changes} changes");
    assert_eq!((seen, inversions), (events, 0), "{changes} changes");
    let totals = bench.ledger.totals();
    assert_eq!(
        (totals.received, totals.delivered, totals.live),
        (events, events, 0)
    );
    assert_eq!(bench.budget.used(), 0);
}

#[test]
fn as_many_run_as_were_asked_for_and_impossible_numbers_are_refused() {
    let bench = Setup {
        workers: 3,
        workers_max: MOST,
        ..Setup::default()
    }
    .start(|| stage_fn(|_: &mut Pair, _: &mut Output<Pair>| Ok(Flow::Pass)));
    let (till, dead) = (collect(bench.till), collect(bench.dead));
    for wanted in [MOST, 1, 5, 2, MOST, 3] {
        bench.runtime.set_workers(wanted).expect("within bounds");
        let begun = Instant::now();
        // They sleep, and are woken one by another.
        while bench.runtime.workers().running() != wanted {
            assert!(begun.elapsed() < Duration::from_secs(20), "{wanted} wanted");
            std::thread::yield_now();
        }
    }
    for wanted in [0, MOST + 1] {
        let refused = bench
            .runtime
            .set_workers(wanted)
            .expect_err("out of bounds");
        assert!(matches!(refused, RuntimeError::Workers { .. }));
        assert_eq!(
            refused.to_string(),
            format!("{wanted} workers are wanted, expected 1 to {MOST}")
        );
    }
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    assert_eq!(bench.runtime.workers().running(), 0);
    bench.runtime.set_workers(5).expect("nothing is left to do");
    assert_eq!(bench.runtime.workers().running(), 0);
    drop(bench.runtime);
    till.join().expect("the till closes");
    dead.join().expect("the dead letters");
}

#[test]
fn a_pool_follows_its_load_and_says_why() {
    let bench = Setup {
        workers: 1,
        workers_max: MOST,
        shards: 64,
        elastic: Some(Elastic {
            min: 1,
            target: Duration::from_millis(50),
            // More than the tests that run beside it in this process can keep busy.
            cores: 1_024,
        }),
        ..Setup::default()
    }
    .start(|| {
        stage_fn(|_: &mut Pair, _: &mut Output<Pair>| {
            std::thread::sleep(Duration::from_millis(1));
            Ok(Flow::Pass)
        })
    });
    let (till, dead) = (collect(bench.till), collect(bench.dead));
    let mut feed = bench.feed;
    let keyed = |number: u64| (number % 64, number);
    feed.push((0..8_000).map(keyed).collect())
        .expect("the pipeline is there");
    let begun = Instant::now();
    // A decision is told once it is carried out: the workers that it asks for are there a little before.
    let decisions = loop {
        let decisions = bench.runtime.pool().decisions();
        if bench.runtime.workers().running() >= 8 && !decisions.is_empty() {
            break decisions;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "no worker came");
        std::thread::sleep(Duration::from_millis(5));
    };
    let first = decisions.first().expect("a decision");
    assert_eq!((first.from, first.reason.name()), (1, "backlog"));
    assert!(first.reason.to_string().contains("events wait"));
    assert!(bench.runtime.pool().wanted() > 1);
    assert_eq!(bench.runtime.pool().bounds(), 1..=MOST);
    drop(feed);
    bench.runtime.join(None).expect("ends without a deadline");
    drop(bench.runtime);
    assert_eq!(till.join().expect("the till").len(), 8_000);
    dead.join().expect("the dead letters");
}
