//! However often a stage panics: each event at fault is set aside once, no other is lost or overtaken, and
//! state that is lost is counted.

mod common;

use std::collections::BTreeMap;

use common::{Pair, Setup, collect, hush};
use millpond_engine::{Flow, Output, Port, Stage, StageError, StageFactory, stage_fn};
use millpond_runtime::Tolerance;

/// One event in a thousand is at fault, which is far from too many.
#[test]
fn one_in_a_thousand_is_set_aside_and_none_is_lost_or_overtaken() {
    hush();
    let events = if cfg!(debug_assertions) {
        200_000
    } else {
        10_000_000
    };
    let mut bench = Setup {
        tolerance: Tolerance::default(),
        ..Setup::default()
    }
    .start(|| {
        stage_fn(|pair: &mut Pair, _: &mut Output<Pair>| {
            assert!(pair.1 % 1_000 != 500, "{} is at fault", pair.1);
            Ok(Flow::Pass)
        })
    });
    let (till, dead) = (collect(bench.till), collect(bench.dead));
    for start in (0..events).step_by(1_000) {
        let batch = (start..start + 1_000).map(|number| (number * 7 % 1_009, number));
        bench
            .feed
            .push(batch.collect())
            .expect("the pipeline is there");
    }
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    let view = bench.runtime.pipelines()[0].clone();
    drop(bench.runtime);
    assert_eq!(view.brake().paused(), None);
    assert_eq!((view.panics(), view.state_lost()), (events / 1_000, 0));
    let mut last = BTreeMap::new();
    let rows = till.join().expect("the till");
    assert_eq!(rows.len() as u64, events - events / 1_000);
    for (key, number) in rows.into_iter().map(|row| row.item) {
        assert!(number % 1_000 != 500);
        let before = last.insert(key, number);
        assert!(before < Some(number), "{number} came after {before:?}");
    }
    let mut letters: Vec<u64> = dead
        .join()
        .expect("dead letters")
        .into_iter()
        .map(|row| row.item.1)
        .collect();
    letters.sort_unstable();
    assert!(letters.into_iter().eq((500..events).step_by(1_000)));
    let totals = bench.ledger.totals();
    assert_eq!(totals.delivered + totals.dead_lettered, events);
    assert_eq!((totals.live, totals.dropped()), (0, 0));
}

/// Counts in its state, and panics at 7.
struct Counting(u64);

impl Stage<Pair> for Counting {
    fn process(&mut self, pair: &mut Pair, _: &mut Output<Pair>) -> Result<Flow, StageError> {
        assert!(pair.1 != 7, "seven");
        self.0 += 1;
        pair.1 = self.0;
        Ok(Flow::Pass)
    }
}

struct CountingFactory;

impl StageFactory<Pair> for CountingFactory {
    fn build(&self, _: &[Port]) -> Box<dyn Stage<Pair>> {
        Box::new(Counting(0))
    }

    fn is_stateful(&self) -> bool {
        true
    }
}

#[test]
fn state_that_is_lost_with_a_line_is_counted() {
    hush();
    let mut bench = Setup::default().start_with(CountingFactory);
    let (till, dead) = (collect(bench.till), collect(bench.dead));
    for number in [1, 2, 7, 3] {
        bench
            .feed
            .push(vec![(5, number)])
            .expect("the pipeline is there");
    }
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    assert_eq!(bench.runtime.pipelines()[0].state_lost(), 1);
    drop(bench.runtime);
    let counts: Vec<u64> = till
        .join()
        .expect("the till")
        .into_iter()
        .map(|row| row.item.1)
        .collect();
    assert_eq!(counts, [1, 2, 1], "it counts anew");
    assert_eq!(dead.join().expect("dead letters").len(), 1);
}
