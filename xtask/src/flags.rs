//! The command line.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Development tasks of the Millpond workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the rules that no compiler knows: who may depend on whom, forbidden calls, invariants, links, lengths.
    Tidy,
    /// Run the steps of `.ci/run` here, all of them even if one fails, and print a summary.
    Ci(CiFlags),
    /// Measure the throughput of the release daemon across worker counts.
    #[command(after_help = "Example: cargo xtask bench --workload w1 --workers 1,2 --key user_id")]
    Bench(BenchFlags),
    /// Count the instructions that the hot path takes an event, and compare them with the stored figures.
    #[command(
        after_help = "Example: cargo xtask instructions --only filter\nNeeds valgrind; see docs/INSTRUCTIONS.md."
    )]
    Instructions(InstructionsFlags),
}

#[derive(Debug, Args)]
pub(crate) struct CiFlags {
    /// Run only the steps whose name contains this.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BenchFlags {
    /// What the daemon is to do with the events.
    #[arg(long, value_enum, default_value_t = Choice::All)]
    pub(crate) workload: Choice,
    /// Worker counts to compare.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8")]
    pub(crate) workers: Vec<NonZeroU32>,
    /// Runs of each case; the median is reported. The cases take turns, so that drift of the machine hits all alike.
    #[arg(long, default_value = "3")]
    pub(crate) runs: NonZeroU32,
    /// Events sent in each run.
    #[arg(long, default_value = "1000000")]
    pub(crate) events: NonZeroU64,
    /// Keep the order of events that share this field; without it there is no order.
    #[arg(long, value_name = "FIELD")]
    pub(crate) key: Option<String>,
    /// Seed of the generated events.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Seconds after which a run that is not finished has failed.
    #[arg(long, value_name = "SECONDS", default_value = "120")]
    pub(crate) timeout: NonZeroU64,
    /// Measure this daemon instead of building the one of this work tree.
    #[arg(long, value_name = "PATH")]
    pub(crate) binary: Option<PathBuf>,
    /// Passed on to the daemon, after its configuration file; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InstructionsFlags {
    /// Count only the cases whose name contains this.
    #[arg(long, value_name = "NAME", conflicts_with = "update")]
    pub(crate) only: Option<String>,
    /// Store what is counted as the figures to compare with.
    #[arg(long)]
    pub(crate) update: bool,
}

/// Which workloads to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// Parse, count, discard.
    W0,
    /// Parse, filter, look a weight up, drop a nested field, write to a file.
    W1,
    /// Both.
    All,
}
