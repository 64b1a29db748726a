//! The command line.

use clap::{Args, Parser, Subcommand};

pub(crate) use crate::bench::BenchFlags;
pub(crate) use crate::bench::ack::AckFlags;
pub(crate) use crate::bench::admin_cost::AdminCostFlags;
pub(crate) use crate::bench::burst::BurstFlags;
pub(crate) use crate::bench::ingress::IngressFlags;
pub(crate) use crate::bench::plan_check::PlanCheckFlags;

const BENCH_EXAMPLES: &str = "Examples:
  cargo xtask bench --quick                            every kind of figure in less than a minute
  cargo xtask bench w1 --workers 1,2,4 --key user_id --no-key
  cargo xtask bench delay --workers 1,8,32             how stages that wait scale
  cargo xtask bench w1 --against HEAD~1                this work tree beside an earlier commit
  cargo xtask bench w1 --peer serde --peer expert      the daemon beside loops written by hand";

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
    /// Measure the release daemon: throughput, CPU, memory and latency across worker counts.
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(Box<BenchFlags>),
    /// Measure how prompt the acknowledgement of durable events is, beside the syncs of the same run.
    #[command(after_help = "Example: cargo xtask ack --rate 400000 --body 1000")]
    Ack(AckFlags),
    /// Measure what the source `http` takes in, with its clients beside it.
    #[command(after_help = "Example: cargo xtask ingress --time 10s --rate 20000")]
    Ingress(IngressFlags),
    /// See how a pool that follows its load meets a burst, and draw it.
    #[command(after_help = "Example: cargo xtask burst --burst 300000 --time 20s")]
    Burst(BurstFlags),
    /// Compare the waits that `millpond plan` predicts with those that are measured.
    #[command(after_help = "Example: cargo xtask plan-check --only delay\nSee docs/PLAN.md.")]
    PlanCheck(PlanCheckFlags),
    /// Count the instructions that the hot path takes an event, and compare them with the stored figures.
    #[command(
        after_help = "Example: cargo xtask instructions --only filter\nNeeds valgrind; see docs/INSTRUCTIONS.md."
    )]
    Instructions(InstructionsFlags),
    /// Run real clients, as their registries have them, against the release daemon: all they send has to come out.
    #[command(
        after_help = "Example: cargo xtask clients --only segment\nNeeds node, npm, python3 and curl."
    )]
    Clients(ClientsFlags),
    /// Run every fuzz target for a short while, from the seeds and what earlier runs found.
    #[command(
        after_help = "Example: cargo xtask fuzz --only framing --seconds 60\nNeeds a C++ compiler; see fuzz/README.md."
    )]
    Fuzz(FuzzFlags),
    /// Measure what those who look at the live page cost, and what junk at the admin listener does.
    #[command(after_help = "Example: cargo xtask admin-cost --time 10s --rounds 3")]
    AdminCost(AdminCostFlags),
    /// Compare a debug daemon's admin API with its OpenAPI document, by requests that schemathesis makes up.
    #[command(
        after_help = "Example: cargo xtask api-tests --hunt 600\nNeeds Python 3.11 or newer, with venv."
    )]
    ApiTests(ApiFlags),
    /// Tell the stories of the live page in a real browser; needs Node.js and Chromium.
    PageTests,
    /// Take the pictures of the live page in `docs/page` anew, from a release build of the demo.
    Screenshots,
    /// Build bugs in on purpose, one after the other, and fail unless each is caught by what has to catch it.
    #[command(
        after_help = "Example: cargo xtask prove-bugs --only leaked_ticket\nSee docs/PROOF.md."
    )]
    ProveBugs(ProveBugsFlags),
}

#[derive(Debug, Args)]
pub(crate) struct CiFlags {
    /// Run only the steps whose name contains this.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
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

#[derive(Debug, Args)]
pub(crate) struct ClientsFlags {
    /// Only the trials whose name contains this.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// How many events each client sends.
    #[arg(long, value_name = "EVENTS", default_value_t = 10_000)]
    pub(crate) events: u64,
}

#[derive(Debug, Args)]
pub(crate) struct FuzzFlags {
    /// Only the targets whose name contains this.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// How long each is run.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(crate) seconds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct ApiFlags {
    /// Instead of the same requests each time, make up new ones for this many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) hunt: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ProveBugsFlags {
    /// Only the bugs whose name contains this.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
}
