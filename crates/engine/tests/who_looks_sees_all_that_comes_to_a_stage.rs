//! Whoever looks on is told of every event that comes to a stage, derived ones too, before the stage has it; and nothing
//! else becomes of the events for it.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use millpond_engine::{Blueprint, Ended, Exits, Flow, Output, StageError, Timestamp, stateless};

/// What was seen, and what left.
#[derive(Default)]
struct Seen {
    entering: Vec<(usize, u64)>,
    left: Vec<u64>,
}

impl Exits<u64> for Seen {
    fn exit(&mut self, _exit: usize, event: &mut u64) {
        self.left.push(*event);
    }

    fn failed(&mut self, _stage: usize, _error: StageError, _event: &mut u64) {}

    fn tick_failed(&mut self, _stage: usize, _error: StageError) {}

    fn entering(&mut self, stage: usize, event: &u64) {
        self.entering.push((stage, *event));
    }
}

#[test]
fn every_event_is_seen_in_front_of_every_stage() {
    let double = |n: &mut u64, out: &mut Output<u64>| {
        out.emit(*n + 1);
        *n *= 2;
        Ok(Flow::Pass)
    };
    let odd_only = |n: &mut u64, _: &mut Output<u64>| match *n % 2 {
        0 => Ok(Flow::Filter),
        _ => Ok(Flow::Pass),
    };
    let blueprint = Blueprint::builder()
        .stage("double", stateless(double))
        .stage("odd_only", stateless(odd_only))
        .exit("out")
        .build()
        .unwrap();
    let mut line = blueprint.line();
    let mut seen = Seen::default();
    let ended = line.process_watched(&mut 10, Timestamp(0), &mut seen, None);
    assert_eq!(ended, Ended::Filtered);
    assert_eq!(seen.entering, [(0, 10), (1, 11), (1, 20)]);
    assert_eq!(seen.left, [11]);

    let mut unseen = Seen::default();
    let ended = line.process(&mut 10, Timestamp(0), &mut unseen);
    assert_eq!((ended, &unseen.left), (Ended::Filtered, &seen.left));
    assert!(unseen.entering.is_empty());
}
