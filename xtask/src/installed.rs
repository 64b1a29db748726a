//! What xtask runs out of the registries of other languages, at the versions of lock files.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// What was installed in a folder, as its lock file said.
const STAMP: &str = "installed";

/// Installs what the file `lock` lists in a Python environment `folder`, and nothing beside, unless it is there
/// already at these versions. The file has the digest of each, and nothing else is installed, nor built.
pub(crate) fn install_python(lock: &Path, folder: &Path) -> anyhow::Result<()> {
    if !is_new(lock, folder)? {
        return Ok(());
    }
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(folder);
    succeed(venv, "python3 -m venv")?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--no-deps", "--require-hashes"]);
    pip.arg("--only-binary=:all:");
    pip.args(["--disable-pip-version-check", "-r"]).arg(lock);
    succeed(pip, "pip install")?;
    done(lock, folder)
}

/// Whether what `lock` lists is not what was last installed in `folder`.
pub(crate) fn is_new(lock: &Path, folder: &Path) -> anyhow::Result<bool> {
    let wanted = fs::read(lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let there = fs::read(folder.join(STAMP)).unwrap_or_default();
    Ok(wanted != there)
}

/// Notes that what `lock` lists is installed in `folder`.
pub(crate) fn done(lock: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::copy(lock, folder.join(STAMP)).context("cannot note what was installed")?;
    Ok(())
}

/// Runs `command`, and fails with what it said if it does.
pub(crate) fn succeed(mut command: Command, name: &str) -> anyhow::Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} failed: {}", told.trim());
    Ok(())
}
