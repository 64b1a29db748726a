//! What `cargo metadata` knows about this workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// The workspace's own packages with their direct dependencies.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for an ordinary dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let output = Command::new(cargo())
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .output()
            .context("cannot run cargo metadata")?;
        ensure!(
            output.status.success(),
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Self::parse(&output.stdout)
    }

    fn parse(json: &[u8]) -> anyhow::Result<Self> {
        serde_json::from_slice(json).context("cannot read the output of cargo metadata")
    }

    /// `path` as seen from the root, with forward slashes; as it is where it lies outside.
    pub(crate) fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .to_string_lossy()
            .replace('\\', "/")
    }
}

/// The cargo that runs this program, or the one on the path.
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_development_dependency_is_not_taken_for_an_ordinary_one() {
        let json = br#"{"packages":[{"name":"a","description":null,"manifest_path":"/w/a/Cargo.toml","edition":"2024",
            "dependencies":[{"name":"b","kind":null},{"name":"c","kind":"dev"}]}],
            "workspace_root":"/w","target_directory":"/w/target"}"#;
        let workspace = Workspace::parse(json).unwrap();
        let kinds: Vec<_> = workspace.packages[0]
            .dependencies
            .iter()
            .map(|d| d.kind.as_deref())
            .collect();
        assert_eq!(kinds, [None, Some("dev")]);
        assert_eq!(
            workspace.relative(Path::new("/w/a/Cargo.toml")),
            "a/Cargo.toml"
        );
        assert_eq!(
            workspace.relative(Path::new("/elsewhere/x")),
            "/elsewhere/x"
        );
    }

    #[test]
    fn output_that_is_no_metadata_is_an_error() {
        assert!(Workspace::parse(b"{}").is_err());
    }
}
