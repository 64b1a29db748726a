//! The command line of the bench.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::record::{Peer, Sink, Source};

#[derive(Debug, Args)]
pub(crate) struct BenchFlags {
    /// What the daemon is to do with the events.
    #[arg(value_enum, default_values_t = [Choice::W0, Choice::W1])]
    pub(super) workloads: Vec<Choice>,
    /// Worker counts to compare; `auto` is the powers of two up to twice the cores, 8 at least [default: auto; for
    /// w1 with a peer what the daemon takes by itself].
    #[arg(long, value_delimiter = ',')]
    pub(super) workers: Vec<Workers>,
    /// Keep the order of events that share this field; may be repeated.
    #[arg(long, value_name = "FIELD")]
    pub(super) key: Vec<String>,
    /// Keep no order: the default, but for `delay`; beside `--key`, measure both.
    #[arg(long)]
    pub(super) no_key: bool,
    /// Measure each point with a journal, too.
    #[arg(long)]
    pub(super) journal: bool,
    /// Where workers run.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "thread")]
    pub(super) isolation: Vec<Isolation>,
    /// Where events come from.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "tcp")]
    pub(super) source: Vec<Source>,
    /// Where they go [default: file for w1, with a peer blackhole and file, else blackhole].
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(super) sink: Vec<Sink>,
    /// Counted runs of each point; at least 3 unless `--quick` [default: 3; 5 with `--against` or a peer].
    #[arg(long)]
    pub(super) runs: Option<NonZeroU32>,
    /// Events in each run; without it as many as take `--duration`.
    #[arg(long, conflicts_with = "duration")]
    pub(super) events: Option<NonZeroU64>,
    /// How long a run is to take, such as 2s; the warm-up run says how many events that is [default: 2s].
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(super) duration: Option<Duration>,
    /// Events a second at which latency is measured; 0 for no latency.
    #[arg(
        long,
        value_name = "RATE",
        value_delimiter = ',',
        default_value = "50000"
    )]
    pub(super) rate: Vec<u64>,
    /// Short runs, and few: less than a minute, and still every kind of figure.
    #[arg(long)]
    pub(super) quick: bool,
    /// Build this revision too, and let the two take turns.
    #[arg(long, value_name = "REV", conflicts_with = "binary")]
    pub(super) against: Option<String>,
    /// Print ratios to the figures in this file, which an earlier bench has written.
    #[arg(long, value_name = "FILE")]
    pub(super) compare: Option<PathBuf>,
    /// Let another way to do w1, or bare threads on the task of cpu, take turns with the daemon; may be repeated.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(super) peer: Vec<Peer>,
    /// Seed of the generated events.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Seconds after which a run that is not finished has failed.
    #[arg(long, value_name = "SECONDS", default_value = "120")]
    pub(super) timeout: NonZeroU64,
    /// Measure this daemon instead of building the one of this work tree.
    #[arg(long, value_name = "PATH")]
    pub(super) binary: Option<PathBuf>,
    /// Passed on to the daemon, after its configuration file; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
}

/// Which workloads to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Choice {
    /// Parse, count, discard.
    W0,
    /// Parse, filter, look a weight up, drop a nested field, write.
    W1,
    /// A fixed amount of computing for each event, about 5 us.
    Cpu,
    /// A sleep of 1 ms for each event.
    Delay,
    /// Forty events out of one.
    Explode,
    /// Every one of them.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Isolation {
    Thread,
    Process,
}

impl Isolation {
    /// As the configuration of the daemon has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::Process => "process",
        }
    }
}

/// One item of `--workers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Workers {
    Auto,
    Count(NonZeroU32),
}

impl FromStr for Workers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let count = text.parse().map(Self::Count);
        count.map_err(|_| "expected `auto` or a number from 1".to_owned())
    }
}
