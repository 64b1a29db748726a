//! `cargo xtask fuzz`: every fuzz target for a short while, from its seeds.
//!
//! It needs no nightly toolchain and no cargo-fuzz: the instrumentation alone is to be had of the stable compiler, and
//! the sanitizers, which are not, find little in code without `unsafe`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::flags::FuzzFlags;
use crate::workspace::{Workspace, cargo};

/// What cargo-fuzz passes to the compiler, less the sanitizer.
const INSTRUMENTED: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Seeds lie in a folder with the name of their target, less this.
const PREFIX: &str = "ingress_";

/// Builds the targets and runs those that `flags` selects, as many at a time as there are cores.
pub(crate) fn run(flags: &FuzzFlags) -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    let folder = workspace.root.join("fuzz");
    let only = flags.only.as_deref().unwrap_or_default();
    let all = targets(&folder)?;
    let chosen: Vec<_> = all.iter().filter(|name| name.contains(only)).collect();
    ensure!(
        !chosen.is_empty(),
        "no target is named {only:?}, expected part of one of {all:?}"
    );
    let built = build(&folder, &workspace.target.join("fuzz"))?;
    let left = Mutex::new(chosen.into_iter());
    let failed = Mutex::new(Vec::new());
    let work = || {
        // The lock is let go of before the target runs.
        let next = || left.lock().ok()?.next();
        while let Some(name) = next() {
            if let Err(error) = fuzz(&folder, &built, name, flags.seconds)
                && let Ok(mut failed) = failed.lock()
            {
                println!("{name:20} FAILED  {error:#}");
                failed.push(name);
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    ensure!(failed.is_empty(), "{failed:?} failed");
    Ok(())
}

/// The targets, as the manifest has them.
fn targets(folder: &Path) -> anyhow::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        targets: Vec<Target>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
        kind: Vec<String>,
    }
    let output = Command::new(cargo())
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(folder)
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed in fuzz");
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    let targets = metadata.packages.into_iter().flat_map(|one| one.targets);
    let programs = targets.filter(|target| target.kind == ["bin"]);
    Ok(programs.map(|target| target.name).collect())
}

/// Builds all of them; where they are.
fn build(folder: &Path, target: &Path) -> anyhow::Result<PathBuf> {
    let host = host()?;
    let status = Command::new(cargo())
        .args(["build", "--release", "--bins", "--target", &host])
        .arg("--target-dir")
        .arg(target)
        .env("RUSTFLAGS", INSTRUMENTED)
        .current_dir(folder)
        .status()
        .context("cannot run cargo build")?;
    ensure!(status.success(), "the fuzz targets do not build");
    Ok(target.join(host).join("release"))
}

/// With a target named, what runs at build time is built without instrumentation.
fn host() -> anyhow::Result<String> {
    let output = Command::new(cargo()).arg("-vV").output();
    let output = output.context("cannot run cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("cargo names no host")
}

fn fuzz(folder: &Path, built: &Path, name: &str, seconds: u64) -> anyhow::Result<()> {
    let corpus = folder.join("corpus").join(name);
    let artifacts = folder.join("artifacts").join(name);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let mut command = Command::new(built.join(name));
    command.arg(corpus);
    let seeds = folder.join("seeds").join(name.trim_start_matches(PREFIX));
    if seeds.exists() {
        command.arg(seeds);
    }
    let begin = Instant::now();
    let output = command
        .args(["-max_len=4096", "-timeout=60"])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .context("cannot run it")?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let told: Vec<_> = told.lines().collect();
        let end = told[told.len().saturating_sub(30)..].join("\n");
        bail!("{}\n{end}", output.status);
    }
    let runs = told.lines().rev().find_map(|line| {
        let runs = line.strip_prefix("Done ")?.split_once(' ')?;
        Some(runs.0.to_owned())
    });
    let runs = runs.context("it does not say how often it ran")?;
    let took = begin.elapsed().as_secs_f64();
    println!("{name:20} ok      {took:6.1} s  {runs} runs");
    Ok(())
}
