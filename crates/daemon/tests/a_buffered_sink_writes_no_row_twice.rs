//! A sink with a disk buffer fails for a while, and the daemon is killed meanwhile, again and again. What
//! lay in the buffer, and had not left the journal, comes from both: the sink holds every row once, in order
//! per key. Then the journal is deleted and the buffer is not: no row is lost.

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::path::Path;

use common::{Daemon, Place, rows};
use rustix::process::Signal;

/// Events of one round: more than a sink has in memory before its buffer is used.
const EVENTS: usize = 5_000;
const PAD: usize = 400;
const ROUNDS: usize = 5;

fn place(sink: &str) -> Place {
    let place = Place::new(&format!(
        "[sources.in]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.p]\nkey = \"key\"\n\
         stages = [{{ type = \"explode\", field = \"parts\", carry = [\"n\", \"key\", \"pad\"] }}]\n\
         [sinks.out]\n{sink}\non_full = \"buffer\"\n\
         buffer = {{ dir = \"{{dir}}/buffer\", max = \"1GiB\" }}\nqueue = {{ bytes = \"1MiB\" }}\nretry = {{ longest = \"100ms\" }}\n\
         [journal]\ndir = \"{{dir}}/journal\"\nsegment = \"4MiB\"\n\
         [runtime]\nworkers = 2\nmemory = \"16MiB\"\ndrain = \"60s\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    ));
    std::fs::create_dir(place.path("real")).expect("made");
    lead(&place, "real");
    place
}

/// Makes the sink's folder this one. When it is not there, the sink can begin no file.
fn lead(place: &Place, folder: &str) {
    let (link, new) = (place.path("out"), place.path("new"));
    std::os::unix::fs::symlink(Path::new(folder), &new).expect("a link");
    std::fs::rename(new, link).expect("renamed");
}

const FILE: &str =
    "type = \"file\"\npath = \"{dir}/out/out.ndjson\"\nrotate = { size = \"64KiB\" }";

fn send(daemon: &Daemon, numbers: std::ops::Range<usize>) {
    let lines: String = numbers.map(|number| rows::line(number, PAD)).collect();
    let mut stream = daemon.connect("in");
    stream.write_all(lines.as_bytes()).expect("taken");
    stream.shutdown(Shutdown::Write).expect("the end");
    stream.read_to_end(&mut Vec::new()).expect("closed");
}

/// Sends the events of a round to a sink that fails, and kills the daemon once all of them are durable, some
/// rows are in the buffer, and it is `time`.
fn one_round(place: &Place, round: usize, fail: impl FnOnce(), time: impl Fn(&Daemon) -> bool) {
    let daemon = place.start().ready();
    fail();
    send(&daemon, round * EVENTS..(round + 1) * EVENTS);
    daemon.until("all is durable, and some of it in the buffer", |daemon| {
        daemon.metric("millpond_journal_events_kept_total") >= EVENTS as f64
            && daemon.metric("millpond_sink_buffer_events") > 0.0
            && time(daemon)
    });
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.end().code, None);
}

/// Lets the daemon deliver what there is.
fn until_delivered(place: &Place, count: impl Fn() -> usize, rows: usize) {
    let daemon = place.start().ready();
    daemon.until("everything", |daemon| {
        count() >= rows
            && daemon.metric("millpond_sink_live_rows") == 0.0
            && daemon.metric("millpond_sink_buffer_events") == 0.0
            && daemon.metric("millpond_journal_backlog_records") == 0.0
    });
    // The log may tell of a file that was moved when its folder was led away.
    assert_eq!(daemon.terminate().code, Some(0));
}

#[test]
fn a_file_has_every_row_once_though_buffer_and_journal_both_bring_it() {
    let place = place(FILE);
    for round in 0..ROUNDS {
        one_round(&place, round, || lead(&place, "nowhere"), |_| true);
        lead(&place, "real");
    }
    let (folder, events) = (place.path("real"), ROUNDS * EVENTS);
    until_delivered(&place, || rows::count(&folder), events * 2);
    rows::each_once(rows::read(&folder), events, true);
}

#[test]
fn a_new_journal_beside_an_old_buffer_loses_nothing() {
    let place = place(FILE);
    for round in 0..3 {
        let fail = || lead(&place, "nowhere");
        one_round(&place, round, fail, |daemon| {
            daemon.metric("millpond_journal_backlog_records") == 0.0
        });
        lead(&place, "real");
        if round == 0 {
            // The rows in the buffer have places in it, and the next one counts from 0 again.
            std::fs::remove_dir_all(place.path("journal")).expect("removed");
        }
    }
    until_delivered(&place, || 0, 0);
    let rows = rows::read(&place.path("real"));
    let rows = rows
        .iter()
        .map(|row| (row["n"].as_u64(), row["part"].as_u64()));
    let distinct: BTreeSet<_> = rows.collect();
    assert_eq!(distinct.len(), 3 * EVENTS * 2);
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use millpond_sink_sqlite::rusqlite::{Connection, Result};

    use super::*;

    const SINK: &str = "type = \"sqlite\"\npath = \"{dir}/out.sqlite\"\ntable = \"rows\"\n\
                        synchronous = \"normal\"\nbusy_timeout = \"10ms\"\n\
                        columns = { n = \"n\", part = \"part\" }";

    fn count(place: &Place) -> Result<usize> {
        let database = Connection::open(place.path("out.sqlite"))?;
        database.query_row("SELECT count(*) FROM rows", [], |row| row.get(0))
    }

    #[test]
    fn a_database_has_every_row_once_though_buffer_and_journal_both_bring_it() {
        let place = place(SINK);
        for round in 0..ROUNDS {
            let other = Connection::open(place.path("out.sqlite")).expect("opened");
            let lock = || {
                // Whoever writes it keeps others from writing.
                other.busy_timeout(common::PATIENCE).expect("set");
                other.execute_batch("BEGIN IMMEDIATE").expect("locked");
            };
            one_round(&place, round, lock, |_| true);
        }
        let events = ROUNDS * EVENTS;
        until_delivered(&place, || count(&place).unwrap_or(0), events * 2);
        let database = Connection::open(place.path("out.sqlite")).expect("opened");
        let mut select = database
            .prepare("SELECT n, part FROM rows ORDER BY rowid")
            .expect("a table");
        let found = select
            .query_map([], |row| {
                let (n, part): (i64, i64) = (row.get(0)?, row.get(1)?);
                Ok(serde_json::json!({ "n": n, "part": part }))
            })
            .expect("rows");
        rows::each_once(found.map(|row| row.expect("a row")), events, true);
    }
}
