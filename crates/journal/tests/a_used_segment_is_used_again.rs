//! Segments that were let go become the next ones, with all that is in them. What an earlier use left
//! there is never taken for records, for a write that was cut short, or for damage.

mod support;

use std::collections::BTreeSet;

use millpond_journal::sim::Sim;
use millpond_journal::{Files, Journal, Report, Storage};
use support::{read, small};

/// What is in all segments, zeros aside, is made of this.
const RECORD: [u8; 100] = [7; 100];

/// Appends `records`, each synced and then done with.
fn pass<S: Storage>(journal: &mut Journal<S>, records: u64) {
    for _ in 0..records {
        journal.append(&[RECORD]).expect("there is room");
        let durable = journal.sync().expect("no fault is injected");
        journal.truncate(durable - 1).expect("it is durable");
    }
}

fn segments(sim: &Sim) -> BTreeSet<String> {
    let names = sim.list().expect("no fault is injected");
    names
        .into_iter()
        .filter(|name| name.ends_with(".segment"))
        .collect()
}

#[test]
fn an_opening_finds_what_was_synced_and_nothing_else_wherever_it_falls() {
    for records in 0..80 {
        let sim = Sim::new(records);
        let (mut journal, _) = Journal::open(sim.clone(), small()).unwrap();
        pass(&mut journal, records);
        drop(journal);
        sim.cut_power();
        let (mut journal, report) = Journal::open(sim.clone(), small()).unwrap();
        assert_eq!(report, Report::default(), "after {records} records");
        assert_eq!(journal.next_sequence(), records);
        let from = journal.committed_sequence();
        assert_eq!(read(&journal, from).0.len() as u64, records.min(1));

        // What was left behind the end stays hidden when the segment is written on.
        pass(&mut journal, 5);
        drop(journal);
        let (journal, report) = Journal::open(sim, small()).unwrap();
        assert_eq!(report, Report::default(), "after {records} records and 5");
        assert_eq!(journal.next_sequence(), records + 5);
    }
}

#[test]
fn what_is_kept_for_later_leaves_no_hole_should_the_checkpoint_be_lost() {
    for records in 0..80 {
        let sim = Sim::new(records);
        let (mut journal, _) = Journal::open(sim.clone(), small()).unwrap();
        pass(&mut journal, records);
        drop(journal);
        sim.remove("checkpoint").unwrap();
        let (journal, report) = Journal::open(sim, small()).unwrap();
        assert_eq!(report.damages, [], "after {records} records");
        assert_eq!(journal.next_sequence(), records);
    }
}

#[test]
fn a_steady_stream_makes_no_new_files_and_stays_within_its_bound() {
    let sim = Sim::new(1);
    let (mut journal, _) = Journal::open(sim.clone(), small()).unwrap();
    pass(&mut journal, 40);
    // From here on the disk has room for what is there and not a byte more.
    let used: usize = sim
        .list()
        .unwrap()
        .iter()
        .map(|name| sim.contents(name).unwrap().len())
        .sum();
    sim.set_space(used as u64);
    let before = segments(&sim);
    pass(&mut journal, 400);
    let after = segments(&sim);
    assert!(before.is_disjoint(&after), "{before:?}, {after:?}");
    assert!(after.len() <= 4, "{after:?}");
}

#[test]
fn a_truncation_is_a_write_and_a_sync_even_if_it_lets_a_segment_go() {
    let sim = Sim::new(1);
    let (mut journal, _) = Journal::open(sim.clone(), small()).unwrap();
    for _ in 0..100 {
        journal.append(&[RECORD]).unwrap();
        let durable = journal.sync().unwrap();
        let before = sim.calls();
        journal.truncate(durable).unwrap();
        assert_eq!(sim.calls() - before, 2, "at {durable}");
        journal.truncate(durable).unwrap();
        assert_eq!(sim.calls() - before, 2, "nothing is new");
    }
    assert!(sim.renames() > 0, "no segment was let go and used again");
}

#[test]
fn what_is_let_go_at_once_is_mostly_removed() {
    let sim = Sim::new(1);
    let (mut journal, _) = Journal::open(sim.clone(), small()).unwrap();
    for _ in 0..50 {
        journal.append(&[RECORD]).unwrap();
    }
    let durable = journal.sync().unwrap();
    let before = segments(&sim).len();
    journal.truncate(durable).unwrap();
    let after = segments(&sim).len();
    assert!((7..=8).contains(&before) && after <= 4, "{before}, {after}");
}

#[test]
fn a_segment_of_another_length_is_not_used_again() {
    let sim = Sim::new(1);
    let (mut journal, _) = Journal::open(sim.clone(), small()).unwrap();
    for _ in 0..50 {
        journal.append(&[RECORD]).unwrap();
    }
    journal.sync().unwrap();
    drop(journal);
    let longer = millpond_journal::Options {
        segment_bytes: 2048,
        max_bytes: 1 << 20,
        ..small()
    };
    let (mut journal, report) = Journal::open(sim.clone(), longer).unwrap();
    assert_eq!(report, Report::default());
    pass(&mut journal, 100);
    let lengths: BTreeSet<usize> = segments(&sim)
        .iter()
        .map(|name| sim.contents(name).unwrap().len())
        .collect();
    assert!(
        lengths.is_subset(&BTreeSet::from([512, 1024, 1536, 2048])) && lengths.contains(&2048),
        "{lengths:?}"
    );
    let next = journal.next_sequence();
    drop(journal);
    let (journal, report) = Journal::open(sim, small()).unwrap();
    assert_eq!((report, journal.next_sequence()), (Report::default(), next));
}

#[test]
fn a_reader_that_is_left_behind_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(Files::open(folder.path()).unwrap(), small()).unwrap();
    for _ in 0..12 {
        journal.append(&[RECORD]).unwrap();
        journal.sync().unwrap();
    }
    let mut reader = journal.reader(0).unwrap();
    let first = reader.next_records().unwrap().map(Iterator::count);
    assert_eq!(first, Some(1));
    // The segment that it reads is let go and written over.
    pass(&mut journal, 100);
    let (committed, durable) = (journal.committed_sequence(), journal.durable_sequence());
    let error = reader.next_records().map(|_| ()).unwrap_err();
    let expected =
        format!("sequence 1 is not in the journal, expected one from {committed} to {durable}");
    assert_eq!(error.to_string(), expected);
}
