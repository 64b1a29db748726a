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
        let root = workspace.root.join("xtask/peers");
        let script = root.join("textbook.py");
        // What cannot be is said before anything is built.
        if flags.peer.contains(&Peer::Python) {
            check_python(&script)?;
        }
        let other = flags.against.as_deref();
        let other = other.map(|revision| Revision::find(revision, &workspace.root));
        let other = other.transpose()?;
        let daemon = measured(workspace, flags.binary.as_deref())?;
        let revision = other.map(|revision| revision.build(&workspace.root, folder));
        let revision = revision.transpose()?;
        // The peers are a workspace of their own, so that their features of shared dependencies do not become the
        // daemon's.
        let in_rust = |peer: &Peer| *peer != Peer::Python;
        let peers = Peers {
            binary: if flags.peer.iter().any(in_rust) {
                build(&root, &workspace.target, "millpond-peers", "peer")?
            } else {
                PathBuf::new()
            },
            script,
        };
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

/// The daemon to measure: the one that was named, or that of this work tree, which is built.
pub(super) fn measured(workspace: &Workspace, binary: Option<&Path>) -> anyhow::Result<PathBuf> {
    match binary {
        Some(path) => named(path),
        None => build(&workspace.root, &workspace.target, "millpond", "millpond"),
    }
}

/// Where a program is that was named: it is started in another folder.
pub(super) fn named(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize()
        .with_context(|| format!("--binary: cannot find {}", path.display()))
}

/// Builds a program of the workspace at `root` and returns its path.
pub(super) fn build(
    root: &Path,
    target: &Path,
    package: &str,
    program: &str,
) -> anyhow::Result<PathBuf> {
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

/// A commit by the name that it was asked for.
struct Revision<'a> {
    name: &'a str,
    commit: String,
}

impl<'a> Revision<'a> {
    fn find(name: &'a str, root: &Path) -> anyhow::Result<Self> {
        let commit = format!("{name}^{{commit}}");
        let found = git(
            root,
            &["rev-parse", "--verify", "--end-of-options", &commit],
        );
        let found = found.with_context(|| format!("--against {name}: git knows no such commit"))?;
        Ok(Self {
            name,
            commit: found.trim().to_owned(),
        })
    }

    /// Builds its daemon in a work tree of its own, which is gone afterwards. What was built is kept, so that the next
    /// revision is built from there.
    fn build(&self, root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
        let context = || format!("--against {}", self.name);
        let tree = WorkTree::add(&self.commit, root, folder.join("against-tree"));
        let tree = tree.with_context(context)?;
        build(
            &tree.path,
            &folder.join("against-target"),
            "millpond",
            "millpond",
        )
        .with_context(context)
    }
}

/// A checked out commit. Dropping it removes it.
struct WorkTree<'a> {
    root: &'a Path,
    path: PathBuf,
}

impl<'a> WorkTree<'a> {
    fn add(commit: &str, root: &'a Path, path: PathBuf) -> anyhow::Result<Self> {
        let tree = Self { root, path };
        // What an interrupted bench has left.
        tree.remove();
        let path = tree.path.to_string_lossy();
        git(root, &["worktree", "add", "--detach", &path, commit])?;
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
        let error = Revision::find("nowhere", repository.path()).err().unwrap();
        let text = format!("{error:#}");
        assert!(
            text.contains("--against nowhere: git knows no such commit"),
            "{text}"
        );
    }
}
