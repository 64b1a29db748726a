//! A full sink parks shards, never workers; a sink that is gone or best-effort holds nothing up; a
//! drain that cannot end says what is left where.

mod common;

use std::time::{Duration, Instant};

use common::{Bench, Pair, Setup, collect};
use millpond_engine::{Flow, Output, stage_fn};
use millpond_queue::{Limits, monotonic_nanos};
use millpond_runtime::OnFull;

fn pass() -> impl millpond_engine::Stage<Pair> {
    stage_fn(|_: &mut Pair, _: &mut Output<Pair>| Ok(Flow::Pass))
}

fn push(bench: &mut Bench, keys: u64, each: u64) {
    for number in 0..each {
        bench
            .feed
            .push((0..keys).map(|key| (key, number)).collect())
            .expect("the pipeline is there");
    }
}

#[test]
fn what_does_not_fit_waits_in_outboxes_and_leaves_when_there_is_space() {
    let room = Limits {
        events: 1,
        bytes: 1 << 30,
    };
    let mut bench = Setup {
        workers: 1,
        room,
        ..Setup::default()
    }
    .start(pass);
    push(&mut bench, 16, 20);
    // The one worker has run every shard although nobody takes anything: it waits for none.
    let view = bench.runtime.pipelines()[0].clone();
    let patience = Instant::now() + Duration::from_secs(20);
    while view.parked_shards() < 15 {
        assert!(
            Instant::now() < patience,
            "only {} shards parked",
            view.parked_shards()
        );
        std::thread::yield_now();
    }
    let till = collect(bench.till);
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    assert_eq!(view.outbox_rows(), 0);
    drop(bench.runtime);
    assert_eq!(till.join().expect("the till").len(), 320);
    assert_eq!(bench.ledger.totals().delivered, 320);
}

#[test]
fn a_sink_that_never_takes_anything_is_named_when_the_deadline_passes() {
    let room = Limits {
        events: 10,
        bytes: 1 << 30,
    };
    let mut bench = Setup {
        room,
        ..Setup::default()
    }
    .start(pass);
    push(&mut bench, 16, 20);
    drop(bench.feed);
    let deadline = Instant::now() + Duration::from_millis(300);
    let left = bench
        .runtime
        .join(Some(deadline))
        .expect_err("the sink takes nothing");
    let in_room = bench.till.view().depth().events;
    let view = &bench.runtime.pipelines()[0];
    let held = view.upstream() + view.outbox_rows() + in_room;
    assert_eq!(bench.ledger.totals().live, 320);
    assert!(
        held >= 320,
        "every live event is in some place, found {held}: {left:?}"
    );
    assert!(left[0].outbox_rows > 0, "{left:?}");
    assert_eq!(bench.ledger.unaccounted(|| held), 0);
}

#[test]
fn a_sink_that_is_gone_drops_its_rows_and_says_so() {
    let mut bench = Setup::default().start(pass);
    drop(bench.till);
    for number in 0..100 {
        bench
            .feed
            .push(vec![(number, number)])
            .expect("the pipeline is there");
    }
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    let totals = bench.ledger.totals();
    assert_eq!(
        totals.dropped_by.get("sink_closed"),
        Some(&100),
        "{totals:?}"
    );
    assert_eq!((totals.delivered, totals.live), (0, 0));
}

#[test]
fn a_best_effort_sink_that_is_full_loses_rows_but_holds_no_input() {
    let room = Limits {
        events: 1,
        bytes: 1 << 30,
    };
    let adjust = |exit: &mut millpond_runtime::Exit<_>| {
        exit.required = false;
        exit.on_full = OnFull::Drop;
    };
    let mut bench = Setup {
        room,
        adjust,
        ..Setup::default()
    }
    .start(pass);
    push(&mut bench, 16, 20);
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    assert_eq!(
        bench.ledger.totals().delivered,
        320,
        "the inputs never waited for the sink"
    );
    let sink = bench.sink.totals();
    assert!(sink.dropped_by["sink_full"] > 0, "{sink:?}");
    assert_eq!(sink.routed, sink.dropped() + sink.live);
    // What is in the room is still owed an answer.
    while let Some(parcel) = bench.till.try_recv() {
        parcel.open().0.receipt.confirm(monotonic_nanos());
    }
    assert_eq!(bench.sink.totals().live, 0);
}
