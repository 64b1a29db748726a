//! A journal that has used up its numbers refuses the next record. It keeps what it has, and lets go of
//! it, as any other.

mod support;

use millpond_journal::sim::Sim;
use millpond_journal::{Error, Journal, Options, Report};
use support::{read, small};

fn ending_at(sequence: u64, segment: u64) -> Options {
    let mut options = small();
    (options.origin.sequence, options.origin.segment) = (sequence, segment);
    options
}

#[test]
fn the_last_sequence_is_given_and_none_after_it() {
    let sim = Sim::new(1);
    let options = ending_at(u64::MAX - 3, 0);
    let (mut journal, _) = Journal::open(sim.clone(), options.clone()).unwrap();
    journal.append(&["one", "two"]).unwrap();
    let refused = journal.append(&["three", "four"]);
    assert!(
        matches!(refused, Err(Error::Exhausted { what: "sequence" })),
        "{refused:?}"
    );
    assert_eq!(journal.append(&["three"]).unwrap().end, u64::MAX);
    let error = journal.append(&["four"]).unwrap_err();
    assert!(!error.heals(), "{error}");
    assert_eq!(journal.sync().unwrap(), u64::MAX);
    drop(journal);

    sim.cut_power();
    let (mut journal, report) = Journal::open(sim.clone(), options.clone()).unwrap();
    assert_eq!(report, Report::default());
    assert_eq!(read(&journal, u64::MAX - 3).0.len(), 3);
    assert!(journal.append(&["four"]).is_err());
    journal.truncate(u64::MAX).unwrap();
    drop(journal);
    let (journal, report) = Journal::open(sim, options).unwrap();
    let sequences = (journal.committed_sequence(), journal.next_sequence());
    assert_eq!(
        (report, sequences),
        (Report::default(), (u64::MAX, u64::MAX))
    );
}

#[test]
fn the_last_segment_is_filled_and_none_begun_after_it() {
    let sim = Sim::new(1);
    let options = ending_at(0, u64::MAX - 3);
    let (mut journal, _) = Journal::open(sim.clone(), options.clone()).unwrap();
    let mut accepted = 0;
    let error = loop {
        // Small ones, so that the segment after the last is looked for long before it is needed.
        match journal.append(&[[7; 20]]) {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
        if accepted % 5 == 0 {
            journal.sync().unwrap();
        }
    };
    assert!(
        matches!(error, Error::Exhausted { what: "segment" }),
        "{error}"
    );
    assert!(accepted > 60, "{accepted} records filled three segments");
    assert_eq!(
        journal.sync().unwrap(),
        accepted,
        "what was accepted has its place"
    );
    journal.truncate(accepted / 2).unwrap();
    assert!(journal.append(&[[7; 20]]).is_err());
    drop(journal);

    sim.cut_power();
    let (mut journal, report) = Journal::open(sim, options).unwrap();
    assert_eq!(report, Report::default());
    assert_eq!(
        read(&journal, accepted / 2).0.len() as u64,
        accepted - accepted / 2
    );
    assert!(matches!(
        journal.append(&[[7; 90]]),
        Err(Error::Exhausted { what: "segment" })
    ));
}
