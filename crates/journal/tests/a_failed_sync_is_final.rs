//! After a sync or a write that failed nobody knows what the disk holds. A journal that tried again and
//! heard "yes" would acknowledge what is not there.

mod support;

use std::io::ErrorKind;

use millpond_journal::sim::{Fault, Sim};
use millpond_journal::{Error, Journal};
use support::{read, small};

/// A journal with one record synced and one more appended.
fn journal(sim: &Sim) -> Journal<Sim> {
    let (mut journal, _) = Journal::open(sim.clone(), small()).expect("no fault is injected yet");
    journal
        .append(&["first"])
        .expect("no fault is injected yet");
    assert_eq!(journal.sync().expect("no fault is injected yet"), 1);
    journal
        .append(&["second"])
        .expect("no fault is injected yet");
    journal
}

fn is_poisoned<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Poisoned { .. }))
}

#[test]
fn nothing_is_accepted_or_acknowledged_after_it() {
    // The write of the group, and its sync.
    for call in 0..2 {
        for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
            let sim = Sim::new(1);
            let mut journal = journal(&sim);
            sim.inject(call, Fault::Error(kind));
            assert!(matches!(journal.sync(), Err(Error::Io { .. })));
            assert!(
                is_poisoned(journal.sync()),
                "the second time it would seem to work"
            );
            assert!(is_poisoned(journal.append(&["third"])));
            assert!(is_poisoned(journal.truncate(1)));
            assert_eq!(journal.durable_sequence(), 1);
            assert_eq!(
                read(&journal, 0).0,
                [(0, b"first".to_vec())],
                "what was durable is served"
            );
        }
    }
}

#[test]
fn what_memory_still_shows_of_it_is_written_anew_before_it_counts() {
    for seed in 0..200 {
        let sim = Sim::new(seed);
        let mut journal = journal(&sim);
        sim.inject(1, Fault::Error(ErrorKind::Other));
        journal.sync().unwrap_err();
        drop(journal);
        sim.kill();
        let (journal, _) = Journal::open(sim.clone(), small()).unwrap();
        let next = journal.next_sequence();
        assert_eq!(next, 2, "memory shows both");
        sim.cut_power();
        let (journal, report) = Journal::open(sim, small()).unwrap();
        assert_eq!(report.damages, []);
        assert_eq!(
            journal.next_sequence(),
            next,
            "what was served once is there"
        );
    }
}

#[test]
fn the_reason_is_told_to_whoever_asks_later() {
    let sim = Sim::new(1);
    let mut journal = journal(&sim);
    sim.inject(1, Fault::Error(ErrorKind::Other));
    journal.sync().unwrap_err();
    let told = journal.append(&["third"]).unwrap_err().to_string();
    assert!(
        told.contains("stopped for good") && told.contains("0000000000000000.segment"),
        "{told}"
    );
}
