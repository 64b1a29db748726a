//! `millpond tap`: events of a running daemon as they pass a place.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use millpond_top::{ClientError, events};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cli::ConfigArgs;
use crate::config::Problems;
use crate::desk::Pass;
use crate::verbs::{CONFIG, FAILED, load, refuse};

pub(crate) const EXAMPLES: &str = "\
Examples:
  millpond tap -c clicks.toml --source feed --limit 10
  millpond tap -c clicks.toml --pipeline clicks --stage map --where type=click --rate 5
  millpond tap -c clicks.toml --sink features --where '{ field = \"price\", gt = 100 }' --bare | jq .price
  millpond tap --token-file data/dead-letters/admin.token --dead-letters --where reason=refused

A line of JSON for each event: what passed, where, and how many passed unseen before it (`dropped`); with --bare the event
alone. A tap never holds anything up: it sees as many events as --rate allows and as it can read, and counts the others.
A source is seen as it comes in, a stage by what comes to it, a sink by what it has written. Conditions are FIELD=VALUE, or
as stages have them; those on one field are alternatives, those on several must all hold; on dead letters they are those of
millpond dlq. Fields of `admin.redact` are not shown. The token is read where the daemon leaves it: beside the dead letters.

Exit codes: 0 as many as wanted, or nobody reads any more; 1 refused, or no daemon; 2 usage, 78 bad configuration.";

/// Where events are looked at, and which.
#[derive(Args, Debug)]
#[command(
    group(ArgGroup::new("place").required(true).args(["source", "stage", "sink", "dead_letters"])),
    group(ArgGroup::new("pass").required(true).args(["config", "token_file"]))
)]
pub(crate) struct TapArgs {
    /// What a source takes in, before it is read as an event.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,

    /// The pipeline of a stage.
    #[arg(long, value_name = "NAME", requires = "stage")]
    pipeline: Option<String>,

    /// What comes to a stage.
    #[arg(long, value_name = "NAME", requires = "pipeline")]
    stage: Option<String>,

    /// What a sink has written.
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,

    /// What is set aside.
    #[arg(long)]
    dead_letters: bool,

    /// Only events for which this holds, such as type=click.
    #[arg(long = "where", value_name = "CONDITION")]
    wanted: Vec<String>,

    /// Ends after so many events.
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,

    /// Shows so many events a second at most.
    #[arg(long, value_name = "EVENTS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,

    /// Writes the events alone.
    #[arg(long)]
    bare: bool,

    /// The configuration of the daemon, a TOML or YAML file: it says where its token is.
    #[arg(short, long = "config", num_args = 1.., value_name = "FILE")]
    config: Vec<PathBuf>,

    /// Overrides one key of the configuration.
    #[arg(long, value_name = "KEY=VALUE", requires = "config")]
    set: Vec<String>,

    /// The file with the token, `admin.token` beside the dead letters of the daemon.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Where its admin listener is, if it is reached otherwise than the token's file says: through a tunnel, say.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
}

#[derive(Debug, thiserror::Error)]
enum TapError {
    #[error(transparent)]
    Config(#[from] Problems),
    #[error("the token of the daemon cannot be read from {}: {error}", path.display())]
    Token { path: PathBuf, error: io::Error },
    #[error("no daemon with an admin listener runs here: there is no token in {}", .0.display())]
    NoDaemon(PathBuf),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the daemon went away: {0}")]
    Away(String),
    #[error("the daemon does not read: {0}, expected a daemon of this version")]
    Unreadable(serde_json::Error),
    #[error("stdout: {0}")]
    Write(io::Error),
}

/// An event of the stream, as far as it is taken apart here.
#[derive(Deserialize)]
struct Shown<'a> {
    /// As it is written.
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    /// What is no JSON, as a string.
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    escaped: Option<&'a RawValue>,
}

/// What there was.
#[derive(Debug, Default, Deserialize)]
struct Counts {
    passed: u64,
    shown: u64,
    dropped: u64,
}

