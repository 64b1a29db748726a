//! Whoever plans how many workers are needed believes these counts. If a batch that is cut into slices counted as
//! several, each would look short, and the time between them like a wait before them.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use millpond_delivery::{Ledger, SinkLedger};
use millpond_engine::{Blueprint, Flow, stateless};
use millpond_queue::{Budget, Limits, room};
use millpond_runtime::{
    Assembled, Exit, Feed, Options, Passthrough, PipelineSpec, Step, Supervision, TimesSeen,
    assemble,
};

const EVENT: Duration = Duration::from_millis(2);

#[test]
fn once_each_however_many_slices_it_takes() {
    let budget = Budget::new(16 << 20);
    let ledger = Arc::new(Ledger::new("numbers"));
    let limits = Limits {
        events: 1_000,
        bytes: 1 << 30,
    };
    let (sender, _till) = room("till", limits);
    let slow = stateless(|_: &mut u64, _| {
        sleep(EVENT);
        Ok(Flow::Pass)
    });
    let spec = PipelineSpec {
        ledger: ledger.clone(),
        design: Blueprint::builder()
            .stage("slow", slow)
            .exit("till")
            .build()
            .expect("a valid line")
            .into(),
        codec: Box::new(Passthrough::default),
        exits: vec![Exit::new(sender, Arc::new(SinkLedger::new("till")))],
        dead_letters: None,
        supervision: Supervision::default(),
    };
    let options = Options {
        shards: 1,
        slice: EVENT,
        ..Options::new(1, budget.clone())
    };
    let Assembled {
        mut workers,
        mut intakes,
        pipelines,
        ..
    } = assemble(&options, vec![spec]).expect("fits together");
    let intake = intakes.remove(0);
    let arrivals = intake.view();
    let mut feed = Feed::new(intake, ledger, budget);
    let fed = Instant::now();
    assert!(feed.push((0..8).collect()).is_ok());
    assert!(feed.push(vec![8]).is_ok());
    let lying = Duration::from_millis(5);
    sleep(lying);
    // A machine that is busy with other things wakes nobody in time.
    let lay = fed.elapsed();
    let began = Instant::now();
    let mut slices = 0;
    while workers[0].step() == Step::Ran {
        slices += 1;
    }
    assert!(slices >= 9, "{slices} slices");
    let ran = began.elapsed();

    let seen = pipelines[0].service();
    assert_eq!((seen.batches, seen.events, arrivals.arrivals()), (2, 9, 2));
    assert_eq!(seen.event_squares, 64 + 1);
    let count = |times: &TimesSeen| times.counts.iter().sum::<u64>();
    assert_eq!((count(&seen.took), count(&seen.waited)), (2, 2));
    // Nobody slept.
    assert_eq!(count(&seen.woke), 0);

    let nanos = |time: Duration| u64::try_from(time.as_nanos()).expect("short");
    let (all, first) = (nanos(EVENT) * 9, nanos(EVENT) * 8);
    assert!(seen.took.nanos >= all, "{seen:?}");
    // The first waited until there was a worker, the second for the first as well, and neither for itself.
    assert!(seen.waited.nanos >= 2 * nanos(lying) + first, "{seen:?}");
    assert!(seen.waited.nanos < 2 * nanos(lay) + nanos(ran), "{seen:?}");
    // Of the times of single batches the histogram knows the place.
    let longest = seen.took.buckets().last().and_then(|(upper, _)| upper);
    assert!(longest.is_some_and(|upper| upper >= first), "{seen:?}");
    // Each event counts with the time of its batch.
    assert!(seen.event_nanos >= first * 8 + nanos(EVENT), "{seen:?}");
    // Workers spend nothing on a shard that is not counted there.
    assert_eq!(seen.shards.len(), 1);
    assert!(seen.shards[0] >= seen.took.nanos, "{seen:?}");
}
