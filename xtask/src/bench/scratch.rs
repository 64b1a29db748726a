//! Folders in which runs work: gone when a run is over, or else when the next bench begins.

use std::fs;
use std::path::Path;

use anyhow::Context;
use nix::errno::Errno;
use nix::sys::signal::kill;
use tempfile::TempDir;

use super::process::pid;

const PREFIX: &str = "run-";

/// A new folder under `folder`, named after this process.
pub(crate) fn new(folder: &Path) -> anyhow::Result<TempDir> {
    let prefix = format!("{PREFIX}{}-", std::process::id());
    let made = tempfile::Builder::new().prefix(&prefix).tempdir_in(folder);
    made.with_context(|| format!("cannot create a folder in {}", folder.display()))
}

/// Removes what processes have left that were interrupted: the output of a run may be large.
pub(crate) fn sweep(folder: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .file_name()
            .is_some_and(|name| is_left(&name.to_string_lossy()))
        {
            fs::remove_dir_all(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn is_left(name: &str) -> bool {
    let owner = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split('-').next());
    let owner = owner.and_then(|id| id.parse().ok());
    owner.is_some_and(|id| kill(pid(id), None) == Err(Errno::ESRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_folders_of_processes_that_are_gone_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let left = folder.path().join(format!("{PREFIX}{}-x", ended.id()));
        let others = ["2026-01-01T000000Z", "against-target", "run-x", "run-"];
        fs::create_dir(&left).unwrap();
        for other in others {
            fs::create_dir(folder.path().join(other)).unwrap();
        }
        let mine = new(folder.path()).unwrap();
        sweep(folder.path()).unwrap();
        assert!(!left.exists());
        assert!(mine.path().exists());
        assert!(
            others
                .iter()
                .all(|other| folder.path().join(other).exists())
        );
    }
}
