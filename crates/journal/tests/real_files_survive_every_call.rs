//! The simulated storage is only as good as what it knows of real files. So one short life of a journal
//! is lived on real ones, by a process that strace kills at each of its calls in turn, or whose calls it
//! lets fail: what the process had acknowledged by then is there afterwards.

mod support;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitStatus};

use millpond_journal::{Error, Files, Journal};
use support::{read, skipped, small};

/// Set for the process that lives, which is this very test run again.
const FOLDER: &str = "MILLPOND_JOURNAL_LIFE";
/// Every call that changes a file or a name.
const CALLS: &str = "pwrite64,fdatasync,fsync,/^rename,/^unlink";

/// The record with this sequence, whoever writes it.
fn record(sequence: u64) -> Vec<u8> {
    let length = 60 + sequence as usize * 37 % 160;
    (0..length).map(|at| sequence as u8 ^ at as u8).collect()
}

/// Says something to the test that watches.
fn say(what: &str, of: impl Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n@{what} {of}").expect("the test listens");
}

/// What a process says until it is killed, stopped by a failure, or done.
fn live(folder: &Path) {
    for _ in 0..2 {
        let opened = Files::open(folder).and_then(|files| Journal::open(files, small()));
        let mut journal = match opened {
            Ok((journal, _)) => journal,
            Err(error) => return say("refused", error),
        };
        for step in 0..24 {
            if let Err(error) = act(&mut journal, step) {
                say("stopped", error);
                let poisoned = |result| matches!(result, Err(Error::Poisoned { .. }));
                assert!(poisoned(journal.sync()));
                assert!(poisoned(
                    journal.append(&["one more"]).map(|range| range.end)
                ));
                assert!(poisoned(journal.truncate(0).map(|()| 0)));
                return;
            }
        }
    }
    say("done", "");
}

fn act(journal: &mut Journal<Files>, step: u64) -> Result<(), Error> {
    let next = journal.next_sequence();
    say("appending", next);
    while let Err(error) = journal.append(&[record(next)]) {
        if !error.heals() {
            return Err(error);
        }
        say("full", error);
    }
    if step % 3 != 1 {
        say("synced", journal.sync()?);
    }
    if step % 4 == 3 {
        let done = journal.durable_sequence().saturating_sub(5);
        say("truncating", done);
        journal.truncate(done)?;
        say("truncated", done);
    }
    Ok(())
}

/// What a life said, and how it ended.
struct Life {
    said: Vec<(String, String)>,
    status: ExitStatus,
}

impl Life {
    fn heard(&self, what: &str) -> impl Iterator<Item = &str> {
        let said = self.said.iter().filter(move |(word, _)| word == what);
        said.map(|(_, of)| of.as_str())
    }

    fn number(&self, what: &str) -> u64 {
        let numbers = self.heard(what).map(|of| of.parse::<u64>());
        numbers.map(|of| of.expect("a sequence")).max().unwrap_or(0)
    }

    /// Whether the journal that was left behind holds what was acknowledged, and goes on.
    fn check(&self, folder: &Path, what: &str) {
        let files = Files::open(folder).unwrap_or_else(|error| panic!("{what}: {error}"));
        let opened = Journal::open(files, small());
        let (mut journal, report) = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(report.damages, [], "{what}");
        let (next, committed) = (journal.next_sequence(), journal.committed_sequence());
        let begun = self.heard("appending").next().is_some();
        let known = self.number("synced")..=self.number("appending") + u64::from(begun);
        assert!(known.contains(&next), "{what}: {next} of {known:?}");
        let known = self.number("truncated")..=self.number("truncating");
        assert!(
            known.contains(&committed),
            "{what}: {committed} of {known:?}"
        );
        let (found, error) = read(&journal, committed);
        assert!(error.is_none(), "{what}: {error:?}");
        let expected: Vec<_> = (committed..next).map(|at| (at, record(at))).collect();
        assert_eq!(found, expected, "{what}");
        journal.append(&["new"]).expect("it goes on");
        assert_eq!(journal.sync().expect("it goes on"), next + 1, "{what}");
    }
}

