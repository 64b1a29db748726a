//! One fixed life of a journal, ended at each of its calls in turn: by the process's end, by a power cut,
//! and by a failure that it has to live with.

mod support;

use std::io::ErrorKind;

use millpond_journal::Journal;
use millpond_journal::sim::{Fault, Sim};
use support::{Model, small, step};

/// Enough to fill, leave, use again and remove segments.
const STEPS: usize = 120;
/// Each point meets a power cut this often, as luck decides what survives one.
const TRIES: u64 = 12;

/// Lives until the first error or the end, and returns what must be there.
fn live(sim: &Sim) -> Model {
    let mut random = fastrand::Rng::with_seed(11);
    let mut model = Model::new(0);
    if let Ok((mut journal, _)) = Journal::open(sim.clone(), small()) {
        for _ in 0..STEPS {
            if step(&mut random, &mut journal, &mut model).is_err() {
                break;
            }
        }
    }
    model
}

fn check(sim: &Sim, mut model: Model) {
    for _ in 0..2 {
        let (journal, report) = Journal::open(sim.clone(), small()).expect("no fault is left");
        model.check(&journal, &report);
    }
}

/// The calls of a life that nothing ends early.
fn calls() -> u64 {
    let sim = Sim::new(0);
    live(&sim);
    let calls = sim.calls();
    assert!(
        sim.renames() > 2,
        "{} segments were used again",
        sim.renames()
    );
    assert!(calls > 80, "{calls} calls are too few to mean anything");
    calls
}

#[test]
fn a_process_may_end_after_any_call() {
    for call in 0..calls() {
        let sim = Sim::new(call);
        sim.inject(call, Fault::Stop);
        let model = live(&sim);
        sim.kill();
        check(&sim, model);
    }
}

#[test]
fn the_power_may_go_after_any_call() {
    for call in 0..calls() {
        for seed in 0..TRIES {
            let sim = Sim::new(seed);
            sim.inject(call, Fault::Stop);
            let model = live(&sim);
            sim.cut_power();
            check(&sim, model);
        }
    }
}

#[test]
fn any_call_may_fail_and_the_power_go_before_or_after_the_next_opening() {
    for call in 0..calls() {
        for seed in 0..TRIES {
            let sim = Sim::new(seed);
            sim.inject(call, Fault::Error(ErrorKind::Other));
            let mut model = live(&sim);
            if seed % 2 == 0 {
                sim.kill();
                let (journal, report) =
                    Journal::open(sim.clone(), small()).expect("no fault is left");
                model.check(&journal, &report);
            }
            sim.cut_power();
            check(&sim, model);
        }
    }
}

#[test]
fn the_power_may_go_after_any_call_of_an_opening() {
    for seed in 0..TRIES {
        let interrupted = |call| {
            let sim = Sim::new(seed);
            let model = live(&sim);
            sim.cut_power();
            let before = sim.calls();
            sim.inject(call, Fault::Stop);
            let opened = Journal::open(sim.clone(), small()).is_ok();
            let made = sim.calls() - before;
            sim.cut_power();
            check(&sim, model);
            (opened, made)
        };
        let (opened, calls) = interrupted(u64::from(u32::MAX));
        assert!(opened && calls > 4, "an opening makes {calls} calls");
        for call in 0..calls {
            assert!(!interrupted(call).0, "call {call} was not made");
        }
    }
}
