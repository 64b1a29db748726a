//! The command line of `millpond dlq`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ConfigArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  millpond dlq ls -c clicks.toml
  millpond dlq show --path data/dead-letters --where reason=refused --where since=1h --json
  millpond dlq replay -c clicks.toml --where stage=explode --dry-run
  millpond dlq purge -c clicks.toml --where replayed=true --yes

Conditions are id, class, pipeline, source, stage, reason, replayed, since and until. Those on one field
are alternatives, those on several must all hold. Times are 2026-01-31T12:00:00Z, 2026-01-31, or 1h (ago).";

/// What is done with dead letters.
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct DlqArgs {
    #[command(subcommand)]
    pub(crate) verb: DlqVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DlqVerb {
    /// Counts letters by reason, stage and pipeline.
    Ls {
        #[command(flatten)]
        store: StoreArgs,

        /// Only letters for which this holds, such as reason=refused.
        #[arg(long = "where", value_name = "FIELD=VALUE")]
        wanted: Vec<String>,
    },
    /// Prints letters, oldest first.
    Show {
        #[command(flatten)]
        store: StoreArgs,

        /// Only letters for which this holds, such as since=1h.
        #[arg(long = "where", value_name = "FIELD=VALUE")]
        wanted: Vec<String>,

        /// At most so many.
        #[arg(long, value_name = "LETTERS")]
        limit: Option<u64>,

        /// One line of JSON for each, with the whole event.
        #[arg(long)]
        json: bool,
    },
    /// Runs letters through their pipeline as it is configured now, each once.
    Replay(ReplayArgs),
    /// Deletes letters.
    Purge(PurgeArgs),
}

/// Where the dead letters are, and with them the token of a daemon that has them.
#[derive(Args, Debug)]
#[group(id = "store", required = true, multiple = true)]
pub(crate) struct StoreArgs {
    /// The configuration that names their directory.
    #[arg(short, long = "config", num_args = 1.., value_name = "FILE", conflicts_with = "path")]
    pub(crate) config: Vec<PathBuf>,

    /// Overrides one key of the configuration.
    #[arg(long, value_name = "KEY=VALUE", requires = "config")]
    pub(crate) set: Vec<String>,

    /// Their directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
}

/// Which letters are replayed.
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Only letters for which this holds, such as stage=explode.
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    pub(crate) wanted: Vec<String>,

    /// Only says what would be replayed.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Those too that have been replayed before.
    #[arg(long)]
    pub(crate) again: bool,
}

/// Which letters are deleted.
#[derive(Args, Debug)]
pub(crate) struct PurgeArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,

    /// Only letters for which this holds, such as replayed=true.
    #[arg(
        long = "where",
        value_name = "FIELD=VALUE",
        required_unless_present = "all"
    )]
    pub(crate) wanted: Vec<String>,

    /// All of them.
    #[arg(long, conflicts_with = "wanted")]
    pub(crate) all: bool,

    /// Does not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}
