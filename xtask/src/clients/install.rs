//! Clients out of their registries, at the versions of the lock files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::installed::{self, done, is_new, succeed};

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
        let there = Installed {
            scripts: scripts.to_owned(),
            node: folder.join("node"),
            python: folder.join("python"),
        };
        there.install_node()?;
        let lock = scripts.join("python/requirements.txt");
        installed::install_python(&lock, &there.python)?;
        Ok(there)
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
