//! Where a bench runs.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::record::Machine;

impl Machine {
    pub(super) fn here(root: &Path) -> Self {
        Self {
            os: std::env::consts::OS.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            processor: processor(),
            cores: std::thread::available_parallelism().ok().map(usize::from),
            rustc: first_line(root, "rustc", &["--version"]),
        }
    }
}

/// What is checked out at `root`, marked if it was changed since; `None` outside a git work tree.
pub(super) fn commit(root: &Path) -> Option<String> {
    first_line(
        root,
        "git",
        &[
            "describe",
            "--always",
            "--dirty",
            "--abbrev=40",
            "--exclude=*",
        ],
    )
}

fn first_line(root: &Path, program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next().filter(|_| output.status.success())?;
    Some(line.to_owned())
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let (_, name) = info
        .lines()
        .find(|line| line.starts_with("model name"))?
        .split_once(':')?;
    Some(name.trim().to_owned())
}
