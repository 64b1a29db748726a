//! `millpond prove`: what it may be told, and what a configuration tells it.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use millpond_prove::{Fault, Options, Settings};

use crate::config::{self, Inputs};
use crate::verbs::{CONFIG, FAILED, refuse};

pub(crate) const EXAMPLES: &str = "\
Examples:
  millpond prove
  millpond prove --rounds 200 --seed 7 --faults kill,disk-full
  millpond prove -c clicks.toml --keep evidence

It runs this program as a child, sends it numbered events over HTTP, kills it, starts it again, fills its disk (a
small one of its own where it may mount one, that is as root; otherwise the journal's `max`), and slows or takes away
a sink. With -c, workers, shards, memory, drain and the sizes of the journal are those of the configuration; sources,
pipelines, sinks and all paths are those of the proof.

Exit codes: 0 proved, 1 not proved or not possible, 2 usage, 78 bad configuration.";

/// How much is proved, and with what.
#[derive(Args, Debug)]
pub(crate) struct ProveArgs {
    /// Rounds of load and faults.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Decides the events and when which fault comes; the time of day by default.
    #[arg(long)]
    seed: Option<u64>,

    /// Events that are sent in each round, one every 150 us.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000), value_name = "N")]
    events_per_round: u64,

    /// Connections that send them.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(2..=256), value_name = "N")]
    clients: u16,

    /// What goes wrong.
    #[arg(long, value_delimiter = ',', default_values_t = Fault::ALL, value_name = "FAULT,...")]
    faults: Vec<Fault>,

    /// A TOML or YAML file whose sections runtime and journal are taken; later ones override earlier ones.
    #[arg(short, long = "config", num_args = 1.., value_name = "FILE")]
    config: Vec<PathBuf>,

    /// Makes the scratch directory in this one.
    #[arg(long, value_name = "DIR", conflicts_with = "keep")]
    dir: Option<PathBuf>,

    /// Runs in this directory, which is new or empty, and leaves everything there.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// `millpond prove`.
pub(crate) fn prove(args: ProveArgs) -> ExitCode {
    let binary = match std::env::current_exe() {
        Ok(binary) => binary,
        Err(error) => return refuse(&format!("this program cannot be found: {error}"), FAILED),
    };
    let settings = if args.config.is_empty() {
        Settings::default()
    } else {
        let inputs = Inputs {
            files: args.config,
            environment: std::env::vars_os().collect(),
            set: Vec::new(),
        };
        match config::load(&inputs) {
            Ok(config) => settings(&config),
            Err(problems) => return refuse(&problems, CONFIG),
        }
    };
    let options = Options {
        binary,
        rounds: args.rounds,
        seed: args.seed.unwrap_or_else(time_of_day),
        events_per_round: args.events_per_round,
        clients: args.clients.into(),
        faults: args.faults,
        settings,
        scratch_in: args.dir,
        keep: args.keep,
    };
    match millpond_prove::prove(&options, &mut io::stdout()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => refuse(&error, FAILED),
    }
}

/// What the proof takes from a configuration.
fn settings(config: &config::Config) -> Settings {
    let usual = Settings::default();
    let runtime = &config.runtime;
    let (journal_max, segment) = match &config.journal {
        Some(journal) => (journal.max, journal.segment),
        None => (usual.journal_max, usual.segment),
    };
    Settings {
        workers: runtime.workers.max,
        shards: runtime.shards,
        memory: runtime.memory as u64,
        drain: runtime.drain,
        journal_max,
        segment,
    }
}

/// A seed that is another one each time, and short enough to be typed again.
fn time_of_day() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |since| since.as_millis() as u64 % 1_000_000_000)
}
