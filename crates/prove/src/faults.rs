//! When what goes wrong in a round.

use std::time::Duration;

use fastrand::Rng;

use crate::options::Fault;
use crate::receiver::Mode;

/// Something that is done to the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// It is killed and started again; with a time, it is killed again that long after it was started.
    Kill { again: Option<Duration> },
    /// The peer of the tcp sink is different for a while.
    Peer { mode: Mode, lasting: Duration },
    /// The disk fills, stays so for a while, and has room again. Meanwhile the daemon may be killed.
    Fill { hold: Duration, kill: bool },
}

/// When it is done, counted from the beginning of the round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) at: Duration,
    pub(crate) act: Act,
}

/// Faults besides those whose turn it is come in one round out of so many.
const SELDOM: u32 = 5;
/// The longest time between two kills of which the second meets a daemon that still starts.
const RECOVERY: Duration = Duration::from_millis(60);

/// What goes wrong in a round whose load takes about as long as `over`. Each fault has its turn, and more come by
/// chance; kills come in almost every round.
pub(crate) fn plan(round: u32, faults: &[Fault], over: Duration, random: &mut Rng) -> Vec<Step> {
    let mut steps = Vec::new();
    for (index, &fault) in faults.iter().enumerate() {
        let turn = round as usize % faults.len() == index;
        match fault {
            Fault::Kill => {
                let kills = match random.u32(..10) {
                    0 if !turn => 0,
                    0..6 => 1,
                    6..9 => 2,
                    _ => 3,
                };
                for _ in 0..kills {
                    let again = random.u32(..3) == 0;
                    let again = again.then(|| RECOVERY.mul_f64(random.f64()));
                    steps.push(step(over, random.f64(), Act::Kill { again }));
                }
            }
            _ if !turn && random.u32(..SELDOM) > 0 => {}
            Fault::SlowSink => {
                let mode = if random.bool() {
                    Mode::Slow
                } else {
                    Mode::Hold
                };
                steps.push(spell(over, mode, random));
            }
            Fault::SinkDown => steps.push(spell(over, Mode::Away, random)),
            Fault::DiskFull => {
                let hold = Duration::from_millis(random.u64(50..400));
                let kill = faults.contains(&Fault::Kill) && random.bool();
                steps.push(step(over, random.f64() * 0.5, Act::Fill { hold, kill }));
            }
        }
    }
    steps.sort_by_key(|step| step.at);
    steps
}

fn step(over: Duration, share: f64, act: Act) -> Step {
    let at = over.mul_f64(share);
    Step { at, act }
}

fn spell(over: Duration, mode: Mode, random: &mut Rng) -> Step {
    let begin = random.f64() * 0.5;
    let lasting = over.mul_f64(0.1 + random.f64() * 0.4);
    step(over, begin, Act::Peer { mode, lasting })
}

/// What went wrong, in a few words.
pub(crate) fn summary(steps: &[Step]) -> String {
    let word = |step: &Step| match step.act {
        Act::Kill { again: None } => "kill",
        Act::Kill { again: Some(_) } => "kill-twice",
        Act::Peer { mode, .. } => match mode {
            Mode::Slow => "slow-sink",
            Mode::Hold => "stalled-sink",
            Mode::Away => "sink-down",
            Mode::Read | Mode::End => "-",
        },
        Act::Fill { kill: false, .. } => "disk-full",
        Act::Fill { kill: true, .. } => "disk-full+kill",
    };
    let words: Vec<_> = steps.iter().map(word).collect();
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(faults: &[Fault], rounds: u32) -> Vec<Vec<Step>> {
        let mut random = Rng::with_seed(1);
        let over = Duration::from_secs(1);
        (0..rounds)
            .map(|round| plan(round, faults, over, &mut random))
            .collect()
    }

    #[test]
    fn every_fault_has_its_turn_and_none_comes_that_was_not_asked_for() {
        for fault in Fault::ALL {
            let shown = |steps: &Vec<Step>| summary(steps).contains("kill");
            assert!(plans(&[fault], 5).iter().all(|steps| !steps.is_empty()));
            if fault != Fault::Kill {
                assert!(!plans(&[fault], 50).iter().any(shown));
            }
        }
        let all: String = plans(&Fault::ALL, 4)
            .iter()
            .map(|plan| summary(plan))
            .collect();
        for word in ["kill", "disk-full", "sink-down"] {
            assert!(all.contains(word), "{word}: {all}");
        }
        assert!(
            all.contains("slow-sink") || all.contains("stalled-sink"),
            "{all}"
        );
        assert!(plans(&[], 5).iter().all(Vec::is_empty));
    }

    #[test]
    fn what_goes_wrong_begins_within_the_round_and_in_order() {
        for steps in plans(&Fault::ALL, 100) {
            let over = Duration::from_secs(1);
            assert!(steps.iter().all(|step| step.at <= over), "{steps:?}");
            assert!(steps.is_sorted_by_key(|step| step.at), "{steps:?}");
        }
    }
}
