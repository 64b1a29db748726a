//! A pipeline whose line crashes too often stands still until somebody resumes it, or leaves what it has not run
//! to its sources. Nothing is lost by either, and a few poisoned events pause nothing.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Bench, Pair, Setup, collect, hush};
use millpond_engine::{Flow, Output, Stage, StageError, Timestamp, stage_fn};
use millpond_runtime::{Brake, Feed, PauseReason, Tolerance};

fn poisonous(share: u64) -> impl Fn(&mut Pair, &mut Output<Pair>) -> Result<Flow, StageError> {
    move |pair, _| {
        assert!(pair.1 % share != 0, "{} is poison", pair.1);
        Ok(Flow::Pass)
    }
}

fn strict() -> Setup {
    Setup {
        tolerance: Tolerance::default(),
        ..Setup::default()
    }
}

fn feed(feed: &mut Feed<Pair>, numbers: std::ops::Range<u64>) {
    let pairs = numbers.map(|number| (number % 7, number)).collect();
    feed.push(pairs).expect("the pipeline is there");
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn brake(bench: &Bench) -> Brake {
    bench.runtime.pipelines()[0].brake().clone()
}

#[test]
fn too_much_poison_stops_it_and_resuming_it_loses_nothing() {
    hush();
    let mut bench = strict().start(|| stage_fn(poisonous(2)));
    let brake = brake(&bench);
    let (till, dead) = (collect(bench.till), collect(bench.dead));
    let (ledger, budget) = (bench.ledger.clone(), bench.budget.clone());
    feed(&mut bench.feed, 0..1_000);
    until("it is paused", || brake.paused().is_some());
    let reason = brake.paused().expect("paused").reason;
    assert!(matches!(reason, PauseReason::Poison { .. }), "{reason}");
    assert_eq!(reason.name(), "poison");

    // Shards that were running have come to rest; what comes now waits.
    until("it stands still", || {
        bench.runtime.workers().longest_slice() == Duration::ZERO
    });
    let ran = ledger.totals().ended();
    feed(&mut bench.feed, 1_000..2_000);
    until("it stands still", || {
        bench.runtime.workers().longest_slice() == Duration::ZERO
    });
    assert!(ledger.totals().live >= 1_000);
    assert!(ledger.totals().ended() < ran + 100, "{:?}", ledger.totals());

    drop(bench.feed);
    let mut resumed = 0;
    let deadline = Instant::now() + Duration::from_secs(60);
    while bench
        .runtime
        .join(Some(Instant::now() + Duration::from_millis(5)))
        .is_err()
    {
        resumed += u32::from(brake.resume());
        assert!(Instant::now() < deadline, "it never ends");
    }
    assert!(resumed > 1, "half of the events are poison: {resumed}");
    assert!(!brake.resume(), "what runs cannot be resumed");
    drop(bench.runtime);
    assert_eq!(till.join().expect("the till").len(), 1_000);
    assert_eq!(dead.join().expect("the dead letters").len(), 1_000);
    let totals = ledger.totals();
    assert_eq!(
        (totals.delivered, totals.dead_lettered, totals.live),
        (1_000, 1_000, 0)
    );
    assert_eq!(brake.crashes().explained, 1_000);
    assert_eq!(brake.crashes().unexplained, 0);
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_little_poison_stops_nothing() {
    hush();
    let mut bench = strict().start(|| stage_fn(poisonous(100)));
    let brake = brake(&bench);
    let (till, dead) = (collect(bench.till), collect(bench.dead));
    feed(&mut bench.feed, 0..10_000);
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    drop(bench.runtime);
    assert_eq!(brake.paused(), None);
    assert_eq!(till.join().expect("the till").len(), 9_900);
    assert_eq!(dead.join().expect("the dead letters").len(), 100);
}

#[test]
fn a_paused_pipeline_can_end_and_gives_back_what_it_has_not_run() {
    hush();
    let mut bench = strict().start(|| stage_fn(poisonous(1)));
    let brake = brake(&bench);
    let (till, dead) = (collect(bench.till), collect(bench.dead));
    feed(&mut bench.feed, 0..1_000);
    until("it is paused", || brake.paused().is_some());
    drop(bench.feed);
    brake.leave();
    bench
        .runtime
        .join(Some(Instant::now() + Duration::from_secs(60)))
        .expect("it ends");
    drop(bench.runtime);
    let letters = dead.join().expect("the dead letters").len() as u64;
    assert_eq!(till.join().expect("the till").len(), 0);
    let totals = bench.ledger.totals();
    assert_eq!(totals.dead_lettered, letters);
    assert_eq!(
        totals.dropped_by.get("abandoned"),
        Some(&(1_000 - letters)),
        "{totals:?}"
    );
    assert_eq!((totals.live, totals.settling), (0, 0));
    assert_eq!(bench.budget.used(), 0);
}

/// Passes everything, and panics when told the time.
struct Ticking(Arc<AtomicBool>);

impl Stage<Pair> for Ticking {
    fn process(&mut self, _: &mut Pair, _: &mut Output<Pair>) -> Result<Flow, StageError> {
        Ok(Flow::Pass)
    }

    fn tick(&mut self, _: Timestamp, _: &mut Output<Pair>) -> Result<(), StageError> {
        assert!(!self.0.load(Ordering::SeqCst), "the time is wrong");
        Ok(())
    }
}

#[test]
fn crashes_that_no_event_explains_stop_it() {
    hush();
    let broken = Arc::new(AtomicBool::new(true));
    let stage = broken.clone();
    let mut bench = Setup {
        tick: Some(Duration::from_millis(1)),
        ..strict()
    }
    .start(move || Ticking(stage.clone()));
    let brake = brake(&bench);
    let till = collect(bench.till);
    until("it is paused", || brake.paused().is_some());
    let reason = brake.paused().expect("paused").reason;
    assert!(
        matches!(reason, PauseReason::Crashes { crashes: 6.., .. }),
        "{reason}"
    );
    assert!(brake.crashes().unexplained >= 6);
    broken.store(false, Ordering::SeqCst);
    bench
        .feed
        .push(vec![(1, 1)])
        .expect("the pipeline is there");
    assert!(brake.resume());
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    drop(bench.runtime);
    assert_eq!(till.join().expect("the till").len(), 1);
}
