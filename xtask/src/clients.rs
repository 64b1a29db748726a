//! `cargo xtask clients`: real clients, as their registries have them, send to the daemon, and all that they sent has to
//! come out with its content.

mod content;
mod install;
mod trial;

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use crate::flags::ClientsFlags;
use crate::workspace::{Workspace, cargo};
use install::Installed;
use trial::{TRIALS, Trial};

/// Runs every trial that `flags` selects, one after the other, and fails at the end if one of them did.
pub(crate) fn run(flags: &ClientsFlags) -> anyhow::Result<()> {
    ensure!(flags.events > 0, "--events is 0, expected at least 1");
    let only = flags.only.as_deref().unwrap_or_default();
    let trials: Vec<&Trial> = TRIALS
        .iter()
        .filter(|trial| trial.name.contains(only))
        .collect();
    if trials.is_empty() {
        let names: Vec<_> = TRIALS.iter().map(|trial| trial.name).collect();
        bail!("no trial is named {only:?}, expected part of one of {names:?}");
    }
    let workspace = Workspace::load()?;
    let status = Command::new(cargo())
        .args(["build", "--release", "--package", "millpond"])
        .current_dir(&workspace.root)
        .status()
        .context("cannot run cargo build")?;
    ensure!(status.success(), "the daemon does not build");
    let daemon = workspace.target.join("release/millpond");
    let folder = workspace.target.join("clients");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let clients = Installed::new(&workspace.root.join("xtask/clients"), &folder)?;

    let mut failed = 0;
    for trial in &trials {
        let begin = Instant::now();
        let outcome = trial.run(&clients, &daemon, &folder, flags.events);
        let took = begin.elapsed().as_secs_f64();
        match outcome {
            Ok(told) => println!("{:24} ok      {took:6.1} s  {told}", trial.name),
            Err(error) => {
                failed += 1;
                println!("{:24} FAILED  {took:6.1} s  {error:#}", trial.name);
            }
        }
    }
    ensure!(failed == 0, "{failed} of {} trials failed", trials.len());
    Ok(())
}
