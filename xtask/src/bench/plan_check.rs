//! How far `millpond plan` is off: the 99th percentile of the waits that it predicts beside the one that is measured.
//!
//! In each round a daemon with half of the workers is measured first, at a third of what it can do, and the plan made of
//! that says which rates will make all of the workers so and so busy, and what waits will be like then. Another daemon
//! has those workers and gets those rates. The rounds take turns between the workloads, so that a machine whose speed
//! drifts is off for all of them alike, and the median over the rounds counts.
//!
//! The sender is an open loop: bundles of events are due at random times (Poisson), as the plan assumes, whatever became
//! of those before. Each goes to the next of many connections, in one write.

mod sender;
mod task;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use serde::Deserialize;
use tempfile::TempDir;

use super::daemon::{Daemon, free_ports};
use super::input::{Input, Shape};
use super::subjects::{build, named};
use super::workload::{Ends, config};
use super::{cores, scratch};
use crate::workspace::Workspace;
use sender::Sender;
use task::Task;
use verdict::{Level, Measured, Verdict};

/// How long it is sent before anything is measured: what was empty fills up meanwhile.
const WARM_UP: Duration = Duration::from_millis(500);
/// How busy the workers are that the plan is made of.
const CALM: f64 = 0.35;
/// How busy they would be at a first glance, if this machine were like the one that the usual times are of.
const GLANCE: f64 = 0.1;
const GLANCE_TIME: Duration = Duration::from_millis(500);

/// How far `millpond plan` is off.
#[derive(Debug, Args)]
pub(crate) struct PlanCheckFlags {
    /// Rounds, of which the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// How long each run is measured.
    #[arg(long, default_value = "4s", value_parser = humantime::parse_duration)]
    time: Duration,
    /// Only these workloads.
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = [Task::Delay, Task::Cpu])]
    only: Vec<Task>,
    /// Workers whose waits are predicted; by default what suits the workload and the cores.
    #[arg(long)]
    workers: Option<u32>,
    /// Measure this daemon instead of building the one of this work tree; then cargo is not needed.
    #[arg(long, visible_alias = "bin", value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// Runs all rounds, prints the figures, and fails if the plan is further off than it may be.
pub(crate) fn run(flags: &PlanCheckFlags) -> anyhow::Result<()> {
    let (binary, folder) = place(flags)?;
    let machine_cores = cores::allowed().len().max(1);
    let check = Check {
        binary: &binary,
        folder: folder.path(),
        input: Input::new(Shape::Clicks, 1),
        time: flags.time,
    };
    let mut verdict = Verdict::default();
    for round in 0..flags.runs {
        for &task in &flags.only {
            let workers = flags.workers.unwrap_or_else(|| task.workers(machine_cores));
            let measured = check.round(task, workers, round);
            let measured = measured.with_context(|| format!("round {}, {task}", round + 1))?;
            eprintln!(
                "round {} of {}, {task}: {}",
                round + 1,
                flags.runs,
                line(&measured)
            );
            verdict.add(task, workers, measured);
        }
    }
    print!("{}", verdict.table());
    verdict.judge()
}

/// One round in a line.
fn line(measured: &[Measured]) -> String {
    let one = |one: &Measured| {
        let (predicted, seen) = (one.predicted * 1e3, one.seen * 1e3);
        format!(
            "{:.0} % {predicted:.2} / {seen:.2} ms",
            one.level.share() * 100.0
        )
    };
    let all: Vec<String> = measured.iter().map(one).collect();
    format!("predicted / measured p99 at {}", all.join(", "))
}

/// The daemon, and a folder to run it in.
fn place(flags: &PlanCheckFlags) -> anyhow::Result<(PathBuf, TempDir)> {
    if let Some(path) = &flags.binary {
        return Ok((named(path)?, TempDir::new().context("no folder to run in")?));
    }
    let workspace = Workspace::load()?;
    let benches = workspace.target.join("bench");
    std::fs::create_dir_all(&benches)?;
    let binary = build(&workspace.root, &workspace.target, "millpond", "millpond")?;
    Ok((binary, scratch::new(&benches)?))
}

struct Check<'a> {
    binary: &'a Path,
    folder: &'a Path,
    input: Input,
    time: Duration,
}

/// What is read of the answer of `millpond plan --json`.
#[derive(Debug, Deserialize)]
struct Plan {
    measured_rate: f64,
    measured_p99: f64,
    event_seconds: f64,
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    rate: f64,
    wait: Option<Wait>,
}

