//! A reader that follows a writer sees every record once, in order, and never one that is not durable
//! yet; and it says so when a record has gone bad since the journal was opened.

mod support;

use std::sync::mpsc::channel;
use std::thread;

use millpond_journal::sim::Sim;
use millpond_journal::{Error, Journal, Options};
use support::{read, small};

#[test]
fn while_the_writer_goes_on_in_another_thread_and_truncates_behind_it() {
    const RECORDS: u64 = 20_000;
    let options = Options {
        max_bytes: 1 << 20,
        ..small()
    };
    let (mut journal, _) = Journal::open(Sim::new(1), options).expect("nothing is there yet");
    let mut reader = journal.reader(0).expect("it is the first");
    let (synced, news) = channel();
    let (done, acknowledged) = channel();
    let writer = thread::spawn(move || {
        for sequence in 0..RECORDS {
            let record = format!("record {sequence}");
            while let Err(error) = journal.append(&[&record]) {
                assert!(error.heals(), "{error}");
                journal.sync().expect("no fault is injected");
                synced.send(()).expect("the reader waits");
                let sequence = acknowledged.recv().expect("the reader goes on");
                journal.truncate(sequence).expect("it was read");
            }
            if sequence % 7 == 0 {
                journal.sync().expect("no fault is injected");
                synced.send(()).expect("the reader waits");
            }
            if let Some(sequence) = acknowledged.try_iter().last() {
                journal.truncate(sequence).expect("it was read");
            }
        }
        journal.sync().expect("no fault is injected");
        journal.durable_sequence()
    });
    let mut next = 0;
    let mut drain = || {
        while let Some(records) = reader.next_records().expect("nothing is damaged") {
            for (sequence, record) in records {
                assert_eq!(
                    (sequence, record),
                    (next, format!("record {next}").as_bytes())
                );
                next += 1;
            }
        }
        next
    };
    for () in news {
        // The writer may be gone with its last word on the way.
        let _ = done.send(drain());
    }
    assert_eq!(drain(), RECORDS);
    assert_eq!(writer.join().expect("the writer ends well"), RECORDS);
}

#[test]
fn a_record_that_is_not_synced_is_not_served() {
    let (mut journal, _) = Journal::open(Sim::new(1), small()).expect("nothing is there yet");
    journal.append(&["one"]).expect("there is room");
    assert_eq!(read(&journal, 0).0, []);
    journal.sync().expect("no fault is injected");
    assert_eq!(read(&journal, 0).0, [(0, b"one".to_vec())]);
}

#[test]
fn damage_that_came_after_the_opening_is_told_with_its_range() {
    let sim = Sim::new(1);
    let (mut journal, _) = Journal::open(sim.clone(), small()).expect("nothing is there yet");
    for _ in 0..20 {
        journal.append(&[[7; 100]]).expect("there is room");
        journal.sync().expect("no fault is injected");
    }
    sim.flip("0000000000000000.segment", 300, 1);
    let (found, error) = read(&journal, 0);
    assert_eq!(found.len(), 1);
    let Some(Error::Damaged(damage)) = error else {
        panic!("{error:?}");
    };
    assert_eq!((damage.segment, damage.from), (0, 1));
    let to = damage.to.expect("the next segment says");
    assert_eq!(
        read(&journal, to).0.len() as u64,
        20 - to,
        "the rest is served"
    );
}

#[test]
fn a_sequence_that_is_not_there_is_refused_with_what_is() {
    let (mut journal, _) = Journal::open(Sim::new(1), small()).expect("nothing is there yet");
    journal.append(&["one", "two"]).expect("there is room");
    journal.sync().expect("no fault is injected");
    journal.truncate(1).expect("it is durable");
    for wrong in [0, 3] {
        let error = journal.reader(wrong).err().expect("it is out of range");
        let expected = format!("sequence {wrong} is not in the journal, expected one from 1 to 2");
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(read(&journal, 1).0, [(1, b"two".to_vec())]);
}
