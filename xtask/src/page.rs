//! `cargo xtask page-tests` and `cargo xtask screenshots`: the live page in a real browser.
//!
//! The stories and the pictures are Node programs in `xtask/page`, which drive Chromium. Here the daemon is built
//! for them, and what they need is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::workspace::{Workspace, cargo};

const NEEDED: &str = "expected Node.js 20 or newer with npm, and Chromium: on Debian `apt-get install nodejs npm chromium`";

/// Runs the stories against a daemon that can be made to crash.
pub(crate) fn tests() -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    let daemon = build(&workspace, "debug", &["--features", "chaos"])?;
    let runner = ["--test", "--test-concurrency=1", "--test-timeout=180000"];
    let stories = runner
        .iter()
        .chain(&["--test-reporter=spec", "page.test.mjs"]);
    node(&workspace, &daemon, stories)
}

/// Takes the pictures anew.
pub(crate) fn screenshots() -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    let daemon = build(&workspace, "release", &["--release"])?;
    let folder = workspace.root.join("docs").join("page");
    let folder = folder.to_str().context("the path of docs is no text")?;
    node(&workspace, &daemon, ["screenshots.mjs", folder].iter())
}

fn build(workspace: &Workspace, profile: &str, how: &[&str]) -> anyhow::Result<PathBuf> {
    let status = Command::new(cargo())
        .args(["build", "-p", "millpond"])
        .args(how)
        .status()
        .context("cannot run cargo build")?;
    ensure!(status.success(), "the daemon does not build");
    Ok(workspace.target.join(profile).join("millpond"))
}

/// Runs a program of `xtask/page`, once what it needs is there.
fn node<'a>(
    workspace: &Workspace,
    daemon: &Path,
    call: impl Iterator<Item = &'a &'a str>,
) -> anyhow::Result<()> {
    let folder = workspace.root.join("xtask").join("page");
    if !folder.join("node_modules").join("playwright-core").exists() {
        let install = ["ci", "--no-audit", "--no-fund"];
        run(Command::new("npm").args(install).current_dir(&folder))?;
    }
    let mut node = Command::new("node");
    run(node.args(call).env("MILLPOND", daemon).current_dir(&folder))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}: {NEEDED}"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
