//! Rows and positions go together, whatever the database says.

use std::collections::BTreeMap;
use std::path::Path;

use millpond_delivery::Lane;
use millpond_event::{Position, Records};

use super::*;
use crate::config::Synchronous;

const JOURNAL: Option<u64> = Some(u64::MAX - 1);

fn config(dir: &Path) -> SqliteConfig {
    SqliteConfig {
        path: dir.join("deep/out.sqlite"),
        table: "a \"table\"".to_owned(),
        columns: BTreeMap::from([
            ("n".to_owned(), "in.n".to_owned()),
            ("t".to_owned(), "t".to_owned()),
        ]),
        create: true,
        busy_timeout: Duration::ZERO,
        synchronous: Synchronous::Normal,
    }
}

fn open(dir: &Path) -> SqliteWriter {
    SqliteWriter::open("out", config(dir), JOURNAL).expect("opened")
}

/// The database as somebody else sees it.
fn other(dir: &Path) -> Connection {
    Connection::open(config(dir).path).expect("opened")
}

fn lane() -> Lane {
    Lane {
        pipeline: "p".into(),
        shard: 3,
    }
}

/// Rows of these numbers, each an event of its own.
fn kept(numbers: std::ops::Range<u64>) -> Records {
    let mut records = Records::default();
    for number in numbers {
        let position = Position {
            sequence: number / 2,
            ordinal: (number % 2) as u32,
        };
        records.push_at(0, position, |out| {
            out.extend_from_slice(
                format!("{{\"in\":{{\"n\":{number}}},\"t\":\"x\"}}\n").as_bytes(),
            );
        });
    }
    records
}

fn numbers(dir: &Path) -> Vec<i64> {
    let database = other(dir);
    let mut select = database
        .prepare("SELECT n FROM \"a \"\"table\"\"\" ORDER BY rowid")
        .expect("there");
    let rows = select.query_map([], |row| row.get(0)).expect("read");
    rows.collect::<Result<_>>().expect("numbers")
}

#[test]
fn a_second_process_leaves_out_what_the_first_has_committed_and_another_journal_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let (lane, first, all) = (lane(), kept(0..5), kept(0..9));
    open(dir.path())
        .write(&[Rows::of(&first, &lane)])
        .expect("written");
    open(dir.path())
        .write(&[Rows::of(&all, &lane)])
        .expect("written");
    assert_eq!(numbers(dir.path()), (0..9).collect::<Vec<_>>());
    let mut another = SqliteWriter::open("out", config(dir.path()), Some(1)).expect("opened");
    another.write(&[Rows::of(&first, &lane)]).expect("written");
    let mut without = SqliteWriter::open("out", config(dir.path()), None).expect("opened");
    without.write(&[Rows::of(&first, &lane)]).expect("written");
    assert_eq!(numbers(dir.path()).len(), 9 + 5 + 5);
}

#[test]
fn a_database_that_others_have_locked_takes_the_rows_later_and_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let (lane, all) = (lane(), kept(0..4));
    let mut writer = open(dir.path());
    let other = other(dir.path());
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let rows = [Rows::of(&all, &lane)];
    let error = writer.write(&rows).expect_err("locked");
    assert!(
        matches!(error, WriteError::Transient { done: 0, .. }),
        "{error:?}"
    );
    other.execute_batch("COMMIT").expect("unlocked");
    writer.write(&rows).expect("written");
    drop(writer);
    open(dir.path()).write(&rows).expect("known");
    assert_eq!(numbers(dir.path()), [0, 1, 2, 3]);
}

/// As the driver does: what is refused is set aside, and the others are brought.
fn drive(writer: &mut SqliteWriter, rows: Rows<'_>) -> Vec<usize> {
    let (mut done, mut refused) = (0, Vec::new());
    while done < rows.len() {
        match writer.write(&[rows.split_at(done).1]) {
            Ok(()) => break,
            Err(WriteError::Rejected { done: more, .. }) => {
                done += more;
                refused.push(done);
                writer.set_aside(&[rows.split_at(done).1.split_at(1).0]);
                done += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    refused
}

#[test]
fn a_row_that_breaks_a_constraint_is_refused_alone_and_comes_again_after_a_crash() {
    for deferred in [false, true] {
        let dir = tempfile::tempdir().expect("a directory");
        drop(open(dir.path()));
        let database = other(dir.path());
        let constraint = match deferred {
            false => "n INTEGER CHECK (n % 4 <> 2)",
            true => "n INTEGER REFERENCES good (n) DEFERRABLE INITIALLY DEFERRED",
        };
        let tables = format!(
            "DROP TABLE \"a \"\"table\"\"\"; CREATE TABLE \"a \"\"table\"\"\" ({constraint}, t TEXT); \
             CREATE TABLE good (n INTEGER PRIMARY KEY);"
        );
        database.execute_batch(&tables).expect("made");
        for number in (0..12).filter(|number| number % 4 != 2) {
            database
                .execute("INSERT INTO good VALUES (?1)", [number])
                .expect("inserted");
        }
        let (lane, all) = (lane(), kept(0..12));
        let rows = Rows::of(&all, &lane);
        let open = || {
            let writer = open(dir.path());
            writer
                .database
                .execute_batch("PRAGMA foreign_keys = ON")
                .expect("set");
            writer
        };
        assert_eq!(drive(&mut open(), rows), [2, 6, 10], "deferred: {deferred}");
        let good: Vec<i64> = (0..12).filter(|number| number % 4 != 2).collect();
        assert_eq!(numbers(dir.path()), good);
        // Whether their letters were written, nobody knows: they are refused again, and nothing else comes.
        assert_eq!(drive(&mut open(), rows), [2, 6, 10], "deferred: {deferred}");
        assert_eq!(numbers(dir.path()), good);
    }
}

#[test]
fn a_table_that_rows_do_not_fit_is_told_of_at_the_start() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(open(dir.path()));
    let other = SqliteConfig {
        columns: BTreeMap::from([("nowhere".to_owned(), "n".to_owned())]),
        ..config(dir.path())
    };
    let error = SqliteWriter::open("out", other, JOURNAL)
        .err()
        .expect("refused");
    let text = error.to_string();
    assert!(
        text.contains("nowhere") && text.contains("out.sqlite"),
        "{text}"
    );
    let missing = SqliteConfig {
        table: "missing".to_owned(),
        create: false,
        ..config(dir.path())
    };
    let error = SqliteWriter::open("out", missing, JOURNAL)
        .err()
        .expect("refused");
    assert!(
        error.to_string().contains("no such table: missing"),
        "{error}"
    );
    std::fs::write(
        dir.path().join("text"),
        "no database, whatever it is called",
    )
    .expect("written");
    let text = SqliteConfig {
        path: dir.path().join("text"),
        ..config(dir.path())
    };
    let error = SqliteWriter::open("out", text, JOURNAL)
        .err()
        .expect("refused");
    assert!(error.to_string().contains("not a database"), "{error}");
}

#[test]
fn without_columns_a_row_is_kept_as_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let plain = SqliteConfig {
        columns: BTreeMap::new(),
        ..config(dir.path())
    };
    let mut writer = SqliteWriter::open("out", plain, None).expect("opened");
    let mut rows = Records::default();
    rows.push(0, |out| out.extend_from_slice(b"{\"a\": 1.0}\n"));
    writer.write(&[Rows::whole(&rows)]).expect("written");
    let text: String = other(dir.path())
        .query_row("SELECT event FROM \"a \"\"table\"\"\"", [], |row| {
            row.get(0)
        })
        .expect("a row");
    assert_eq!(text, "{\"a\": 1.0}");
}