#[derive(Debug, Deserialize)]
struct Wait {
    p99: f64,
}

impl Row {
    fn p99(&self) -> anyhow::Result<f64> {
        let wait = self
            .wait
            .as_ref()
            .context("the plan has no wait for this rate")?;
        Ok(wait.p99)
    }
}

impl Check<'_> {
    /// The plan is made of half of the workers, and all of them are seen at each level.
    fn round(&self, task: Task, workers: u32, round: u32) -> anyhow::Result<Vec<Measured>> {
        let few = (workers / 2).max(1);
        let seed = u64::from(round) + 1;
        let shares: Vec<String> = Level::ALL
            .map(|level| format!("{}", level.share() * 100.0))
            .to_vec();
        let asked = [
            format!("--workers={workers}"),
            format!("--used={}", shares.join(",")),
        ];
        let daemon = self.start(task, few)?;
        // How fast this machine is at the moment, to begin with.
        let slow = Load {
            task,
            bundle: 1,
            rate: GLANCE * f64::from(few) / task.seconds_per_event(),
            seed,
        };
        let glance = self.seen(&daemon, slow, GLANCE_TIME, &[])?;
        let calm = Load {
            bundle: task.bundle(glance.event_seconds),
            rate: CALM * f64::from(few) / glance.event_seconds,
            ..slow
        };
        let plan = self.seen(&daemon, calm, self.time, &asked)?;
        daemon.stop()?;
        ensure!(
            plan.rows.len() == Level::ALL.len(),
            "a plan of {} rows",
            plan.rows.len()
        );

        let daemon = self.start(task, workers)?;
        let mut measured = Vec::new();
        for (at, (level, row)) in Level::ALL.into_iter().zip(&plan.rows).enumerate() {
            let asked = [
                format!("--workers={workers}"),
                format!("--rate={}", row.rate),
            ];
            let load = Load {
                rate: row.rate,
                seed: seed * 1_000 + at as u64,
                ..calm
            };
            let seen = self.seen(&daemon, load, self.time, &asked)?;
            measured.push(Measured {
                level,
                rate: row.rate,
                predicted: row.p99()?,
                seen: seen.measured_p99,
                used: seen.measured_rate * seen.event_seconds / f64::from(workers),
                by_itself: seen.rows.first().context("a plan without rows")?.p99().ok(),
            });
        }
        daemon.stop()?;
        Ok(measured)
    }

    fn start(&self, task: Task, workers: u32) -> anyhow::Result<Running> {
        let [source, admin] = free_ports()?;
        let ends = Ends {
            source,
            admin,
            sink: None,
        };
        let config = config(&task.what(workers), &ends, 1, 0);
        let folder = scratch::new(self.folder)?;
        let daemon = Daemon::start(self.binary, folder.path(), &config, &[], admin)?;
        Ok(Running {
            daemon,
            source,
            admin,
            _folder: folder,
        })
    }

    /// Sends, and has a plan made of that.
    fn seen(
        &self,
        running: &Running,
        load: Load,
        time: Duration,
        asked: &[String],
    ) -> anyhow::Result<Plan> {
        let Load {
            task,
            bundle,
            rate,
            seed,
        } = load;
        let sender = Sender::start(running.source, task, bundle, rate, &self.input, seed)?;
        let plan = thread::scope(|scope| {
            let sending = scope.spawn(|| sender.send());
            thread::sleep(WARM_UP);
            let plan = self.plan(running.admin, time, asked);
            sender.stop();
            let sent = sending.join();
            sent.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            plan
        })?;
        Ok(plan)
    }

    /// What the daemon's own verb says after having looked at a running one.
    fn plan(&self, admin: u16, time: Duration, asked: &[String]) -> anyhow::Result<Plan> {
        let output = Command::new(self.binary)
            .args(["plan", "--json", "--live"])
            .arg(format!("127.0.0.1:{admin}"))
            .arg(format!("--for={}ms", time.as_millis()))
            .args(asked)
            .output()
            .context("cannot run millpond plan")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "millpond plan: {said}");
        serde_json::from_slice(&output.stdout).context("the plan does not read")
    }
}

/// What is sent.
#[derive(Clone, Copy)]
struct Load {
    task: Task,
    /// Events at once.
    bundle: usize,
    /// Events a second.
    rate: f64,
    seed: u64,
}

struct Running {
    daemon: Daemon,
    source: u16,
    admin: u16,
    _folder: TempDir,
}

impl Running {
    fn stop(mut self) -> anyhow::Result<()> {
        self.daemon.stop()
    }
}
