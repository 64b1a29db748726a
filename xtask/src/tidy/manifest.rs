//! Every package takes the workspace's lints and says what it is.

use super::{File, Finding};
use crate::workspace::Package;

/// What the manifest of `package` lacks.
pub(super) fn check(package: &Package, manifest: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut report = |message: &str| {
        findings.push(Finding {
            file: manifest.path.clone(),
            line: 1,
            message: format!("{}: {message}", package.name),
        });
    };
    if !takes_workspace_lints(&manifest.text) {
        report("does not take the shared lints, expected [lints] with workspace = true");
    }
    if package
        .description
        .as_deref()
        .is_none_or(|text| text.trim().is_empty())
    {
        report("has no description");
    }
    findings
}

fn takes_workspace_lints(manifest: &str) -> bool {
    let mut table = "";
    manifest.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            table = line;
        }
        let setting: String = line
            .split('#')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        matches!(
            (table, setting.as_str()),
            ("[lints]", "workspace=true") | ("", "lints.workspace=true")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(description: Option<&str>, text: &str) -> usize {
        let package = Package {
            name: "millpond-a".to_owned(),
            description: description.map(str::to_owned),
            manifest_path: "/w/Cargo.toml".into(),
            dependencies: Vec::new(),
        };
        check(
            &package,
            &File {
                path: "Cargo.toml".to_owned(),
                text: text.to_owned(),
            },
        )
        .len()
    }

    #[test]
    fn a_package_that_leaves_the_shared_lints_is_found() {
        for text in [
            "",
            "[lints]\n",
            "[dependencies]\nworkspace = true",
            "[lints]\n# workspace = true",
            "[lints.rust]\nworkspace = true",
        ] {
            assert_eq!(findings(Some("a"), text), 1, "{text:?}");
        }
        for text in [
            "[package]\n[lints]\nworkspace = true\n",
            "lints.workspace = true\n[package]",
        ] {
            assert_eq!(findings(Some("a"), text), 0, "{text:?}");
        }
    }

    #[test]
    fn a_package_without_a_description_is_found() {
        for description in [None, Some(""), Some(" ")] {
            assert_eq!(findings(description, "[lints]\nworkspace = true"), 1);
        }
    }
}
