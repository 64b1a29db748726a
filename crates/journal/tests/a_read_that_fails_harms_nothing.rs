//! A disk that cannot read is not a journal that is damaged: the error names the file, nothing is
//! removed or passed over because of it, and all is there once the disk can read again.

mod support;

use std::io::ErrorKind;

use millpond_journal::sim::Sim;
use millpond_journal::{Error, Journal, Report};
use support::{read, small};

const RECORDS: u64 = 30;

fn record(sequence: u64) -> Vec<u8> {
    vec![sequence as u8; 90]
}

/// A journal of several segments, the first of them let go and used again.
fn journal(sim: &Sim) -> Journal<Sim> {
    let (mut journal, _) = Journal::open(sim.clone(), small()).expect("no fault is injected");
    for sequence in 0..RECORDS {
        journal
            .append(&[record(sequence)])
            .expect("no fault is injected");
        journal.sync().expect("no fault is injected");
        journal
            .truncate(sequence.saturating_sub(15))
            .expect("no fault is injected");
    }
    assert!(sim.renames() > 0);
    journal
}

fn names_its_file(error: &Error) -> bool {
    let text = error.to_string();
    let named = [".segment", "checkpoint", "accepted", "the journal's folder"];
    matches!(error, Error::Io { .. }) && named.iter().any(|name| text.contains(name))
}

#[test]
fn an_opening_that_cannot_read_fails_and_the_next_one_finds_everything() {
    let sim = Sim::new(1);
    drop(journal(&sim));
    let before = sim.reads();
    drop(Journal::open(sim.clone(), small()).unwrap());
    let reads = sim.reads() - before;
    assert!(reads > 30, "an opening reads {reads} times");
    for at in 0..reads {
        let sim = Sim::new(1);
        drop(journal(&sim));
        sim.fail_read(at, ErrorKind::Other);
        let error = Journal::open(sim.clone(), small()).err();
        let error = error.unwrap_or_else(|| panic!("read {at} was not missed"));
        assert!(names_its_file(&error), "read {at}: {error}");
        sim.cut_power();
        let (journal, report) = Journal::open(sim, small()).unwrap();
        assert_eq!(report, Report::default(), "read {at}");
        let expected: Vec<_> = (RECORDS - 16..RECORDS).map(|at| (at, record(at))).collect();
        assert_eq!(read(&journal, RECORDS - 16).0, expected, "read {at}");
    }
}

#[test]
fn a_reader_that_cannot_read_says_so_and_goes_on_where_it_was() {
    let sim = Sim::new(1);
    let journal = journal(&sim);
    let begin = journal.committed_sequence();
    let before = sim.reads();
    let all = read(&journal, begin).0;
    let reads = sim.reads() - before;
    assert!(all.len() == 16 && reads > 30, "{reads} reads");
    for at in 0..reads {
        sim.fail_read(at, ErrorKind::Other);
        let mut found = Vec::new();
        let mut errors = Vec::new();
        let mut reader = journal.reader(begin).unwrap();
        loop {
            match reader.next_records() {
                Ok(Some(batch)) => found.extend(batch.map(|(at, bytes)| (at, bytes.to_vec()))),
                Ok(None) => break,
                Err(error) => errors.push(error),
            }
        }
        assert_eq!(found, all, "read {at}");
        assert!(
            errors.len() == 1 && names_its_file(&errors[0]),
            "read {at}: {errors:?}"
        );
    }
}
