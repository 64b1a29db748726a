//! Whoever only looks at a journal sees every durable record, whether or not a writer has it, takes
//! nothing that is under way for damage, and leaves every file as it was.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use millpond_journal::{Error, Files, Journal, Options, ReadOnly};

fn small() -> Options {
    Options {
        segment_bytes: 4 << 10,
        max_bytes: 64 << 10,
        ..Options::default()
    }
}

fn record(sequence: u64) -> String {
    format!("record {sequence} {}", "x".repeat(sequence as usize % 50))
}

/// The sequences that are read, each with its own record.
fn read(look: &ReadOnly<millpond_journal::Snapshot>) -> Result<Vec<u64>, Error> {
    let mut reader = look.reader(look.committed_sequence())?;
    let mut found = Vec::new();
    while let Some(records) = reader.next_records()? {
        for (sequence, bytes) in records {
            assert_eq!(bytes, record(sequence).as_bytes());
            found.push(sequence);
        }
    }
    Ok(found)
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn a_journal_in_use_is_read_and_no_byte_of_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(Files::open(folder.path()).unwrap(), small()).unwrap();
    for sequence in 0..200 {
        journal.append(&[record(sequence)]).unwrap();
    }
    journal.sync().unwrap();
    journal.truncate(90).unwrap();
    let before = contents(folder.path());

    let look = ReadOnly::open(folder.path()).unwrap();
    assert_eq!(read(&look).unwrap(), (90..200).collect::<Vec<_>>());
    assert_eq!((look.committed_sequence(), look.next_sequence()), (90, 200));
    assert!(look.damages().is_empty());
    assert!(contents(folder.path()) == before);
    journal
        .append(&[record(200)])
        .expect("the writer still has it");
}

#[test]
fn a_folder_that_is_not_there_is_an_empty_journal_and_stays_away() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let look = ReadOnly::open(&nowhere).unwrap();
    assert_eq!(read(&look).unwrap(), [0; 0]);
    assert!(!nowhere.exists());
}

#[test]
fn damage_is_told_and_passed_over_only_when_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(Files::open(folder.path()).unwrap(), small()).unwrap();
    for sequence in 0..100 {
        journal.append(&[record(sequence)]).unwrap();
        journal.sync().unwrap();
    }
    let name = contents(folder.path())
        .into_keys()
        .find(|name| name.ends_with("0.segment"));
    let path = folder.path().join(name.unwrap());
    let mut bytes = fs::read(&path).unwrap();
    bytes[1_000] ^= 1;
    fs::write(&path, &bytes).unwrap();

    let mut look = ReadOnly::open(folder.path()).unwrap();
    let [damage] = look.damages() else {
        panic!("{:?}", look.damages())
    };
    let lost = damage.from..damage.to.expect("good ones follow");
    assert!(matches!(read(&look), Err(Error::Damaged(_))));
    look.accept_damage();
    let expected: Vec<u64> = (0..100)
        .filter(|sequence| !lost.contains(sequence))
        .collect();
    assert_eq!(read(&look).unwrap(), expected);
}

#[test]
fn a_writer_under_way_is_never_taken_for_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(Files::open(folder.path()).unwrap(), small()).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut looks = 0;
            while !done.load(Ordering::SeqCst) {
                let look = ReadOnly::open(folder.path()).unwrap();
                assert!(look.damages().is_empty(), "{:?}", look.damages());
                match read(&look) {
                    Ok(found) => {
                        let expected = look.committed_sequence()..look.next_sequence();
                        assert_eq!(found, expected.collect::<Vec<_>>());
                    }
                    Err(error) => {
                        let now = ReadOnly::open(folder.path()).unwrap().committed_sequence();
                        assert!(now > look.committed_sequence(), "{error}");
                    }
                }
                looks += 1;
            }
            looks
        });
        let mut sequence = 0;
        while sequence < 3_000 {
            for _ in 0..=sequence % 5 {
                let appended = journal.append(&[record(sequence)]);
                if appended.is_err_and(|error| error.heals()) {
                    let half = (journal.committed_sequence() + journal.durable_sequence()) / 2;
                    journal.truncate(half).unwrap();
                    continue;
                }
                sequence += 1;
            }
            journal.sync().unwrap();
        }
        done.store(true, Ordering::SeqCst);
        assert!(looking.join().unwrap() > 0);
    });
}
