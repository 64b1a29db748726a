use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use bytesize::ByteSize;
use millpond_event::Records;

use super::*;
use crate::testing::records;

fn config(path: &Path) -> FileConfig {
    FileConfig {
        path: path.to_owned(),
        append: true,
        sync: false,
        rotate: None,
    }
}

fn rotating(path: &Path, size: u64, keep: u32) -> FileWriter {
    let rotate = RotateConfig {
        size: Some(ByteSize(size)),
        every: None,
        keep,
    };
    let rotate = Some(rotate);
    open(FileConfig {
        rotate,
        ..config(path)
    })
    .expect("opened")
}

fn open(config: FileConfig) -> Result<FileWriter, SinkError> {
    FileWriter::open("out", config, None)
}

fn write(writer: &mut FileWriter, rows: &Records) {
    writer.write(&[Rows::whole(rows)]).expect("written");
    writer.flush().expect("flushed");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("readable")
}

/// The contents of the files beside `path` that were moved away, oldest first, and of `path`.
fn files(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path.parent().expect("a directory"))
        .expect("readable")
        .map(|entry| entry.expect("an entry").path())
        .filter(|name| name != path)
        .collect();
    // `out.TIME.ndjson` comes before `out.TIME.1.ndjson`.
    names.sort_by_key(|name| name.to_string_lossy().replace(".ndjson", ""));
    names.push(path.to_owned());
    names.iter().map(|name| read(name)).collect()
}

#[test]
fn a_second_run_appends_unless_told_to_begin_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("deep/er/out.ndjson");
    let rows = records(["a", "b"]);
    for _ in 0..2 {
        write(&mut open(config(&path)).expect("opened"), &rows);
    }
    assert_eq!(read(&path), "a\nb\na\nb\n");
    let append = false;
    let anew = FileConfig {
        append,
        ..config(&path)
    };
    write(&mut open(anew).expect("opened"), &rows);
    assert_eq!(read(&path), "a\nb\n");
}

#[test]
fn a_line_torn_by_a_crash_does_not_run_into_the_next_row() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("out.ndjson");
    fs::write(&path, "whole\nto").expect("written");
    let mut writer = open(config(&path)).expect("opened");
    write(&mut writer, &records(["a"]));
    assert_eq!(read(&path), "whole\nto\na\n");
}

#[test]
fn two_writers_never_share_a_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("out.ndjson");
    let first = open(config(&path)).expect("opened");
    let append = false;
    let second = open(FileConfig {
        append,
        ..config(&path)
    });
    assert!(matches!(second.err(), Some(SinkError::InUse { .. })));
    drop(first);
    open(config(&path)).expect("free again");
}

#[test]
fn what_is_no_file_is_refused_by_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let error = open(config(dir.path())).err().expect("refused");
    let text = error.to_string();
    assert!(text.contains("is a directory") && text.contains(&*dir.path().to_string_lossy()));
    let below_a_file = dir.path().join("file/out");
    fs::write(dir.path().join("file"), "").expect("written");
    let error = open(config(&below_a_file)).err().expect("refused");
    assert!(
        error.to_string().contains("cannot create directory"),
        "{error}"
    );
}

#[test]
fn a_full_device_is_a_transient_error() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        println!("skipped: no /dev/full");
        return;
    }
    let mut writer = open(config(full)).expect("opened");
    let rows = records(["a"]);
    let error = writer.write(&[Rows::whole(&rows)]).expect_err("full");
    assert!(
        matches!(error, WriteError::Transient { done: 0, .. }),
        "{error:?}"
    );
}

#[test]
fn rotation_by_size_splits_between_rows_and_loses_none() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("out.ndjson");
    let mut writer = rotating(&path, 6, 0);
    write(&mut writer, &records(["a", "bb"]));
    write(&mut writer, &records(["c", "a long row", "d", "ee", "f"]));
    write(&mut writer, &records(["g"]));
    let expected = ["a\nbb\n", "c\n", "a long row\n", "d\nee\n", "f\ng\n"];
    assert_eq!(files(&path), expected);
}

#[test]
fn a_file_that_a_former_run_filled_is_moved_away_first() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("out.ndjson");
    fs::write(&path, "123456\n").expect("written");
    write(&mut rotating(&path, 6, 0), &records(["a"]));
    assert_eq!(files(&path), ["123456\n", "a\n"]);
}

