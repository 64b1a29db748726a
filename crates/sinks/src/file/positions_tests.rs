//! The process dies at any call, and what its journal brings again ends up in the file once.

use bytesize::ByteSize;
use millpond_event::Records;

use super::super::writer::FileWriter;
use super::super::{FileConfig, RotateConfig};
use super::*;
use crate::{Rows, Writer};

const JOURNAL: u64 = 7;
const SIZE: u64 = 5 << 10;

fn config(dir: &Path, rotating: bool, sync: bool) -> FileConfig {
    let rotate = RotateConfig {
        size: Some(ByteSize(SIZE)),
        every: None,
        keep: 0,
    };
    FileConfig {
        path: dir.join("out.ndjson"),
        append: true,
        sync,
        rotate: rotating.then_some(rotate),
    }
}

/// What a journal keeps: rows of two lanes in turn, each on its own.
fn batches() -> Vec<(Lane, Records)> {
    let batch = |number: u64| {
        let mut records = Records::default();
        for row in 0..3 {
            let position = Position {
                sequence: number,
                ordinal: row / 2,
            };
            records.push_at(0, position, |out| {
                let text = format!("{:>700}\n", number * 10 + u64::from(row));
                out.extend_from_slice(text.as_bytes());
            });
        }
        let lane = Lane {
            pipeline: "p".into(),
            shard: (number % 2) as u32,
        };
        (lane, records)
    };
    (0..5).map(batch).collect()
}

fn bring(writer: &mut FileWriter, batch: &(Lane, Records)) {
    writer
        .write(&[Rows::of(&batch.1, &batch.0)])
        .expect("written");
}

fn names(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("readable");
    let names = entries.map(|entry| entry.expect("an entry").path());
    let mut names: Vec<_> = names
        .filter(|path| !path.to_string_lossy().contains(".positions"))
        .collect();
    names.sort_by_key(|name| {
        let name = name.to_string_lossy().into_owned();
        (name.ends_with("out.ndjson"), name.replace(".ndjson", ""))
    });
    names
}

/// The rows in the order of the files.
fn rows(dir: &Path) -> Vec<u64> {
    let bytes = names(dir)
        .iter()
        .flat_map(|name| fs::read(name).expect("readable"))
        .collect();
    let text = String::from_utf8(bytes).expect("digits");
    text.lines()
        .map(|line| line.trim().parse().expect("a whole row"))
        .collect()
}

fn all() -> Vec<u64> {
    (0..5)
        .flat_map(|number| (0..3).map(move |row| number * 10 + row))
        .collect()
}

/// Opens again; the journal brings everything from batch `from` on.
fn recovers(dir: &Path, rotating: bool, sync: bool, from: usize, what: &str) {
    let mut writer =
        FileWriter::open("out", config(dir, rotating, sync), Some(JOURNAL)).expect("opened");
    for batch in &batches()[from..] {
        bring(&mut writer, batch);
        writer.flush().expect("flushed");
    }
    assert_eq!(rows(dir), all(), "{what}, from {from}");
}

/// Runs `writes` batches, flushing behind each but the last; gives what is confirmed.
fn run(dir: &Path, rotating: bool, sync: bool, writes: usize, flush: bool) {
    let mut writer =
        FileWriter::open("out", config(dir, rotating, sync), Some(JOURNAL)).expect("opened");
    for (number, batch) in batches()[..writes].iter().enumerate() {
        bring(&mut writer, batch);
        if flush || number + 1 < writes {
            writer.flush().expect("flushed");
        }
    }
}

fn cut(path: &Path, len: u64) {
    let file = OpenOptions::new().write(true).open(path).expect("there");
    file.set_len(len).expect("cut");
}

fn len(path: &Path) -> u64 {
    fs::metadata(path).expect("there").len()
}

#[test]
fn a_write_that_dies_at_any_byte_is_taken_back_and_comes_again() {
    for writes in 1..=5 {
        let confirmed = writes - 1;
        let whole = 3 * 701;
        for bytes in [0, 1, 700, 701, 1000, whole - 1, whole] {
            for from in [0, confirmed] {
                let dir = tempfile::tempdir().expect("a directory");
                run(dir.path(), false, false, writes, false);
                cut(
                    &dir.path().join("out.ndjson"),
                    confirmed as u64 * whole + bytes,
                );
                recovers(dir.path(), false, false, from, &format!("{bytes} bytes"));
            }
        }
    }
}