/// Lives in `folder` under strace, with `options` to it.
fn under_strace(folder: &Path, test: &str, options: &[&str]) -> std::io::Result<Life> {
    let output = Command::new("strace")
        .args(["-f", "-qq"])
        .args(options)
        .arg(std::env::current_exe()?)
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let said = text.lines().filter_map(|line| line.strip_prefix('@'));
    let said = said.filter_map(|line| line.split_once(' '));
    Ok(Life {
        said: said
            .map(|(what, of)| (what.to_owned(), of.to_owned()))
            .collect(),
        status: output.status,
    })
}

/// How often an undisturbed life makes each call; `None` where there is no strace, or it may not trace.
fn calls(test: &str) -> Option<BTreeMap<String, usize>> {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace");
    let journal = folder.path().join("journal");
    let only = format!("trace={CALLS}");
    let name = trace.to_string_lossy();
    let life = under_strace(&journal, test, &["-o", &name, "-e", &only]);
    let trace = std::fs::read_to_string(&trace).unwrap_or_default();
    let Ok(life) = life else {
        skipped("there is no strace");
        return None;
    };
    if trace.is_empty() {
        skipped(format!("strace may not trace here ({})", life.status));
        return None;
    }
    assert!(life.heard("done").next().is_some(), "{:?}", life.said);
    life.check(&journal, "undisturbed");
    let mut calls = BTreeMap::new();
    for line in trace.lines() {
        let call = line.split_whitespace().nth(1).unwrap_or_default();
        let name = call.split('(').next().unwrap_or_default();
        *calls.entry(name.to_owned()).or_default() += 1;
    }
    Some(calls)
}

/// Lives once for each call of an undisturbed life, with `what` befalling that call.
fn each(test: &str, names: &[&str], what: &str, mut check: impl FnMut(&Path, &Life, &str)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return live(Path::new(&folder));
    }
    let Some(calls) = calls(test) else { return };
    for name in names {
        let made: Vec<_> = calls
            .iter()
            .filter(|(call, _)| call.starts_with(name))
            .collect();
        assert!(!made.is_empty(), "no {name} among {calls:?}");
        for (call, &count) in made {
            for when in 1..=count {
                let folder = tempfile::tempdir().expect("a folder");
                let inject = format!("inject={call}:{what}:when={when}");
                let options = ["-o", "/dev/null", "-e", &inject];
                let folder = folder.path().join("journal");
                let life = under_strace(&folder, test, &options).expect("it was there");
                check(&folder, &life, &inject);
            }
        }
    }
}

#[test]
fn a_process_that_is_killed_at_any_call_leaves_what_it_acknowledged() {
    let test = "a_process_that_is_killed_at_any_call_leaves_what_it_acknowledged";
    let names = ["pwrite64", "fdatasync", "fsync", "rename", "unlink"];
    each(test, &names, "signal=KILL", |folder, life, what| {
        assert!(!life.status.success(), "{what}: it went on");
        assert!(life.heard("done").next().is_none(), "{what}: it went on");
        life.check(folder, what);
    });
}

#[test]
fn nothing_is_acknowledged_after_a_sync_that_failed() {
    let test = "nothing_is_acknowledged_after_a_sync_that_failed";
    each(
        test,
        &["fdatasync", "fsync"],
        "error=EIO",
        |folder, life, what| {
            assert!(life.status.success(), "{what}: {:?}", life.said);
            let (last, why) = life.said.last().expect("it says how it ended");
            assert!(
                ["stopped", "refused"].contains(&last.as_str()),
                "{what}: {:?}",
                life.said
            );
            assert!(why.contains("os error 5"), "{what}: {why}");
            life.check(folder, what);
        },
    );
}

#[test]
fn no_space_refuses_a_record_or_stops_the_journal_and_loses_nothing() {
    let test = "no_space_refuses_a_record_or_stops_the_journal_and_loses_nothing";
    let mut ends = BTreeMap::new();
    each(test, &["pwrite64"], "error=ENOSPC", |folder, life, what| {
        assert!(life.status.success(), "{what}: {:?}", life.said);
        life.check(folder, what);
        let refused = life.heard("full").next().is_some();
        let (last, _) = life.said.last().expect("it says how it ended");
        *ends.entry((last.clone(), refused)).or_insert(0) += 1;
        assert!(
            !refused || last == "done",
            "{what}: it heals, {:?}",
            life.said
        );
    });
    if !ends.is_empty() {
        assert!(ends.contains_key(&("done".to_owned(), true)), "{ends:?}");
        assert!(
            ends.contains_key(&("stopped".to_owned(), false)),
            "{ends:?}"
        );
    }
}
