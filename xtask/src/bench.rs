//! `cargo xtask bench`: the throughput of the release daemon across worker counts.
//!
//! Every run starts the real binary with a configuration file, sends it generated events over one TCP connection as
//! fast as it takes them, and waits until the daemon's own counters account for all of them. A run whose counters
//! differ from what the generator knows fails the whole bench.

mod case;
#[allow(dead_code, reason = "used once the bench keeps records")]
mod chart;
mod counters;
mod daemon;
#[allow(dead_code, reason = "used once the bench keeps records")]
mod html;
mod input;
#[allow(dead_code, reason = "used once the bench keeps records")]
mod law;
mod names;
#[allow(dead_code, reason = "used once the bench keeps records")]
mod record;
mod report;
mod run;
mod stats;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::flags::{BenchFlags, Choice};
use crate::workspace::{Workspace, cargo};
use case::{Case, Workload};
use input::Input;
use report::Report;
use run::Bench;

/// Distinct lines held in memory; they are sent again and again.
const DISTINCT: usize = 200_000;

/// Builds the daemon, runs every case, prints the table and writes the JSON file.
pub(crate) fn run(flags: &BenchFlags) -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    let binary = match &flags.binary {
        // The daemon is started in another folder.
        Some(path) => path
            .canonicalize()
            .with_context(|| format!("cannot find {}", path.display()))?,
        None => build(&workspace)?,
    };
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;

    let events = flags.events.get();
    let distinct = usize::try_from(events).map_or(DISTINCT, |events| events.min(DISTINCT));
    let bench = Bench {
        binary: &binary,
        folder: &folder,
        input: &Input::generate(flags.seed, distinct),
        events,
        timeout: Duration::from_secs(flags.timeout.get()),
        set: &flags.set,
    };
    let cases = cases(flags);
    let progress = progress(events * cases.len() as u64 * u64::from(flags.runs.get()));
    let mut report = Report::new(&workspace.root, flags, &cases);
    for round in 0..flags.runs.get() {
        for (index, case) in cases.iter().enumerate() {
            progress.set_message(format!("{case}, run {} of {}", round + 1, flags.runs));
            let outcome = bench.run(case, &progress);
            let outcome = outcome.with_context(|| format!("{case}, run {} failed", round + 1))?;
            report.add(index, outcome);
        }
    }
    progress.finish_and_clear();

    print!("{}", report.table());
    let path = report.write(&folder)?;
    println!("\nwritten to {}", workspace.relative(&path));
    Ok(())
}

fn cases(flags: &BenchFlags) -> Vec<Case> {
    let workloads: &[Workload] = match flags.workload {
        Choice::W0 => &[Workload::W0],
        Choice::W1 => &[Workload::W1],
        Choice::All => &[Workload::W0, Workload::W1],
    };
    let case = |workload: Workload| {
        let of = move |workers| Case {
            workload,
            workers,
            key: flags.key.clone(),
        };
        flags.workers.iter().map(|workers| workers.get()).map(of)
    };
    workloads.iter().copied().flat_map(case).collect()
}

/// Builds the release daemon and returns its path.
fn build(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let mut command = Command::new(cargo());
    command
        .args(["build", "--release", "--package", "millpond"])
        .current_dir(&workspace.root);
    let status = command.status().context("cannot run cargo build")?;
    ensure!(status.success(), "the daemon does not build");
    let binary = workspace
        .target
        .join("release")
        .join(format!("millpond{}", std::env::consts::EXE_SUFFIX));
    ensure!(
        Path::new(&binary).exists(),
        "cargo built no {}",
        binary.display()
    );
    Ok(binary)
}

fn progress(events: u64) -> ProgressBar {
    let bar = ProgressBar::new(events);
    let template = "{bar:30} {percent:>3} %  {human_pos} of {human_len} events  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{Command as Task, Flags};
    use clap::Parser;

    #[test]
    fn every_workload_is_run_with_every_worker_count() {
        let flags = Flags::parse_from(["xtask", "bench", "--workers", "1,4", "--key", "user_id"]);
        let Task::Bench(flags) = flags.command else {
            panic!("expected bench")
        };
        let names: Vec<String> = cases(&flags).iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "W0 by user_id, 1 worker",
                "W0 by user_id, 4 workers",
                "W1 by user_id, 1 worker",
                "W1 by user_id, 4 workers"
            ]
        );
    }
}
