//! Builds what is measured: the daemon of this work tree, that of another revision, the peers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::flags::BenchFlags;
use super::peer::Peers;
use super::record::{Peer, Subject};
use crate::workspace::{Workspace, cargo};

/// The programs to measure.
pub(super) struct Subjects {
    daemon: PathBuf,
    /// The daemon of the other revision, if there is one.
    revision: Option<PathBuf>,
    pub(super) peers: Peers,
}

impl Subjects {
    pub(super) fn build(
        flags: &BenchFlags,
        workspace: &Workspace,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let daemon = match &flags.binary {
            // It is started in another folder.
            Some(path) => path
                .canonicalize()
                .with_context(|| format!("cannot find {}", path.display()))?,
            None => build(&workspace.root, &workspace.target, "millpond", "millpond")?,
        };
        let revision = match &flags.against {
            Some(revision) => Some(build_revision(revision, &workspace.root, folder)?),
            None => None,
        };
        // A workspace of its own, so that its features of shared dependencies do not become the daemon's.
        let root = workspace.root.join("xtask/peers");
        let in_rust = |peer: &Peer| *peer != Peer::Python;
        let peers = Peers {
            binary: if flags.peer.iter().any(in_rust) {
                build(&root, &workspace.target, "millpond-peers", "peer")?
            } else {
                PathBuf::new()
            },
            script: root.join("textbook.py"),
        };
        if flags.peer.contains(&Peer::Python) {
            check_python(&peers.script)?;
        }
        Ok(Self {
            daemon,
            revision,
            peers,
        })
    }

    /// The daemon that is `subject`; `None` for what is none.
    pub(super) fn daemon(&self, subject: &Subject) -> Option<&Path> {
        match subject {
            Subject::Daemon => Some(&self.daemon),
            Subject::Revision(_) => self.revision.as_deref(),
            Subject::Peer(_) => None,
        }
    }
}

/// Builds a program of the workspace at `root` and returns its path.
fn build(root: &Path, target: &Path, package: &str, program: &str) -> anyhow::Result<PathBuf> {
    let status = Command::new(cargo())
        .args(["build", "--release", "--package", package])
        .arg("--target-dir")
        .arg(target)
        .current_dir(root)
        .status()
        .context("cannot run cargo build")?;
    ensure!(
        status.success(),
        "{package} in {} does not build",
        root.display()
    );
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    let binary = target.join("release").join(name);
    ensure!(binary.exists(), "cargo built no {}", binary.display());
    Ok(binary)
}

/// Builds the daemon of `revision` in a work tree of its own, which is gone afterwards. What was built is kept, so
/// that the next revision is built from there.
fn build_revision(revision: &str, root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let tree = WorkTree::add(revision, root, folder.join("against-tree"))?;
    build(
        &tree.path,
        &folder.join("against-target"),
        "millpond",
        "millpond",
    )
    .with_context(|| format!("--against {revision}"))
}

/// A checked out revision. Dropping it removes it.
struct WorkTree<'a> {
    root: &'a Path,
    path: PathBuf,
}

impl<'a> WorkTree<'a> {
    fn add(revision: &str, root: &'a Path, path: PathBuf) -> anyhow::Result<Self> {
        let commit = format!("{revision}^{{commit}}");
        let known = git(
            root,
            &[
                "rev-parse",
                "--verify",
                "--quiet",
                "--end-of-options",
                &commit,
            ],
        );
        let commit =
            known.with_context(|| format!("--against {revision}: git knows no such commit"))?;
        let tree = Self { root, path };
        // What an interrupted bench has left.
        tree.remove();
        let path = tree.path.to_string_lossy();
        git(root, &["worktree", "add", "--detach", &path, commit.trim()])
            .with_context(|| format!("--against {revision}"))?;
        Ok(tree)
    }

    fn remove(&self) {
        if self.path.exists() {
            let path = self.path.to_string_lossy();
            // Without git's help the folder goes, and git forgets it at the next prune.
            if git(self.root, &["worktree", "remove", "--force", &path]).is_err() {
                let _ = fs::remove_dir_all(&self.path);
                let _ = git(self.root, &["worktree", "prune"]);
            }
        }
    }
}

impl Drop for WorkTree<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

/// What git says.
fn git(root: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(root)
        .output()
        .context("cannot run git")?;
    ensure!(
        output.status.success(),
        "git {} failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn check_python(script: &Path) -> anyhow::Result<()> {
    let there = Command::new("python3").arg("--version").output();
    ensure!(
        there.is_ok_and(|output| output.status.success()),
        "--peer python: expected python3 on the path"
    );
    ensure!(
        script.exists(),
        "--peer python: there is no {}",
        script.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with one commit.
    fn repository() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "--quiet"]).unwrap();
        fs::write(root.join("a"), "a").unwrap();
        git(root, &["add", "a"]).unwrap();
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        git(
            root,
            &[&who[..], &["commit", "--quiet", "-m", "a"]].concat(),
        )
        .unwrap();
        folder
    }

    #[test]
    fn a_work_tree_is_gone_when_it_is_no_longer_needed_even_if_an_earlier_one_was_left() {
        let repository = repository();
        let root = repository.path();
        let path = root.join("against-tree");
        let left = WorkTree::add("HEAD", root, path.clone()).unwrap();
        std::mem::forget(left);
        assert!(path.join("a").exists());
        drop(WorkTree::add("HEAD", root, path.clone()).unwrap());
        assert!(!path.exists());
        let trees = git(root, &["worktree", "list"]).unwrap();
        assert_eq!(trees.lines().count(), 1, "{trees}");
    }

    #[test]
    fn a_revision_that_is_not_there_is_named() {
        let repository = repository();
        let path = repository.path().join("against-tree");
        let error = WorkTree::add("nowhere", repository.path(), path)
            .err()
            .unwrap();
        let text = format!("{error:#}");
        assert!(
            text.contains("--against nowhere: git knows no such commit"),
            "{text}"
        );
    }
}
