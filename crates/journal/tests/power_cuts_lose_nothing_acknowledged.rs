//! Random lives of a journal on a storage that loses whatever it may: nothing that was acknowledged is
//! lost, nothing is made up, and nothing is called damage that is only a write cut short.
//!
//! `MILLPOND_SEQUENCES` says how many lives, `MILLPOND_SEED` where to begin: a failure names the seed
//! that repeats it.

mod support;

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use millpond_journal::sim::{Fault, Sim};
use millpond_journal::{Journal, Options, Origin};
use support::{Model, small, step};

fn from_environment(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} = {text:?}, expected a number")),
        Err(_) => default,
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_made_up() {
    let begin = from_environment("MILLPOND_SEED", 0);
    let lives = from_environment("MILLPOND_SEQUENCES", 8_000);
    for seed in begin..begin + lives {
        let lived = catch_unwind(AssertUnwindSafe(|| live(seed)));
        lived.unwrap_or_else(|panic| {
            eprintln!("to repeat: MILLPOND_SEED={seed} MILLPOND_SEQUENCES=1");
            resume_unwind(panic)
        });
    }
}

/// Two frames are lost but for the second one, then one of the same length is written before it, and is
/// itself cut short behind its frame.
#[test]
fn a_frame_of_a_group_that_was_lost_never_follows_a_later_one() {
    let options = Options {
        segment_bytes: 2048,
        max_bytes: 64 << 10,
        ..small()
    };
    let mut survived = (0, 0);
    for seed in 0..4_000 {
        let sim = Sim::new(seed);
        let length = 257 + seed as usize % 200;
        let write = |records: &[u8]| {
            let (mut journal, _) = Journal::open(sim.clone(), options.clone()).unwrap();
            let from = journal.next_sequence();
            for &record in records {
                journal.append(&[vec![record; length]]).unwrap();
            }
            sim.inject(1, Fault::Stop);
            journal.sync().unwrap_err();
            sim.cut_power();
            from
        };
        let has = |record: u8| {
            let bytes = sim.contents("0000000000000000.segment").unwrap();
            bytes
                .windows(length)
                .any(|bytes| bytes.iter().all(|&byte| byte == record))
        };
        let (mut journal, _) = Journal::open(sim.clone(), options.clone()).unwrap();
        journal.append(&["before"]).unwrap();
        journal.sync().unwrap();
        drop(journal);
        write(b"ab");
        survived.0 += u64::from(has(b'b') && !has(b'a'));
        if write(b"c") > 1 {
            continue;
        }
        let (journal, report) = Journal::open(sim.clone(), options.clone()).unwrap();
        assert_eq!(report.damages, [], "seed {seed}");
        survived.1 += u64::from(has(b'c'));
        let found = support::read(&journal, 1).0;
        let made_up = found.iter().any(|(_, record)| record[0] != b'c');
        assert!(!made_up, "seed {seed}: {found:?}");
    }
    assert!(survived.0 > 100 && survived.1 > 100, "{survived:?}");
}

fn live(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let sim = Sim::new(random.u64(..));
    let options = options(&mut random);
    let mut model = Model::new(options.origin.sequence);
    for _ in 0..random.usize(2..7) {
        if random.u8(..) < 160 {
            strike(&mut random, &sim);
        }
        // An opening that a fault ends is an opening all the same: the next one finds what it left.
        if let Ok((mut journal, report)) = Journal::open(sim.clone(), options.clone()) {
            model.check(&journal, &report);
            for _ in 0..random.usize(0..30) {
                if step(&mut random, &mut journal, &mut model).is_err() {
                    break;
                }
            }
        }
        sim.set_space(u64::MAX);
        if random.u8(..) < 192 {
            sim.cut_power();
        } else {
            sim.kill();
        }
    }
    let (journal, report) = Journal::open(sim, options).expect("no fault is left");
    model.check(&journal, &report);
}

/// Counters begin near their end in some lives.
fn options(random: &mut fastrand::Rng) -> Options {
    let mut options = small();
    options.segment_bytes = 8 * random.u64(128..256);
    options.max_bytes = options.segment_bytes * random.u64(2..8);
    if random.bool() {
        options.origin = Origin {
            journal: None,
            sequence: u64::MAX - 100_000,
            segment: u64::MAX - 1_000,
            group: u64::MAX - random.u64(0..8),
            checkpoint: u64::MAX - random.u64(0..8),
        };
    }
    options
}

/// Lets something happen at a call to come.
fn strike(random: &mut fastrand::Rng, sim: &Sim) {
    let calls = random.u64(0..60);
    match random.u8(0..8) {
        0..4 => sim.inject(calls, Fault::Stop),
        4..6 => sim.inject(calls, Fault::Error(ErrorKind::Other)),
        6 => sim.inject(calls, Fault::Error(ErrorKind::StorageFull)),
        _ => sim.set_space(random.u64(0..20_000)),
    }
}