#[test]
fn a_position_that_is_torn_at_any_byte_is_one_that_was_not_stored() {
    let dir = tempfile::tempdir().expect("a directory");
    run(dir.path(), false, false, 2, false);
    let side = side_path(&dir.path().join("out.ndjson"));
    let before = len(&side);
    drop(dir);
    let dir = tempfile::tempdir().expect("a directory");
    run(dir.path(), false, false, 2, true);
    let after = len(&side_path(&dir.path().join("out.ndjson")));
    assert!(after > before);
    for bytes in before..=after {
        let dir = tempfile::tempdir().expect("a directory");
        run(dir.path(), false, false, 2, true);
        cut(&side_path(&dir.path().join("out.ndjson")), bytes);
        recovers(dir.path(), false, false, 0, &format!("{bytes} bytes"));
    }
}

#[test]
fn a_rotation_that_dies_between_any_two_calls_loses_and_doubles_nothing() {
    // Seven rows fit into a file: the third batch begins a new one with its second row.
    for sync in [false, true] {
        for state in 0..8 {
            let dir = tempfile::tempdir().expect("a directory");
            run(dir.path(), true, sync, 3, false);
            let path = dir.path().join("out.ndjson");
            let side = side_path(&path);
            let files = names(dir.path());
            assert_eq!(files.len(), 2, "{files:?}");
            let lines = fs::read(&side).expect("readable");
            let ends: Vec<u64> = (1..)
                .zip(&lines)
                .filter(|(_, byte)| **byte == b'\n')
                .map(|(at, _)| at)
                .collect();
            let [.., flushed, settled, anew] = ends[..] else {
                panic!("{ends:?}");
            };
            assert_eq!(anew, lines.len() as u64);
            let old_in_place = || fs::rename(&files[0], &path).expect("moved back");
            match state {
                0 => {
                    old_in_place();
                    cut(&side, flushed);
                }
                1 => {
                    old_in_place();
                    cut(&side, settled);
                }
                2 => {
                    fs::remove_file(&path).expect("removed");
                    cut(&side, settled);
                }
                3 => {
                    cut(&path, 0);
                    cut(&side, settled);
                }
                4 => cut(&path, 0),
                5 => cut(&path, 300),
                6 => cut(&path, 701),
                _ => {}
            }
            recovers(dir.path(), true, sync, state % 3, &format!("state {state}"));
        }
    }
}

#[test]
fn a_position_that_cannot_be_stored_takes_its_rows_back_until_it_can() {
    if !Path::new("/dev/full").exists() {
        println!("skipped: no /dev/full");
        return;
    }
    for rotating in [false, true] {
        let dir = tempfile::tempdir().expect("a directory");
        let mut writer =
            FileWriter::open("out", config(dir.path(), rotating, false), Some(JOURNAL))
                .expect("opened");
        let batches = batches();
        bring(&mut writer, &batches[0]);
        writer.flush().expect("flushed");
        let kept = &mut writer.kept.as_mut().expect("a journal").positions;
        kept.log = OpenOptions::new()
            .append(true)
            .open("/dev/full")
            .expect("there");
        bring(&mut writer, &batches[1]);
        bring(&mut writer, &batches[2]);
        let error = writer.flush().expect_err("no space");
        assert_eq!(error.done(), 0);
        assert_eq!(rows(dir.path()).len(), 3, "what is not stored is not there");
        for batch in &batches[1..] {
            bring(&mut writer, batch);
        }
        writer.flush().expect("space again");
        assert_eq!(rows(dir.path()), all());
        drop(writer);
        recovers(dir.path(), rotating, false, 0, "afterwards");
    }
}

#[test]
fn a_file_moved_away_takes_its_rows_along_and_none_comes_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, moved) = (
        dir.path().join("out.ndjson"),
        dir.path().join("moved.ndjson"),
    );
    let batches = batches();
    let mut writer =
        FileWriter::open("out", config(dir.path(), false, false), Some(JOURNAL)).expect("opened");
    bring(&mut writer, &batches[0]);
    fs::rename(&path, &moved).expect("moved");
    bring(&mut writer, &batches[1]);
    writer.reopen().expect("reopened");
    bring(&mut writer, &batches[2]);
    drop(writer);
    recovers(dir.path(), false, false, 0, "moved");
    assert_eq!(len(&moved), 6 * 701);
}