/// `millpond tap`.
pub(crate) fn tap(args: TapArgs) -> ExitCode {
    match look(args) {
        Ok(()) => ExitCode::SUCCESS,
        // Who read the events has read enough.
        Err(TapError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error @ TapError::Config(_)) => refuse(&error, CONFIG),
        Err(error) => refuse(&error, FAILED),
    }
}

fn look(args: TapArgs) -> Result<(), TapError> {
    let (path, bare, admin) = (path(&args), args.bare, args.admin);
    let pass = pass(args)?;
    let address = admin.unwrap_or(pass.address);
    let mut last = Counts::default();
    let mut out = io::stdout().lock();
    for event in events(address, &path, Some(&pass.token))? {
        let (name, data) = event.map_err(|error| TapError::Away(error.to_string()))?;
        match name.as_str() {
            "sample" if bare => {
                if let Some(event) = alone(&data)? {
                    writeln!(out, "{event}").map_err(TapError::Write)?;
                }
            }
            "sample" => writeln!(out, "{data}").map_err(TapError::Write)?,
            "tap" | "end" => last = serde_json::from_str(&data).map_err(TapError::Unreadable)?,
            _ => {}
        }
        out.flush().map_err(TapError::Write)?;
        if name == "end" {
            summary(&last);
            return Ok(());
        }
    }
    summary(&last);
    Err(TapError::Away("its answer ended".to_owned()))
}

/// The event of a sample. None where it was not to be shown.
fn alone(data: &str) -> Result<Option<&str>, TapError> {
    let shown: Shown<'_> = serde_json::from_str(data).map_err(TapError::Unreadable)?;
    let event = shown.event.or(shown.text).or(shown.escaped);
    Ok(event.map(RawValue::get))
}

fn summary(counts: &Counts) {
    let Counts {
        passed,
        shown,
        dropped,
    } = counts;
    // There is nowhere to report that stderr is gone.
    let _ = writeln!(
        io::stderr(),
        "{shown} shown of {passed} that passed; {dropped} were not looked at"
    );
}

/// Where the daemon is, and its token.
fn pass(args: TapArgs) -> Result<Pass, TapError> {
    if let Some(path) = args.token_file {
        let read = fs::read_to_string(&path).and_then(|text| Pass::read(&text));
        return read.map_err(|error| TapError::Token { path, error });
    }
    let (config, set) = (args.config, args.set);
    let folder = load(ConfigArgs { config, set })?.dead_letters.path;
    let found = Pass::find(&folder).map_err(|error| TapError::Token {
        path: folder.clone(),
        error,
    })?;
    found.ok_or(TapError::NoDaemon(folder))
}

/// What is asked for.
fn path(args: &TapArgs) -> String {
    let places = [
        ("source", &args.source),
        ("pipeline", &args.pipeline),
        ("stage", &args.stage),
        ("sink", &args.sink),
    ];
    let mut path = format!("/api/v1/tap?rate={}", args.rate);
    let mut add = |name: &str, value: &str| path.push_str(&format!("&{name}={}", encoded(value)));
    for (name, value) in places {
        if let Some(value) = value {
            add(name, value);
        }
    }
    if args.dead_letters {
        add("dead_letters", "true");
    }
    if let Some(limit) = args.limit {
        add("limit", &limit.to_string());
    }
    args.wanted.iter().for_each(|wanted| add("where", wanted));
    path
}

/// A text as a part of an address.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let bytes = text.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_alone_is_as_it_was_written() {
        let alone = |data: &'static str| alone(data).unwrap();
        assert_eq!(
            alone(r#"{"source":"a","event":{"b": 1.10,"a":2}}"#),
            Some(r#"{"b": 1.10,"a":2}"#)
        );
        assert_eq!(alone(r#"{"text":"no event"}"#), Some(r#""no event""#));
        assert_eq!(alone(r#"{"hidden":"for a reason"}"#), None);
    }

    #[test]
    fn what_is_asked_for_is_spelled_so_that_nothing_breaks_out_of_it() {
        assert_eq!(encoded("a=b&c d\r\n\u{e9}"), "a%3Db%26c%20d%0D%0A%C3%A9");
    }
}
