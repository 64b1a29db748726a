//! Damage that an operator has accepted is passed over after every restart, too; but never more than
//! was accepted.

mod support;

use millpond_journal::sim::{Fault, Sim};
use millpond_journal::{Damage, Error, Journal, Report};
use support::{read, small};

const RECORDS: u64 = 40;

fn name(segment: u64) -> String {
    format!("{segment:016x}.segment")
}

/// Several segments of records that are each a group.
fn journal(seed: u64) -> Sim {
    let sim = Sim::new(seed);
    let (mut journal, _) = Journal::open(sim.clone(), small()).expect("no fault is injected");
    for _ in 0..RECORDS {
        journal.append(&[[7; 80]]).expect("no fault is injected");
        journal.sync().expect("no fault is injected");
    }
    sim
}

fn open(sim: &Sim) -> (Journal<Sim>, Report) {
    Journal::open(sim.clone(), small()).expect("no fault is injected")
}

fn lost(damages: &[Damage]) -> u64 {
    let lost = damages
        .iter()
        .filter_map(|damage| Some(damage.to? - damage.from));
    lost.sum()
}

#[test]
fn it_holds_after_a_power_cut_for_what_it_was_given_for() {
    let sim = journal(1);
    sim.flip(&name(1), 400, 1);
    let (mut journal, report) = open(&sim);
    assert_eq!((report.damages.len(), report.accepted.len()), (1, 0));
    assert!(matches!(read(&journal, 0).1, Some(Error::Damaged(_))));
    assert!(matches!(journal.truncate(RECORDS), Err(Error::Damaged(_))));
    journal.accept_damage().unwrap();
    let all = RECORDS - lost(&report.damages);
    assert_eq!(read(&journal, 0).0.len() as u64, all);
    drop(journal);

    for committed in [0, report.damages[0].from, RECORDS - 1] {
        sim.cut_power();
        let (mut journal, again) = open(&sim);
        assert_eq!((&again.damages, again.accepted.len()), (&Vec::new(), 1));
        let (found, error) = read(&journal, journal.committed_sequence());
        assert!(error.is_none() && !found.is_empty(), "{error:?}");
        journal.truncate(committed).unwrap();
    }
    let (_, report) = open(&sim);
    assert_eq!(
        report.accepted,
        [],
        "what is done with is not told any more"
    );
}

#[test]
fn it_does_not_hold_for_what_is_damaged_later() {
    let sim = journal(1);
    sim.flip(&name(1), 400, 1);
    let (mut journal, first) = open(&sim);
    journal.accept_damage().unwrap();
    drop(journal);

    sim.flip(&name(2), 400, 1);
    let (mut journal, second) = open(&sim);
    assert_eq!(second.accepted, first.damages);
    assert_eq!(second.damages.len(), 1);
    let error = read(&journal, 0).1;
    assert!(
        matches!(&error, Some(Error::Damaged(damage)) if *damage == second.damages[0]),
        "{error:?}"
    );
    assert!(matches!(journal.truncate(RECORDS), Err(Error::Damaged(_))));
    journal.accept_damage().unwrap();
    drop(journal);

    // The record behind the first damage goes, too: more is lost there than was accepted.
    let behind = sim.contents(&name(1)).unwrap();
    let behind = (400..behind.len()).find(|&at| at > 520 && behind[at] == 7);
    sim.flip(&name(1), behind.unwrap() as u64, 1);
    let (journal, third) = open(&sim);
    assert_eq!(third.accepted, second.damages);
    assert_eq!(third.damages.len(), 1);
    assert!(lost(&third.damages) > lost(&first.damages), "{third:?}");
    assert!(matches!(read(&journal, 0).1, Some(Error::Damaged(_))));
}

#[test]
fn it_holds_for_a_missing_end_until_another_end_is_missing() {
    let sim = journal(1);
    let newest = |sim: &Sim| {
        (0..99)
            .rev()
            .find(|&number| sim.contents(&name(number)).is_some())
    };
    let cut = |sim: &Sim, number| {
        let bytes = sim.contents(&name(number)).unwrap();
        sim.put(&name(number), &bytes[..20]);
    };
    // The last one may be in preparation only.
    let last = newest(&sim).unwrap();
    let used = (0..=last).rev().find(|&number| {
        let bytes = sim.contents(&name(number)).unwrap();
        bytes.iter().any(|&byte| byte != 0)
    });
    cut(&sim, used.unwrap());
    let (mut journal, report) = open(&sim);
    assert_eq!(
        report
            .damages
            .iter()
            .map(|damage| damage.to)
            .collect::<Vec<_>>(),
        [None]
    );
    journal.accept_damage().unwrap();
    drop(journal);
    let (mut journal, again) = open(&sim);
    assert_eq!(
        (&again.damages, &again.accepted),
        (&Vec::new(), &report.damages)
    );

    // What is written from here on has the sequences of what was lost, and is lost in turn.
    journal.append(&["new"]).unwrap();
    journal.sync().unwrap();
    drop(journal);
    cut(&sim, newest(&sim).unwrap());
    let (_, third) = open(&sim);
    assert_eq!(
        (third.damages.len(), third.accepted.len()),
        (1, 0),
        "{third:?}"
    );
}

#[test]
fn it_is_given_or_not_wherever_the_power_goes_and_asked_for_again_if_it_cannot_be_read() {
    let mut ends = [0, 0];
    for seed in 0..40 {
        for call in 0..5 {
            let sim = journal(seed);
            sim.flip(&name(1), 400, 1);
            let (mut journal, report) = open(&sim);
            sim.inject(call, Fault::Stop);
            let given = journal.accept_damage().is_ok();
            assert_eq!(given, call == 4, "it takes four calls");
            drop(journal);
            sim.cut_power();
            let (_, again) = open(&sim);
            let held = again.damages.is_empty();
            assert_eq!(
                if held {
                    &again.accepted
                } else {
                    &again.damages
                },
                &report.damages
            );
            assert!(held || !given, "seed {seed}, call {call}");
            ends[usize::from(held)] += 1;
            if given {
                let length = sim.contents("accepted").unwrap().len() as u64;
                sim.flip("accepted", seed % length, 1);
                let (_, again) = open(&sim);
                // The last four bytes mean nothing.
                assert_eq!(again.damages.is_empty(), seed % length >= 44);
            }
        }
    }
    assert!(ends.iter().all(|&count| count > 20), "{ends:?}");
}
