//! Pages that the system was told to forget hold what was written, also where a group began or ended within one.

use millpond_journal::{Files, Journal, Options};

fn record(sequence: u64) -> Vec<u8> {
    vec![sequence as u8; 1 + (sequence as usize * 37) % 3_000]
}

#[test]
fn groups_of_any_length_are_read_back_behind_the_writer_and_after_an_opening() {
    let folder = tempfile::tempdir().expect("a directory");
    let options = Options {
        segment_bytes: 64 << 10,
        max_bytes: 4 << 20,
        ..Options::default()
    };
    let open = || {
        let files = Files::open(folder.path()).expect("it is free");
        let (mut journal, report) = Journal::open(files, options.clone()).expect("it opens");
        assert!(report.damages.is_empty());
        journal.set_cached(false);
        journal
    };
    let mut journal = open();
    let mut reader = journal.reader(0).expect("it is the first");
    let mut read = 0;
    for sequence in 0..500 {
        journal.append(&[record(sequence)]).expect("there is room");
        if sequence % 7 == 0 {
            journal.sync().expect("synced");
        }
        if sequence % 31 == 0 {
            while let Some(records) = reader.next_records().expect("readable") {
                for (sequence, found) in records {
                    assert_eq!((sequence, found), (read, &record(read)[..]));
                    read += 1;
                }
            }
        }
    }
    journal.sync().expect("synced");
    assert!(read > 400);
    drop((reader, journal));
    let mut reader = open().reader(0).expect("nothing was let go of");
    let mut read = 0;
    while let Some(records) = reader.next_records().expect("readable") {
        for (sequence, found) in records {
            assert_eq!((sequence, found), (read, &record(read)[..]));
            read += 1;
        }
    }
    assert_eq!(read, 500);
}
