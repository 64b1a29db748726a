//! `millpond journal`: what the journal holds, and an operator's word on damage.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use millpond_journal::{Damage, Error, ReadOnly, Storage};

use super::record::{self, Record};
use super::{open_folder, options};
use crate::cli::{ConfigArgs, JournalArgs, JournalVerb};
use crate::config::JournalConfig;
use crate::verbs::{CONFIG, FAILED, USAGE, load, print, refuse};

/// `millpond journal`.
pub(crate) fn run(args: JournalArgs) -> ExitCode {
    let (JournalVerb::Show(config) | JournalVerb::AcceptDamage { config, .. }) = &args.verb;
    let section = match section(config) {
        Ok(section) => section,
        Err(code) => return code,
    };
    let done = match args.verb {
        JournalVerb::Show(_) => show(&section),
        JournalVerb::AcceptDamage { yes, .. } => accept(&section, yes),
    };
    done.unwrap_or_else(|error| {
        let folder = section.dir.display();
        refuse(&format!("the journal in {folder}: {error}"), FAILED)
    })
}

fn section(args: &ConfigArgs) -> Result<JournalConfig, ExitCode> {
    let config = load(args.clone()).map_err(|problems| refuse(&problems, CONFIG))?;
    let missing = "the configuration has no section [journal], expected one";
    config.journal.ok_or_else(|| refuse(&missing, CONFIG))
}

/// Looks while a daemon may be writing, and changes nothing.
fn show(section: &JournalConfig) -> Result<ExitCode, Error> {
    let look = ReadOnly::open(&section.dir)?;
    let (from, to) = (look.committed_sequence(), look.next_sequence());
    let mut backlog = Backlog::default();
    let mut at = from;
    while at < to {
        at = match backlog.read(&look, at)? {
            None => break,
            Some(damage) => match damage.to {
                Some(to) => to,
                None => break,
            },
        };
    }
    let mut out = String::new();
    let mut say = |what: &str, is: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{what:<10} {is}");
    };
    say("journal", section.dir.display().to_string());
    say(
        "records",
        format!("{} that are not done with, {from} to {to}", to - from),
    );
    for (source, events) in &backlog.events {
        say("events", format!("{events} of source {source}"));
    }
    if backlog.events.is_empty() {
        say("events", "none".to_owned());
    }
    if backlog.files > 0 {
        say("files", format!("the positions of {}", backlog.files));
    }
    for problem in &backlog.unreadable {
        say("unreadable", problem.clone());
    }
    for damage in look.damages() {
        say("damage", damage.to_string());
    }
    let code = print(&out);
    if look.damages().is_empty() && backlog.unreadable.is_empty() {
        return Ok(code);
    }
    Ok(ExitCode::from(FAILED))
}

#[derive(Default)]
struct Backlog {
    events: BTreeMap<String, u64>,
    files: usize,
    unreadable: Vec<String>,
}

impl Backlog {
    /// Reads from `at` to the end, or to damage.
    fn read<S: Storage>(&mut self, look: &ReadOnly<S>, at: u64) -> Result<Option<Damage>, Error> {
        let mut reader = match look.reader(at) {
            Err(Error::Damaged(damage)) => return Ok(Some(damage)),
            reader => reader?,
        };
        loop {
            let records = match reader.next_records() {
                Ok(Some(records)) => records,
                Ok(None) => return Ok(None),
                Err(Error::Damaged(damage)) => return Ok(Some(damage)),
                Err(error) => return Err(error),
            };
            for (sequence, bytes) in records {
                match record::read(bytes) {
                    Ok(Record::Positions(files)) => self.files = files.len(),
                    Ok(Record::Chunk(kept)) => {
                        let source = kept.source.to_owned();
                        *self.events.entry(source).or_default() += kept.events();
                    }
                    Err(why) => self.unreadable.push(format!("record {sequence}: {why}")),
                }
            }
        }
    }
}

/// Takes the journal, says what is lost, and has that confirmed.
fn accept(section: &JournalConfig, yes: bool) -> Result<ExitCode, Error> {
    let (mut journal, report) = open_folder(&section.dir, options(section))?;
    if report.damages.is_empty() {
        return Ok(print("nothing is damaged that was not accepted\n"));
    }
    let lost: String = report
        .damages
        .iter()
        .map(|damage| format!("{damage}\n"))
        .collect();
    if !yes && !confirmed(&lost) {
        let why = "nothing was accepted: say so with --yes, or answer yes on a terminal";
        return Ok(refuse(&why, USAGE));
    }
    journal.accept_damage()?;
    let done =
        format!("{lost}accepted: the daemon goes on behind it and lets go of what is done with\n");
    Ok(print(&done))
}

fn confirmed(lost: &str) -> bool {
    if !io::stdin().is_terminal() {
        return false;
    }
    let mut answer = String::new();
    // A terminal that cannot be written to or read from has not said yes.
    let asked = write!(io::stderr(), "{lost}Give these records up for good? [y/N] ");
    asked.is_ok()
        && io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim(), "y" | "yes")
}
