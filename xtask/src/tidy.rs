//! `cargo xtask tidy`: the repository's rules as checks.
//!
//! Each check is a function from text to findings in a file of its own, so that its tests can show it fail.

mod arrows;
mod calls;
mod invariants;
mod length;
mod links;
mod manifest;
mod source;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::workspace::Workspace;

/// A broken rule, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// Relative to the root of the workspace.
    file: String,
    /// Counted from 1.
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// A file of the workspace.
#[derive(Clone, Debug)]
struct File {
    /// Relative to the root, with forward slashes.
    path: String,
    text: String,
}

/// Runs every check, prints what it finds, and fails if that is anything.
pub(crate) fn run() -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    let rust = read_tree(&workspace, &["benches", "crates", "xtask", "fuzz"], "rs")?;
    let documents = read_documents(&workspace)?;

    let mut findings = Vec::new();
    for package in &workspace.packages {
        let path = workspace.relative(&package.manifest_path);
        let text = fs::read_to_string(&package.manifest_path)
            .with_context(|| format!("cannot read {path}"))?;
        let file = File { path, text };
        findings.extend(arrows::check(package, &file));
        findings.extend(manifest::check(package, &file));
    }
    findings.extend(rust.iter().flat_map(calls::check));
    findings.extend(invariants::check(&documents, &rust));
    findings.extend(links::check(&documents, |path| {
        workspace.root.join(path).exists()
    }));
    let lengths = length::check(&rust);
    findings.extend(lengths.findings);
    findings.sort();

    for note in &lengths.notes {
        println!("note: {note}");
    }
    for finding in &findings {
        println!("{finding}");
    }
    let (packages, files) = (workspace.packages.len(), rust.len() + documents.len());
    ensure!(
        findings.is_empty(),
        "tidy: {} findings in {packages} packages, {files} files",
        findings.len()
    );
    println!("tidy: nothing found in {packages} packages, {files} files");
    Ok(())
}

/// The Markdown files at the root and under `docs`.
fn read_documents(workspace: &Workspace) -> anyhow::Result<Vec<File>> {
    let mut paths: Vec<PathBuf> = entries(&workspace.root)?;
    paths.retain(|path| path.is_file());
    walk(&workspace.root.join("docs"), &mut paths)?;
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "md"));
    read(workspace, paths)
}

fn read_tree(
    workspace: &Workspace,
    folders: &[&str],
    extension: &str,
) -> anyhow::Result<Vec<File>> {
    let mut paths = Vec::new();
    for folder in folders {
        walk(&workspace.root.join(folder), &mut paths)?;
    }
    paths.retain(|path| path.extension().is_some_and(|ext| ext == extension));
    read(workspace, paths)
}

fn read(workspace: &Workspace, mut paths: Vec<PathBuf>) -> anyhow::Result<Vec<File>> {
    paths.sort();
    let file = |path: PathBuf| {
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(File {
            path: workspace.relative(&path),
            text,
        })
    };
    paths.into_iter().map(file).collect()
}

/// Adds every file under `folder`, build outputs and hidden entries aside; a folder that does not exist holds none.
fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for path in entries(folder)? {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            walk(&path, paths)?;
        } else if path.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    entries
        .map(|entry| {
            Ok(entry
                .with_context(|| format!("cannot list {}", folder.display()))?
                .path())
        })
        .collect()
}
