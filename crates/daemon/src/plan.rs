//! `millpond plan`: what it may be told, and where the measured times come from.

mod live;
mod trial;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Args};
use millpond_plan::{Ask, Burst, Measured, PlanError, Report};
use millpond_queue::Budget;
use millpond_runtime::Options;

use crate::config::{Config, Inputs, Problems};
use crate::error::StartError;
use crate::remote::RemoteError;
use crate::verbs::{CONFIG, FAILED, USAGE, print, refuse};

pub(crate) const EXAMPLES: &str = "\
Examples:
  millpond plan -c clicks.toml
  millpond plan -c clicks.toml --sample events.ndjson --workers 1,2,4 --rate 10000,50000
  millpond plan --live 127.0.0.1:7080 --for 30s --burst 300000x5s --json

Without --sample it looks twice at a running daemon, which works on meanwhile: at --live, or where the configuration
says that its admin listener is. With --sample it runs the lines of a file through the pipelines of the configuration,
on one worker, into no sink; sources, sinks and journal are left alone. docs/PLAN.md says what is predicted, and how.

Exit codes: 0, 1 nothing could be measured, 2 usage, 78 bad configuration.";

/// What is measured, and what is asked.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("measured").required(true).multiple(true).args(["config", "live"])))]
pub(crate) struct PlanArgs {
    /// A TOML or YAML file; later ones override earlier ones.
    #[arg(short, long = "config", num_args = 1.., value_name = "FILE")]
    config: Vec<PathBuf>,

    /// Overrides one key of the configuration, such as runtime.workers=4.
    #[arg(long, value_name = "KEY=VALUE", requires = "config")]
    set: Vec<String>,

    /// The admin listener of a running daemon.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "sample")]
    live: Option<SocketAddr>,

    /// Lines to try the pipelines with, again and again.
    #[arg(long, value_name = "FILE", requires = "config")]
    sample: Option<PathBuf>,

    /// With --sample: events that come at once.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: u32,

    /// How long it is measured.
    #[arg(long = "for", default_value = "10s", value_name = "DURATION", value_parser = at_least_a_moment)]
    for_: Duration,

    /// Numbers of workers; by default those there are, and powers of two around.
    #[arg(long, value_delimiter = ',', value_name = "N,...")]
    workers: Vec<usize>,

    /// Events a second over all pipelines; by default what makes the workers 50, 70 and 85 % busy.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "N,...",
        conflicts_with = "used"
    )]
    rate: Vec<f64>,

    /// Percentages of what the workers can do, in place of rates.
    #[arg(long, value_delimiter = ',', value_name = "PERCENT,...")]
    used: Vec<f64>,

    /// A burst upon each of the rates: events a second, and for how long.
    #[arg(long, value_name = "RATExDURATION", value_parser = burst)]
    burst: Option<Burst>,

    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] Problems),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("{}: {error}", path.display())]
    Sample {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("{}: there is no line in it, expected events", .0.display())]
    Empty(PathBuf),
    #[error("no directory for the dead letters of the trial: {0}")]
    Scratch(std::io::Error),
    #[error("the trial run failed; what went wrong was logged")]
    Trial,
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Failure::Config(_) => CONFIG,
            Failure::Start(error) => error.exit_code(),
            Failure::Usage(_) | Failure::Plan(PlanError::Ask { .. }) => USAGE,
            _ => FAILED,
        }
    }
}

/// `millpond plan`.
pub(crate) fn plan(args: PlanArgs) -> ExitCode {
    match planned(args) {
        Ok(said) => print(&said),
        Err(failure) => refuse(&failure, failure.exit_code()),
    }
}

fn planned(mut args: PlanArgs) -> Result<String, Failure> {
    let config = match std::mem::take(&mut args.config) {
        files if files.is_empty() => None,
        files => Some(crate::config::load(&Inputs {
            files,
            environment: std::env::vars_os().collect(),
            set: std::mem::take(&mut args.set),
        })?),
    };
    let mut ask = ask(&args);
    // What is asked for is looked at before it is measured for so long.
    millpond_plan::check(&ask)?;
    let measured = measure(&args, config.as_ref())?;
    if ask.workers.is_empty() {
        let now = config.map_or(measured.look.workers, |config| config.runtime.workers.max);
        ask.workers = around(now, measured.look.cores);
    }
    let plan = millpond_plan::plan(&measured, &ask)?;
    if args.json {
        // Numbers, words and lists of them.
        let text = serde_json::to_string_pretty(&plan).unwrap_or_default();
        return Ok(text + "\n");
    }
    Ok(Report(&plan).to_string())
}

fn measure(args: &PlanArgs, config: Option<&Config>) -> Result<Measured, Failure> {
    match (&args.sample, config) {
        (Some(sample), Some(config)) => trial::measure(config, sample, args.batch, args.for_),
        _ => {
            let admin = config.and_then(|config| config.admin);
            let address = args.live.or(admin).ok_or_else(|| {
                let message = "the configuration has no admin listener to ask: expected --sample FILE, or --live ADDRESS";
                Failure::Usage(message.to_owned())
            })?;
            live::measure(address, args.for_)
        }
    }
}

fn ask(args: &PlanArgs) -> Ask {
    let usual = Ask::default();
    let runtime = Options::new(1, Budget::new(1));
    Ask {
        workers: args.workers.clone(),
        rates: args.rate.clone(),
        utilisations: match &args.used[..] {
            [] => usual.utilisations,
            used => used.iter().map(|percent| percent / 100.0).collect(),
        },
        burst: args.burst,
        slice: runtime.slice.as_secs_f64(),
        turn: runtime.turn,
        ..usual
    }
}

/// The number there is, and powers of two up to twice that or twice the cores.
fn around(now: usize, cores: usize) -> Vec<usize> {
    let most = 2 * now.max(cores).min(512);
    let mut counts: Vec<usize> = (0..)
        .map(|power| 1 << power)
        .take_while(|count| *count <= most)
        .collect();
    counts.push(now.max(1));
    counts.sort_unstable();
    counts.dedup();
    counts
}

fn at_least_a_moment(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time < Duration::from_millis(100) {
        return Err("expected at least 100ms".to_owned());
    }
    Ok(time)
}

fn burst(text: &str) -> Result<Burst, String> {
    let expected = || "expected events a second and a time, such as 300000x5s".to_owned();
    let (rate, time) = text.split_once('x').ok_or_else(expected)?;
    let rate = rate.parse::<f64>().map_err(|_| expected())?;
    let time = humantime::parse_duration(time).map_err(|_| expected())?;
    Ok(Burst {
        rate,
        seconds: time.as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_a_rate_and_a_time() {
        let seen = burst("300000x1m 5s").map(|burst| (burst.rate, burst.seconds));
        assert_eq!(seen, Ok((300_000.0, 65.0)));
        for wrong in ["300000", "x5s", "300000x", "manyx5s", "300000x5"] {
            assert!(
                burst(wrong).is_err_and(|why| why.contains("300000x5s")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_usual_counts_lie_around_what_there_is() {
        assert_eq!(around(3, 4), [1, 2, 3, 4, 8]);
        assert_eq!(around(1, 1), [1, 2]);
        assert_eq!(around(1024, 2).last(), Some(&1024));
    }
}