#[test]
fn only_the_newest_files_are_kept_and_no_strangers_deleted() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("out.ndjson");
    let stranger = dir.path().join("out.backup.ndjson");
    fs::write(&stranger, "mine\n").expect("written");
    let mut writer = rotating(&path, 2, 2);
    write(&mut writer, &records(["1", "2", "3", "4", "5"]));
    assert_eq!(read(&stranger), "mine\n");
    fs::remove_file(&stranger).expect("removed");
    assert_eq!(files(&path), ["3\n", "4\n", "5\n"]);
}

#[test]
fn rotation_by_time_waits_for_its_time_and_for_rows() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("out.ndjson");
    let every = Duration::from_secs(60);
    let rotate = Some(RotateConfig {
        size: None,
        every: Some(every),
        keep: 0,
    });
    let mut writer = open(FileConfig {
        rotate,
        ..config(&path)
    })
    .expect("opened");
    let start = Instant::now();
    let due = writer.tick(start).expect("ticked").expect("a time");
    assert!(due <= start + every);
    // An empty file is not moved.
    let later = writer.tick(due).expect("ticked").expect("a time");
    assert_eq!(later, due + every);
    write(&mut writer, &records(["a"]));
    assert_eq!(
        writer.tick(later - Duration::from_secs(1)).expect("ticked"),
        Some(later)
    );
    assert_eq!(files(&path).len(), 1);
    writer.tick(later).expect("ticked");
    write(&mut writer, &records(["b"]));
    assert_eq!(files(&path), ["a\n", "b\n"]);
}

#[test]
fn a_file_moved_away_is_let_go_on_reopen_and_one_in_place_is_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, moved) = (dir.path().join("out"), dir.path().join("moved"));
    let mut writer = open(config(&path)).expect("opened");
    write(&mut writer, &records(["a"]));
    writer.reopen().expect("still in place");
    fs::rename(&path, &moved).expect("moved");
    write(&mut writer, &records(["b"]));
    writer.reopen().expect("reopened");
    write(&mut writer, &records(["c"]));
    assert_eq!((read(&moved), read(&path)), ("a\nb\n".into(), "c\n".into()));
}

#[test]
fn rotation_does_not_move_a_file_that_somebody_else_put_in_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("out.ndjson");
    let mut writer = rotating(&path, 2, 0);
    write(&mut writer, &records(["a"]));
    let moved = dir.path().join("a-moved");
    fs::rename(&path, &moved).expect("moved");
    fs::write(&path, "x").expect("written");
    write(&mut writer, &records(["b"]));
    assert_eq!(files(&path), ["a\n", "x\n", "b\n"]);
}

#[test]
fn a_file_cut_by_others_is_not_filled_with_zeros() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("out.ndjson");
    let mut writer = open(config(&path)).expect("opened");
    write(&mut writer, &records(["a long row"]));
    // As `logrotate` does with `copytruncate`.
    OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(0))
        .expect("cut");
    writer.current.take_back();
    write(&mut writer, &records(["b"]));
    assert_eq!(read(&path), "b\n");
}

#[test]
fn synced_rows_reach_every_file_they_were_spread_over() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("out.ndjson");
    let mut writer = rotating(&path, 4, 0);
    writer.sync = true;
    let rows = records(["a", "b", "c", "d", "e"]);
    writer.write(&[Rows::whole(&rows)]).expect("written");
    assert_eq!(writer.retired.len(), 2);
    writer.flush().expect("synced");
    assert!(writer.retired.is_empty());
    assert_eq!(files(&path), ["a\nb\n", "c\nd\n", "e\n"]);
}

#[test]
fn a_rotation_cut_short_by_an_error_is_taken_up_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("out.ndjson");
    let mut writer = rotating(&path, 2, 0);
    write(&mut writer, &records(["a"]));
    // The file cannot be made anew while a directory stands in its place.
    fs::rename(&path, dir.path().join("a-moved")).expect("moved");
    fs::create_dir(&path).expect("made");
    let rows = records(["b"]);
    let error = writer.write(&[Rows::whole(&rows)]).expect_err("no file");
    assert!(
        matches!(error, WriteError::Transient { done: 0, .. }),
        "{error:?}"
    );
    fs::remove_dir(&path).expect("removed");
    write(&mut writer, &rows);
    assert_eq!(files(&path), ["a\n", "b\n"]);
    let mut end = OpenOptions::new().append(true).open(&path).expect("opened");
    end.write_all(b"").expect("the file is usable");
}
