//! Errors, too many emissions and panics concern the event at hand; the line goes on and its counts
//! stay in balance.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::Record;
use millpond_engine::{
    Blueprint, Ended, Flow, Output, Stage, StageError, Timestamp, factory, stateless,
};

/// Emits as many copies of 0 as the number says.
fn spread(n: &mut u64, out: &mut Output<u64>) -> Result<Flow, StageError> {
    (0..*n).for_each(|_| out.emit(0));
    Ok(Flow::Pass)
}

#[test]
fn one_event_too_many_takes_the_emissions_of_its_call_back() {
    let blueprint = Blueprint::builder()
        .stage("spread", stateless(spread))
        .exit("out")
        .max_emit(3)
        .build()
        .unwrap();
    let mut line = blueprint.line();
    let mut record = Record::default();
    assert_eq!(
        line.process(&mut 3, Timestamp(0), &mut record),
        Ended::Passed
    );
    assert_eq!(record.left.len(), 4);
    let error = StageError::new("max_emit", "more than 3 events derived from one input");
    let ended = line.process(&mut 4, Timestamp(0), &mut record);
    assert_eq!(ended, Ended::Failed { stage: 0, error });
    assert_eq!(record.left.len(), 4);
    assert_eq!(
        line.process(&mut 3, Timestamp(0), &mut record),
        Ended::Passed
    );
}

#[test]
fn a_panic_leaves_its_culprit_known_and_the_counts_in_balance() {
    let blueprint = Blueprint::builder()
        .stage("spread", stateless(spread))
        .stage(
            "fragile",
            stateless(|n: &mut u64, out: &mut Output<u64>| {
                out.emit(7);
                assert_ne!(*n, 0, "zero");
                Ok(Flow::Consume)
            }),
        )
        .exit("out")
        .build()
        .unwrap();
    let mut line = blueprint.line();
    let mut record = Record::default();
    let mut process = |line: &mut millpond_engine::Pipeline<u64>, mut n: u64| {
        catch_unwind(AssertUnwindSafe(|| {
            line.process(&mut n, Timestamp(0), &mut record)
        }))
    };
    assert!(process(&mut line, 2).is_err());
    assert_eq!(line.current_stage(), Some(1));
    // 2 was spread over two zeros: the first panicked, the second is gone with the input.
    line.publish();
    assert_eq!(line.current_stage(), None);
    let fragile = blueprint.stats().stage(1).unwrap();
    assert_eq!(
        (fragile.entered, fragile.failed, fragile.emitted),
        (1, 1, 0)
    );

    let mut alone = blueprint.line();
    assert!(process(&mut alone, 1).is_err());
    assert!(process(&mut line, 1).is_err());
    for (_, counts) in blueprint.stats().stages() {
        assert_eq!(counts.accounted(), counts.entered);
    }
    assert!(record.left.is_empty());
}

#[test]
fn a_tick_that_fails_releases_nothing_and_the_next_stage_still_ticks() {
    struct Ticking(bool);
    impl Stage<u64> for Ticking {
        fn process(&mut self, _: &mut u64, _: &mut Output<u64>) -> Result<Flow, StageError> {
            Ok(Flow::Pass)
        }
        fn tick(&mut self, now: Timestamp, out: &mut Output<u64>) -> Result<(), StageError> {
            assert_eq!(out.now(), now);
            out.emit(now.0);
            if self.0 {
                Err(StageError::new("no_time", ""))
            } else {
                Ok(())
            }
        }
    }
    let blueprint = Blueprint::builder()
        .stage("bad", factory(|| Ticking(true)))
        .stage("good", factory(|| Ticking(false)))
        .stage(
            "picky",
            stateless(|_: &mut u64, _| Err(StageError::new("picky", ""))),
        )
        .exit("out")
        .build()
        .unwrap();
    let mut line = blueprint.line();
    let mut record = Record::default();
    line.tick(Timestamp(9), &mut record);
    line.publish();
    assert_eq!(record.ticks, [(0, "no_time")]);
    assert_eq!(record.failed, [(2, "picky", 9)]);
    assert_eq!(blueprint.stats().stage(0).unwrap().tick_failed, 1);
}

#[test]
fn finishing_may_emit_more_than_an_input_may() {
    struct Held;
    impl Stage<u64> for Held {
        fn process(&mut self, _: &mut u64, _: &mut Output<u64>) -> Result<Flow, StageError> {
            Ok(Flow::Absorb)
        }
        fn finish(&mut self, out: &mut Output<u64>) -> Result<(), StageError> {
            (0..5).for_each(|n| out.emit(n));
            Ok(())
        }
    }
    let blueprint = Blueprint::builder()
        .stage("held", factory(|| Held))
        .stage("spread", stateless(spread))
        .exit("out")
        .max_emit(3)
        .build()
        .unwrap();
    let mut record = Record::default();
    blueprint.line().finish(Timestamp(0), &mut record);
    let values: Vec<u64> = record.left.into_iter().map(|(_, n)| n).collect();
    assert_eq!(values, [0, 0, 1, 0, 0, 2, 0, 0, 0, 3]);
    assert_eq!(record.failed, [(1, "max_emit", 4)]);
}

#[test]
fn a_line_that_emits_makes_no_new_objects_once_it_runs() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let blueprint = Blueprint::<Arc<u64>>::builder()
        .stage(
            "triple",
            stateless(|n: &mut Arc<u64>, out: &mut Output<Arc<u64>>| {
                for _ in 0..3 {
                    let mut copy = out.spare().unwrap_or_else(|| {
                        MADE.fetch_add(1, Relaxed);
                        Arc::default()
                    });
                    assert_eq!(*copy, 0, "a spare was not cleaned");
                    copy.clone_from(n);
                    out.emit(copy);
                }
                if n.is_multiple_of(2) {
                    Ok(Flow::Pass)
                } else {
                    Err(StageError::new("odd", ""))
                }
            }),
        )
        .exit("out")
        .clean_spares(|spare| *spare = Arc::default())
        .build()
        .unwrap();
    let mut line = blueprint.line();
    for n in 1..100 {
        line.process(&mut Arc::new(n), Timestamp(0), &mut Record::default());
    }
    assert_eq!(MADE.load(Relaxed), 3);
}
