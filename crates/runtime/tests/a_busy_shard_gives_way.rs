//! A chunk is freed when the last of the shards that got lines of it has run them. If one shard ran its whole backlog
//! before the next had its turn, every chunk of the backlog would stay pinned, and the budget with it.

use std::sync::Arc;

use millpond_delivery::{Ledger, SinkLedger};
use millpond_engine::{Blueprint, Flow, stateless};
use millpond_queue::{Budget, Limits, room};
use millpond_runtime::{
    Assembled, Exit, Feed, Options, Passthrough, PipelineSpec, Step, Supervision, assemble,
};

type Pair = (u64, u64);

#[test]
fn shards_keep_pace_with_each_other() {
    let budget = Budget::new(16 << 20);
    let ledger = Arc::new(Ledger::new("pairs"));
    let limits = Limits {
        events: 100_000,
        bytes: 1 << 30,
    };
    let (sender, _till) = room("till", limits);
    let blueprint = Blueprint::builder()
        .stage("pass", stateless(|_: &mut Pair, _| Ok(Flow::Pass)))
        .exit("till")
        .build()
        .expect("a valid line");
    let spec = PipelineSpec {
        ledger: ledger.clone(),
        design: blueprint.into(),
        codec: Box::new(Passthrough::default),
        exits: vec![Exit::new(sender, Arc::new(SinkLedger::new("till")))],
        dead_letters: None,
        supervision: Supervision::default(),
    };
    let options = Options {
        shards: 2,
        turn: 3,
        ..Options::new(1, budget.clone())
    };
    let Assembled {
        mut workers,
        mut intakes,
        ..
    } = assemble(&options, vec![spec]).expect("fits together");
    let intake = intakes.remove(0);
    let view = intake.view();
    let waiting = || [0, 1].map(|shard| view.shard(shard).map_or(0, |depth| depth.events));
    let mut feed = Feed::new(intake, ledger, budget).keyed(|pair: &Pair| pair.0);

    // Keys enough that each batch has events for both shards.
    let batch = || (0..8).map(|key| (key, 0)).collect();
    (0..10).for_each(|_| assert!(feed.push(batch()).is_ok()));
    let each = waiting().map(|events| events / 10);
    assert!(each[0] > 0 && each[1] > 0, "{each:?}");

    let mut left = [10, 10];
    for turn in 0..8 {
        assert_eq!(workers[0].step(), Step::Ran);
        let shard = turn % 2;
        left[shard] -= 3.min(left[shard]);
        assert_eq!(waiting(), [each[0] * left[0], each[1] * left[1]]);
    }
    assert_eq!(left, [0, 0]);

    // Nobody waits for a shard that is alone: it runs on.
    (0..10).for_each(|_| assert!(feed.push(vec![(0, 0)]).is_ok()));
    assert_eq!(workers[0].step(), Step::Ran);
    assert_eq!(waiting(), [0, 0]);
}
