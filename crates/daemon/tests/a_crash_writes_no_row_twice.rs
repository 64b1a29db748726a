//! A daemon with a journal is killed again and again: its sinks hold every row once, in order per key.

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;

use common::{Daemon, Place, rows};
use rustix::process::Signal;

const EVENTS: usize = 20_000;
/// Each event becomes these many rows.
const ROWS: usize = 2;

fn place(source: &str, key: &str, sink: &str) -> Place {
    Place::new(&format!(
        "[sources.in]\n{source}\n\
         [pipelines.p]\n{key}\nstages = [{{ type = \"explode\", field = \"parts\", carry = [\"n\", \"key\"] }}, {{ type = \"delay\", time = \"50us\" }}]\n\
         [sinks.out]\n{sink}\n\
         [journal]\ndir = \"{{dir}}/journal\"\nsegment = \"4MiB\"\n\
         [runtime]\nworkers = 4\nmemory = \"8MiB\"\ndrain = \"60s\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    ))
}

const FILE: &str = "type = \"file\"\npath = \"{dir}/out.ndjson\"";

fn lines() -> String {
    (0..EVENTS).map(|number| rows::line(number, 0)).collect()
}

fn count(place: &Place) -> usize {
    rows::count(&place.path(""))
}

/// Kills the daemon whenever it has written another part of the rows, then lets it end.
fn kill_and_end(place: &Place, tcp: bool, count: impl Fn(&Place) -> usize) {
    for (round, percent) in [5, 6, 30, 31, 60, 90].into_iter().enumerate() {
        let daemon = place.start().ready();
        if tcp && round == 0 {
            send(&daemon);
        }
        daemon.until("some rows", |_| {
            count(place) >= EVENTS * ROWS * percent / 100
        });
        daemon.signal(Signal::KILL);
        assert_eq!(daemon.end().code, None);
    }
    let daemon = place.start().ready();
    daemon.until("everything", |_| count(place) >= EVENTS * ROWS);
    daemon.signal(Signal::TERM);
    daemon.end().expect_clean();
}

fn send(daemon: &Daemon) {
    let mut stream = daemon.connect("in");
    stream.write_all(lines().as_bytes()).expect("taken");
    stream.shutdown(Shutdown::Write).expect("the end");
    stream.read_to_end(&mut Vec::new()).expect("closed");
    daemon.until("durable", |daemon| {
        daemon.metric("millpond_journal_events_kept_total") >= EVENTS as f64
    });
}

fn in_files(place: &Place, keyed: bool) {
    rows::each_once(rows::read(&place.path("")), EVENTS, keyed);
}

const TCP: &str = "type = \"tcp\"\nlisten = \"127.0.0.1:0\"";
const KEY: &str = "key = \"key\"";

#[test]
fn a_file_has_every_row_of_a_connection_once() {
    let place = place(TCP, KEY, FILE);
    kill_and_end(&place, true, count);
    in_files(&place, true);
}

#[test]
fn a_file_has_every_row_of_another_file_once_whatever_shard_ran_it() {
    // Followed: it does not end before it is told to.
    let place = place(
        "type = \"file\"\nfollow = true\npath = \"{dir}/in.txt\"",
        "",
        FILE,
    );
    std::fs::write(place.path("in.txt"), lines()).expect("written");
    kill_and_end(&place, false, count);
    in_files(&place, false);
}

#[test]
fn files_that_are_moved_away_have_every_row_once_between_them() {
    let place = place(
        TCP,
        KEY,
        &format!("{FILE}\nrotate = {{ size = \"64KiB\" }}"),
    );
    kill_and_end(&place, true, count);
    assert!(rows::files(&place.path("")).len() > 10);
    in_files(&place, true);
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use millpond_sink_sqlite::rusqlite::{Connection, OpenFlags, Result};

    use super::*;

    fn database(place: &Place) -> Result<Connection> {
        Connection::open_with_flags(place.path("out.sqlite"), OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    fn count(place: &Place) -> usize {
        let count = |database: Connection| {
            database.query_row("SELECT count(*) FROM rows", [], |row| row.get(0))
        };
        // Nothing is there before the daemon has made it.
        database(place).and_then(count).unwrap_or(0)
    }

    #[test]
    fn a_database_has_every_row_of_a_connection_once() {
        let sink = "type = \"sqlite\"\npath = \"{dir}/out.sqlite\"\ntable = \"rows\"\nsynchronous = \"normal\"\n\
                    columns = { n = \"n\", part = \"part\" }";
        let place = place(TCP, KEY, sink);
        kill_and_end(&place, true, count);
        let database = database(&place).expect("there");
        let mut select = database
            .prepare("SELECT n, part FROM rows ORDER BY rowid")
            .expect("a table");
        let found = select
            .query_map([], |row| {
                let (n, part): (i64, i64) = (row.get(0)?, row.get(1)?);
                Ok(serde_json::json!({ "n": n, "part": part }))
            })
            .expect("rows");
        rows::each_once(found.map(|row| row.expect("a row")), EVENTS, true);
    }
}