#[test]
fn positions_of_another_journal_swallow_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    run(dir.path(), false, false, 5, true);
    let mut other =
        FileWriter::open("out", config(dir.path(), false, false), Some(8)).expect("opened");
    bring(&mut other, &batches()[0]);
    other.flush().expect("flushed");
    assert_eq!(rows(dir.path()), [all(), vec![0, 1, 2]].concat());
}

#[test]
fn a_run_without_the_journal_in_between_loses_nothing_of_its_own() {
    let dir = tempfile::tempdir().expect("a directory");
    run(dir.path(), false, false, 3, false);
    let mut without =
        FileWriter::open("out", config(dir.path(), false, false), None).expect("opened");
    let own = crate::testing::records(["99"]);
    without.write(&[Rows::whole(&own)]).expect("written");
    without.flush().expect("flushed");
    drop(without);
    let mut with =
        FileWriter::open("out", config(dir.path(), false, false), Some(JOURNAL)).expect("opened");
    batches().iter().for_each(|batch| bring(&mut with, batch));
    let expected = [&all()[..6], &[99], &all()[6..]].concat();
    assert_eq!(rows(dir.path()), expected);
}

#[test]
fn a_file_emptied_or_cut_by_others_is_gone_on_with() {
    let dir = tempfile::tempdir().expect("a directory");
    run(dir.path(), false, false, 2, true);
    cut(&dir.path().join("out.ndjson"), 701);
    let mut writer =
        FileWriter::open("out", config(dir.path(), false, false), Some(JOURNAL)).expect("opened");
    batches().iter().for_each(|batch| bring(&mut writer, batch));
    assert_eq!(rows(dir.path()), [&[0], &all()[6..]].concat());
    drop(writer);
    let anew = FileConfig {
        append: false,
        ..config(dir.path(), false, false)
    };
    let mut writer = FileWriter::open("out", anew, Some(JOURNAL)).expect("opened");
    batches().iter().for_each(|batch| bring(&mut writer, batch));
    assert_eq!(rows(dir.path()), all(), "what was emptied is written again");
}

#[test]
fn an_unsynced_file_is_not_believed_after_the_machine_has_started_anew() {
    for sync in [false, true] {
        let dir = tempfile::tempdir().expect("a directory");
        run(dir.path(), false, sync, 5, true);
        let side = side_path(&dir.path().join("out.ndjson"));
        let (mut head, lanes) = read(&fs::read(&side).expect("readable")).expect("good");
        assert_eq!(head.boot.is_some(), !sync);
        head.boot = head.boot.map(|_| "another".to_owned());
        write_whole(&side, &head, &Marks::found(lanes), sync).expect("written");
        let mut writer = FileWriter::open("out", config(dir.path(), false, sync), Some(JOURNAL))
            .expect("opened");
        bring(&mut writer, &batches()[4]);
        writer.flush().expect("flushed");
        assert_eq!(rows(dir.path()).len(), if sync { 15 } else { 18 });
    }
}

#[test]
fn long_lines_are_made_one_and_nothing_is_forgotten() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, identity) = (
        dir.path().join("out"),
        Identity::of(&fs::metadata(dir.path()).expect("there")),
    );
    let before = look("out", &path, identity, Some(JOURNAL), false)
        .expect("readable")
        .expect("a journal");
    let mut positions = before.begin(identity, 0, false).expect("begun");
    let mut longest = 0;
    for (sequence, shard) in (0..20_000u64).zip((0..9u32).cycle()) {
        let mut records = Records::default();
        let position = Position {
            sequence,
            ordinal: 0,
        };
        records.push_at(0, position, |out| out.push(b'\n'));
        let lane = Lane {
            pipeline: "a name that is long".into(),
            shard,
        };
        positions.marks.wrote(&[Rows::of(&records, &lane)]);
        positions.store(identity, sequence + 1).expect("stored");
        longest = longest.max(len(&side_path(&path)));
    }
    assert!(
        longest < MOST_BYTES + 4096 && positions.bytes < longest,
        "{longest}"
    );
    let (head, lanes) = read(&fs::read(side_path(&path)).expect("readable")).expect("good");
    assert_eq!((head.length, lanes.len()), (20_000, 9));
    let last = lanes
        .iter()
        .map(|(_, reached)| reached.until.position.sequence)
        .max();
    assert_eq!(last, Some(19_999));
}
