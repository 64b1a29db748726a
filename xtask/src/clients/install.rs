//! Clients out of their registries, at the versions of the lock files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// Clients that are there to be run.
pub(super) struct Installed {
    /// Where the scripts are.
    pub(super) scripts: PathBuf,
    node: PathBuf,
    python: PathBuf,
}

impl Installed {
    /// Installs them below `folder`, unless they are there already at these versions.
    pub(super) fn new(scripts: &Path, folder: &Path) -> anyhow::Result<Self> {
        let installed = Installed {
            scripts: scripts.to_owned(),
            node: folder.join("node"),
            python: folder.join("python"),
        };
        installed.install_node()?;
        installed.install_python()?;
        Ok(installed)
    }

    fn install_node(&self) -> anyhow::Result<()> {
        let sources = self.scripts.join("node");
        let lock = sources.join("package-lock.json");
        if !is_new(&lock, &self.node)? {
            return self.copy_node(&sources);
        }
        self.copy_node(&sources)?;
        let mut command = Command::new("npm");
        command
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&self.node);
        succeed(command, "npm ci")?;
        done(&lock, &self.node)
    }

    /// The scripts lie beside what they import.
    fn copy_node(&self, sources: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(&self.node)?;
        for entry in fs::read_dir(sources)? {
            let path = entry?.path();
            if let (true, Some(name)) = (path.is_file(), path.file_name()) {
                fs::copy(&path, self.node.join(name))
                    .with_context(|| format!("cannot copy {}", path.display()))?;
            }
        }
        Ok(())
    }

    fn install_python(&self) -> anyhow::Result<()> {
        let lock = self.scripts.join("python/requirements.txt");
        if !is_new(&lock, &self.python)? {
            return Ok(());
        }
        let mut command = Command::new("python3");
        command.args(["-m", "venv", "--clear"]).arg(&self.python);
        succeed(command, "python3 -m venv")?;
        let mut command = Command::new(self.python.join("bin/pip"));
        command
            .args([
                "install",
                "--quiet",
                "--no-deps",
                "--require-hashes",
                "--only-binary=:all:",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(&lock);
        succeed(command, "pip install")?;
        done(&lock, &self.python)
    }

    /// A script for Node.
    pub(super) fn node(&self, script: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(self.node.join(script));
        command
    }

    /// A script for Python.
    pub(super) fn python(&self, script: &str) -> Command {
        let mut command = Command::new(self.python.join("bin/python"));
        command.arg(self.scripts.join("python").join(script));
        command
    }
}

/// What was installed here, as its lock file said.
const STAMP: &str = "installed";

fn is_new(lock: &Path, folder: &Path) -> anyhow::Result<bool> {
    let wanted = fs::read(lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let there = fs::read(folder.join(STAMP)).unwrap_or_default();
    Ok(wanted != there)
}

fn done(lock: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::copy(lock, folder.join(STAMP)).context("cannot note what was installed")?;
    Ok(())
}

fn succeed(mut command: Command, name: &str) -> anyhow::Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} failed: {}", told.trim());
    Ok(())
}
