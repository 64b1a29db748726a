//! `millpond dlq`: what became of events that were set aside, and what to do with them.

mod list;
mod purge;
mod remote;
mod replay;
mod show;

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use millpond_store::{DeadLetters, Filter, FilterError, Letters};

use crate::cli::{ConfigArgs, DlqArgs, DlqVerb, StoreArgs};
use crate::config::Problems;
use crate::remote::RemoteError;
use crate::verbs::{CONFIG, FAILED, USAGE, load, refuse};

/// Why a command on dead letters ended.
#[derive(Debug, thiserror::Error)]
enum DlqError {
    #[error("--where {0}")]
    Filter(#[from] FilterError),
    #[error(transparent)]
    Config(#[from] Problems),
    #[error(transparent)]
    Store(#[from] millpond_store::Error),
    #[error(transparent)]
    Replay(#[from] crate::replay::ReplayError),
    #[error("stdout: {0}")]
    Output(#[from] io::Error),
    #[error("the token of the daemon that has the dead letters cannot be read: {0}")]
    Token(io::Error),
    #[error("{0}: the daemon there has no admin listener, so stop it first")]
    Locked(millpond_store::Error),
    #[error(transparent)]
    Refused(#[from] RemoteError),
    #[error("not everything was replayed: {0}")]
    Unfinished(String),
    #[error("nothing is deleted: {0}")]
    NotAsked(&'static str),
    /// The letters that could be read were served.
    #[error("letters are lost: {0}")]
    Damaged(String),
}

/// `millpond dlq`.
pub(crate) fn run(args: DlqArgs) -> ExitCode {
    let done = match args.verb {
        DlqVerb::Ls { store, wanted } => list::list(store, &wanted),
        DlqVerb::Show {
            store,
            wanted,
            limit,
            json,
        } => show::show(store, &wanted, limit, json),
        DlqVerb::Replay(args) => replay::replay(args),
        DlqVerb::Purge(args) => purge::purge(args),
    };
    match done {
        Ok(code) => code,
        // A reader that has read enough is no failure.
        Err(DlqError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => refuse(&error, error.exit_code()),
    }
}

impl DlqError {
    fn exit_code(&self) -> u8 {
        match self {
            DlqError::Filter(_) => USAGE,
            DlqError::Config(_) => CONFIG,
            _ => FAILED,
        }
    }
}

/// The directory of the letters.
fn folder(store: StoreArgs) -> Result<PathBuf, DlqError> {
    let StoreArgs { config, set, path } = store;
    match path {
        Some(path) => Ok(path),
        None => Ok(load(ConfigArgs { config, set })?.dead_letters.path),
    }
}

fn filter(wanted: &[String]) -> Result<Filter, DlqError> {
    Ok(Filter::parse(wanted, SystemTime::now())?)
}

/// Says what could not be read, after what could be was.
fn damages(letters: &Letters) -> Result<ExitCode, DlqError> {
    let damages: Vec<&str> = letters.damages().collect();
    match damages[..] {
        [] => Ok(ExitCode::SUCCESS),
        _ => Err(DlqError::Damaged(damages.join("; "))),
    }
}

/// Opens the store for this process alone; without `max`, in the size that it has. If another process has it,
/// it says so inside.
fn open(
    folder: &Path,
    max: Option<u64>,
) -> Result<Result<DeadLetters, millpond_store::Error>, DlqError> {
    let opened = match max {
        Some(max) => DeadLetters::open(folder, max),
        None => DeadLetters::open_as_it_is(folder),
    };
    match opened {
        Ok(store) => Ok(Ok(store)),
        Err(error) if error.is_locked() => Ok(Err(error)),
        Err(error) => Err(error.into()),
    }
}

/// Columns as wide as what is in them, two spaces between.
fn table<const N: usize>(rows: &[[String; N]]) -> impl Display {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    });
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells = cells.map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect::<String>()
}
