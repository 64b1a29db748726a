//! The command line.

mod dlq;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use dlq::{DlqArgs, DlqVerb, PurgeArgs, ReplayArgs, StoreArgs};

/// An event pipeline that stays correct under bursts.
#[derive(Debug, Parser)]
#[command(name = "millpond", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,

    /// How logs are written, to stderr.
    #[arg(long, value_enum, default_value_t = LogFormat::Human, global = true, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,

    /// What is logged, such as "warn" or "info,millpond_sinks=debug"; "info" by default.
    #[arg(long, env = "MILLPOND_LOG", global = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

impl Cli {
    /// What is logged. Of a trial run only what is wrong with it.
    pub(crate) fn filter(&self) -> Option<&str> {
        let usual = matches!(self.verb, Verb::Plan(_)).then_some("warn");
        self.log.as_deref().or(usual)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Runs the pipelines of a configuration until their input ends or a signal comes.
    #[command(after_help = RUN_EXAMPLE)]
    Run(ConfigArgs),
    /// Shows it all in one process: synthetic shoppers with bursts, a pipeline, a live status.
    #[command(after_help = DEMO_EXAMPLE)]
    Demo(DemoArgs),
    /// Checks a configuration and says what it describes; opens nothing.
    #[command(after_help = CHECK_EXAMPLE)]
    Check(ConfigArgs),
    /// Looks at dead letters, replays and deletes them.
    #[command(after_help = dlq::EXAMPLES)]
    Dlq(DlqArgs),
    /// Runs the event of a crash through its pipeline once more, alone and apart, and says what happens.
    #[command(after_help = REPLAY_EXAMPLE)]
    Replay(ReplayCrashArgs),
    /// Pauses a pipeline of a running daemon; what it has not run waits.
    #[command(after_help = PAUSE_EXAMPLE)]
    Pause(PipelineArgs),
    /// Lets a pipeline go on that is paused.
    #[command(after_help = RESUME_EXAMPLE)]
    Resume(PipelineArgs),
    /// Has a running daemon read its configuration again and take over changed stages.
    #[command(after_help = RELOAD_EXAMPLE)]
    Reload(StoreArgs),
    /// Looks at the journal, and goes on behind damage.
    #[command(after_help = JOURNAL_EXAMPLES)]
    Journal(JournalArgs),
    /// Watches a running daemon in the terminal: what flows, what is held up, and where that begins.
    #[command(after_help = crate::top::EXAMPLES)]
    Top(crate::top::TopArgs),
    /// Shows events of a running daemon as they pass a place: a source, a stage, a sink, the dead letters.
    #[command(after_help = crate::tap::EXAMPLES)]
    Tap(crate::tap::TapArgs),
    /// Predicts from measured service times how other numbers of workers do at other rates.
    #[command(after_help = crate::plan::EXAMPLES)]
    Plan(crate::plan::PlanArgs),
    /// Proves on this machine that acknowledged events are delivered, while the daemon is killed and starved.
    #[command(after_help = crate::prove::EXAMPLES)]
    Prove(crate::prove::ProveArgs),
    /// The process of a worker: started by the daemon, with a socket for its standard input.
    #[command(hide = true)]
    Worker,
    /// Prints the JSON Schema of the configuration.
    #[command(after_help = SCHEMA_EXAMPLE)]
    Schema,
    /// Prints completions for a shell.
    #[command(after_help = COMPLETIONS_EXAMPLE)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

const EXAMPLES: &str = "\
Examples:
  millpond demo
  millpond check -c clicks.toml
  millpond run -c clicks.toml

`millpond VERB --help` has more of each.";

const RUN_EXAMPLE: &str = "\
Examples:
  millpond run -c clicks.toml
  millpond run -c clicks.toml < events.ndjson > out.ndjson
  millpond run -c base.toml -c site.yaml --set runtime.workers=4
  MILLPOND__RUNTIME__MEMORY=512MiB millpond run -c clicks.toml

A first SIGTERM or SIGINT drains, a second one ends at once; SIGHUP reopens files.
Exit codes: 0 drained, 1 something failed or was left at the deadline, 2 usage, 78 bad configuration.";

const DEMO_EXAMPLE: &str = "\
Examples:
  millpond demo
  millpond demo --rate 0 --workers 2 --for 10s
  millpond demo --events 1000000 --output out.ndjson";

const CHECK_EXAMPLE: &str = "\
Example:
  millpond check -c clicks.toml --set sinks.features.path=out.ndjson

Exit codes: 0 the configuration is right, 78 it is not.";

const REPLAY_EXAMPLE: &str = "\
Examples:
  millpond replay data/dead-letters/crashes/1767225600123456-clicks-1.crash
  millpond replay data/dead-letters/crashes/1767225600123456-clicks-1.crash -c clicks.toml

A dead letter with the reason `panic` names the file. The pipeline is as it was at the crash, or with -c as it is
configured now; nothing is written to its sinks. For dead letters of all kinds, and into the sinks: millpond dlq replay.
Exit codes: 0 it went through, 1 it crashed again, 2 it is no such file, 78 bad configuration.";

const PAUSE_EXAMPLE: &str = "\
Examples:
  millpond pause clicks -c clicks.toml
  millpond pause clicks --path data/dead-letters

The daemon is reached through its admin listener, with the token that it leaves beside the dead letters. /readyz answers
503 meanwhile. `millpond resume` lets the pipeline go on, and so does a restart.
Exit codes: 0 it is paused, 1 it was already or no daemon answers, 78 bad configuration.";

const RELOAD_EXAMPLE: &str = "\
Examples:
  millpond reload -c clicks.toml
  millpond reload --path data/dead-letters

-c only says where the daemon's token is: the daemon reads the files that it was started with, with its own environment
and --set. All that changed is taken over, or, if anything else than stages and max_emit of pipelines did, nothing.
Exit codes: 0 reloaded, 1 refused or no daemon answers, 78 bad configuration.";

const RESUME_EXAMPLE: &str = "\
Examples:
  millpond resume clicks -c clicks.toml
  millpond resume clicks --path data/dead-letters

The daemon is reached through its admin listener, with the token that it leaves beside the dead letters. Why a
pipeline is paused is in its log, in /readyz and in /api/v1/pipelines. A restart lets it go on, too.
Exit codes: 0 it goes on, 1 it is not paused or no daemon answers, 78 bad configuration.";

const JOURNAL_EXAMPLES: &str = "\
Examples:
  millpond journal show -c clicks.toml
  millpond journal accept-damage -c clicks.toml

`show` may be used while a daemon runs, and changes nothing. `accept-damage` needs the daemon stopped.
Exit codes: 0, 1 something is damaged or unreadable, 2 nobody confirmed, 78 bad configuration.";

const SCHEMA_EXAMPLE: &str = "\
Example:
  millpond schema > millpond.schema.json";

const COMPLETIONS_EXAMPLE: &str = "\
Example:
  millpond completions bash > /etc/bash_completion.d/millpond";

/// Which crash is reproduced, and how.
#[derive(Args, Debug)]
pub(crate) struct ReplayCrashArgs {
    /// The file that the daemon left of a crash.
    pub(crate) file: PathBuf,

    /// The configuration whose pipeline is to run it, instead of the one in the file.
    #[arg(short, long = "config", num_args = 1.., value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,

    /// Overrides one key of the configuration.
    #[arg(long, value_name = "KEY=VALUE", requires = "config")]
    pub(crate) set: Vec<String>,

    /// How long it may take.
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,

    /// Runs it in this process: what the process of its own is started with.
    #[arg(long, hide = true)]
    pub(crate) here: bool,
}

/// Which pipeline is meant.
#[derive(Args, Debug)]
pub(crate) struct PipelineArgs {
    /// The pipeline's name.
    pub(crate) pipeline: String,

    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// What to do with the journal.
#[derive(Args, Debug)]
pub(crate) struct JournalArgs {
    #[command(subcommand)]
    pub(crate) verb: JournalVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JournalVerb {
    /// Says what the journal holds that is not done with, and what of it is damaged.
    Show(ConfigArgs),
    /// Gives up records that were durable and cannot be read: the daemon goes on behind them.
    AcceptDamage {
        #[command(flatten)]
        config: ConfigArgs,

        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// Where the configuration comes from.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArgs {
    /// A TOML or YAML file; later ones override earlier ones.
    #[arg(short, long = "config", required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,

    /// Overrides one key, such as runtime.workers=4 or sinks.out.path=x.ndjson.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

/// What the demo does.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Events per second between bursts; 0 = as fast as possible.
    #[arg(long, default_value_t = 50_000)]
    pub(crate) rate: u64,

    /// Ends after this long.
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) for_: Option<Duration>,

    /// Ends after this many events.
    #[arg(long)]
    pub(crate) events: Option<u64>,

    /// Worker threads; one less than there are cores by default.
    #[arg(long)]
    pub(crate) workers: Option<u32>,

    /// The share of malformed events, 0 to 1.
    #[arg(long, default_value_t = 0.001)]
    pub(crate) bad: f64,

    /// Seed of the traffic: the same seed makes the same events.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// A file for the output; thrown away by default.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Where the admin listener listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7080", value_name = "ADDRESS")]
    pub(crate) admin: SocketAddr,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed_and_every_verb_has_an_example() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        let about = command.get_about().map(ToString::to_string);
        assert!(about.is_some_and(|about| about.starts_with("An event pipeline")));
        for verb in command
            .get_subcommands()
            .filter(|verb| verb.get_name() != "help" && !verb.is_hide_set())
        {
            let example = verb
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let call = format!("millpond {}", verb.get_name());
            assert!(example.contains(&call), "{}", verb.get_name());
        }
    }

    #[test]
    fn the_examples_of_run_and_demo_parse() {
        for line in [
            "millpond run -c base.toml -c site.yaml --set runtime.workers=4",
            "millpond run -c base.toml site.yaml --log-format json --log warn",
            "millpond demo --rate 0 --workers 2 --for 10s",
            "millpond dlq ls -c clicks.toml",
            "millpond dlq show --path data/dead-letters --where reason=refused --where since=1h --json",
            "millpond dlq replay -c clicks.toml --where stage=explode --dry-run",
            "millpond dlq purge -c clicks.toml --where replayed=true --yes",
            "millpond replay data/dead-letters/crashes/1-clicks-1.crash -c clicks.toml",
            "millpond pause clicks -c clicks.toml",
            "millpond resume clicks -c clicks.toml",
            "millpond reload --path data/dead-letters",
            "millpond plan -c clicks.toml --sample events.ndjson --workers 1,2,4 --rate 10000,50000",
            "millpond plan --live 127.0.0.1:7080 --for 30s --burst 300000x5s --json",
            "millpond top",
            "millpond top --admin 127.0.0.1:7081 --interval 5s --count 12",
            "millpond tap -c clicks.toml --source feed --limit 10",
            "millpond tap -c clicks.toml --pipeline clicks --stage map --where type=click --rate 5",
            "millpond tap --token-file data/dead-letters/admin.token --dead-letters --where reason=refused --bare",
            "millpond prove --rounds 200 --seed 7 --faults kill,disk-full",
        ] {
            let parsed = Cli::try_parse_from(line.split(' '));
            assert!(parsed.is_ok(), "{line}: {parsed:?}");
        }
        assert_eq!(
            Cli::try_parse_from(["millpond", "run"])
                .unwrap_err()
                .exit_code(),
            2
        );
        for line in [
            "millpond tap -c b.toml",
            "millpond tap -c b.toml --stage map",
            "millpond tap --source a",
            "millpond dlq ls",
            "millpond dlq ls --path a -c b.toml",
        ] {
            let refused = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(refused.exit_code(), 2, "{line}");
        }
    }
}
