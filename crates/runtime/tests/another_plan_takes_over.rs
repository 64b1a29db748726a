//! Another plan takes the place of a pipeline's while events flow: nothing is lost, held back or overtaken.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Pair, Setup, collect, hush};
use millpond_engine::{
    Blueprint, Flow, Output, Port, Stage, StageError, StageFactory, stage_fn, stateless,
};
use millpond_runtime::Brake;

/// Holds the last event back until the next one comes, or the end.
#[derive(Default)]
struct Holding(Option<Pair>);

impl Stage<Pair> for Holding {
    fn process(&mut self, pair: &mut Pair, out: &mut Output<Pair>) -> Result<Flow, StageError> {
        if let Some(held) = self.0.replace(*pair) {
            out.emit(held);
        }
        Ok(Flow::Absorb)
    }

    fn finish(&mut self, out: &mut Output<Pair>) -> Result<(), StageError> {
        if let Some(held) = self.0.take() {
            out.emit(held);
        }
        Ok(())
    }
}

struct HoldingFactory;

impl StageFactory<Pair> for HoldingFactory {
    fn build(&self, _: &[Port]) -> Box<dyn Stage<Pair>> {
        Box::<Holding>::default()
    }

    fn is_stateful(&self) -> bool {
        true
    }
}

fn plan(stage: impl StageFactory<Pair> + 'static) -> millpond_engine::Builder<Pair> {
    Blueprint::builder().stage("work", stage).exit("till")
}

#[test]
fn a_thousand_times_under_load_nothing_is_lost_or_overtaken() {
    const KEYS: u64 = 256;
    let bench = Setup::default().start_with(HoldingFactory);
    let (till, dead) = (collect(bench.till), collect(bench.dead));
    let mut feed = bench.feed;
    let (fed, enough) = (AtomicBool::new(false), AtomicBool::new(false));
    let brake: Brake = bench.runtime.pipelines()[0].brake().clone();
    let sent = std::thread::scope(|scope| {
        let feeder = scope.spawn(|| {
            let mut next = 0;
            while !enough.load(Ordering::Acquire) {
                let pairs = (next..next + 100).map(|number| (number % KEYS, number));
                feed.push(pairs.collect()).expect("the pipeline is there");
                next += 100;
                fed.store(true, Ordering::Release);
            }
            next
        });
        for _ in 0..1_000 {
            // At least one batch between two plans.
            while !fed.swap(false, Ordering::AcqRel) {
                std::thread::yield_now();
            }
            let next = plan(HoldingFactory).counts_on(bench.design.stats());
            let next = next.build().expect("a valid line");
            bench.design.replace(next, None).expect("the same exits");
            brake.wake();
        }
        enough.store(true, Ordering::Release);
        feeder.join().expect("the feeder")
    });
    drop(feed);
    bench.runtime.join(None).expect("ends without a deadline");
    let view = bench.runtime.pipelines()[0].clone();
    assert_eq!((view.state_lost(), view.panics()), (0, 0));
    let counts = view.stages().stage(0).expect("one stage");
    assert_eq!(counts.entered, sent, "the counts go on");
    drop(bench.runtime);
    let mut last = vec![None; KEYS as usize];
    let mut seen = 0;
    for row in till.join().expect("the till") {
        let (key, number) = row.item;
        assert!(last[key as usize] < Some(number), "{number} was overtaken");
        last[key as usize] = Some(number);
        seen += 1;
    }
    assert_eq!(seen, sent);
    assert!(dead.join().expect("the dead letters").is_empty());
    let totals = bench.ledger.totals();
    assert_eq!((totals.received, totals.live), (sent, 0));
    assert_eq!(bench.budget.used(), 0);
}

#[test]
fn what_the_stages_hold_goes_out_although_no_event_comes() {
    let bench = Setup::default().start_with(HoldingFactory);
    let (mut till, dead) = (bench.till, collect(bench.dead));
    let mut feed = bench.feed;
    feed.push(vec![(5, 1)]).expect("the pipeline is there");
    let view = bench.runtime.pipelines()[0].clone();
    while view.stages().stage(0).expect("one stage").absorbed == 0 {
        std::thread::yield_now();
    }
    let other = plan(stateless(|_: &mut Pair, _: &mut Output<Pair>| {
        Ok(Flow::Pass)
    }))
    .build();
    bench
        .design
        .replace(other.expect("a valid line"), None)
        .expect("the same exits");
    view.brake().wake();
    let parcel = till.recv().expect("it is not kept");
    assert_eq!(parcel.item.output.rows[0].item, (5, 1));
    drop(feed);
    bench.runtime.join(None).expect("ends without a deadline");
    drop((bench.runtime, parcel, till));
    dead.join().expect("the dead letters");
}

/// Panics when it is told that the end has come.
struct Sulking;

impl Stage<Pair> for Sulking {
    fn process(&mut self, _: &mut Pair, _: &mut Output<Pair>) -> Result<Flow, StageError> {
        Ok(Flow::Pass)
    }

    fn finish(&mut self, _: &mut Output<Pair>) -> Result<(), StageError> {
        panic!("not yet")
    }
}

#[test]
fn a_stage_that_panics_when_it_has_to_go_is_gone_all_the_same() {
    hush();
    let bench = Setup {
        shards: 1,
        ..Setup::default()
    }
    .start(|| Sulking);
    let (till, dead) = (collect(bench.till), collect(bench.dead));
    let mut feed = bench.feed;
    feed.push(vec![(1, 1)]).expect("the pipeline is there");
    let other = plan(millpond_engine::factory(|| {
        stage_fn(|pair: &mut Pair, _: &mut Output<Pair>| {
            pair.1 += 100;
            Ok(Flow::Pass)
        })
    }));
    let view = bench.runtime.pipelines()[0].clone();
    while view.stages().stage(0).expect("one stage").passed == 0 {
        std::thread::yield_now();
    }
    bench
        .design
        .replace(other.build().expect("a valid line"), None)
        .expect("the same exits");
    feed.push(vec![(1, 2)]).expect("the pipeline is there");
    drop(feed);
    bench.runtime.join(None).expect("ends without a deadline");
    assert_eq!(view.panics(), 1);
    drop(bench.runtime);
    let rows = till.join().expect("the till");
    let numbers: Vec<u64> = rows.iter().map(|row| row.item.1).collect();
    assert_eq!(numbers, [1, 102]);
    dead.join().expect("the dead letters");
}

#[test]
fn a_plan_that_leads_elsewhere_is_refused() {
    let bench = Setup::default().start_with(HoldingFactory);
    let other = Blueprint::builder()
        .stage("work", HoldingFactory)
        .exit("bank");
    let other = other.build().expect("a valid line");
    let refused = bench.design.replace(other, None).expect_err("other exits");
    assert_eq!(
        refused.to_string(),
        r#"the plan leads to ["bank"], expected ["till"] as before"#
    );
    let (till, dead): (Arc<_>, Arc<_>) = (bench.sink.clone(), bench.letters.clone());
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    assert_eq!((till.totals().live, dead.totals().live), (0, 0));
}
