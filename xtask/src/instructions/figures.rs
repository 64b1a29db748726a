//! The stored figures: what was counted, and with what.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

/// Instructions an event, by case.
pub(super) type Counts = BTreeMap<String, f64>;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Figures {
    /// Another compiler makes other code of the same source.
    pub(super) rustc: String,
    /// What it makes code for.
    pub(super) target: String,
    pub(super) valgrind: String,
    pub(super) instructions_per_event: Counts,
}

impl Figures {
    /// The file at `path`; `None` where there is none.
    pub(super) fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let text = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let figures = serde_json::from_slice(&text);
        figures.with_context(|| format!("cannot read {} as stored figures", path.display()))
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("cannot write figures as JSON")?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }

    /// No figures yet, and the tools of this machine.
    pub(super) fn of_this_machine(root: &Path) -> anyhow::Result<Self> {
        // In the workspace, whose folder may choose the toolchain.
        let rustc = said(Command::new("rustc").arg("-vV").current_dir(root))?;
        let valgrind = said(Command::new("valgrind").arg("--version"))
            .context("valgrind is needed, for example from apt-get install valgrind")?;
        let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
        Ok(Self {
            rustc: rustc.lines().next().unwrap_or_default().to_owned(),
            target: host.context("rustc names no host")?.to_owned(),
            valgrind: valgrind.trim().to_owned(),
            instructions_per_event: Counts::new(),
        })
    }

    /// Instructions of one kind of processor say nothing about another's.
    pub(super) fn check_target(&self, here: &Self) -> anyhow::Result<()> {
        ensure!(
            self.target == here.target,
            "the stored figures are for {}, this is {}: compare two commits here, each with --update",
            self.target,
            here.target
        );
        Ok(())
    }

    /// What may explain a difference without any change of ours.
    pub(super) fn differs_from(&self, here: &Self) -> Option<String> {
        let pairs = [(&self.rustc, &here.rustc), (&self.valgrind, &here.valgrind)];
        let changes: Vec<String> = pairs
            .iter()
            .filter(|(stored, here)| stored != here)
            .map(|(stored, here)| format!("stored with {stored}, counted with {here}"))
            .collect();
        (!changes.is_empty()).then(|| changes.join("; "))
    }
}

fn said(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    ensure!(output.status.success(), "{program} failed");
    String::from_utf8(output.stdout).with_context(|| format!("{program} printed no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures {
            rustc: "rustc 1.95.0".to_owned(),
            target: "x86_64-unknown-linux-gnu".to_owned(),
            valgrind: "valgrind-3.19.0".to_owned(),
            instructions_per_event: Counts::from([("decode".to_owned(), 912.3)]),
        }
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figures.json");
        assert_eq!(Figures::read(&path).unwrap(), None);
        figures().write(&path).unwrap();
        assert_eq!(Figures::read(&path).unwrap(), Some(figures()));
        fs::write(&path, "{}").unwrap();
        assert!(Figures::read(&path).is_err());
    }

    #[test]
    fn another_compiler_is_said_and_another_processor_is_refused() {
        assert_eq!(figures().differs_from(&figures()), None);
        let newer = Figures {
            rustc: "rustc 1.96.0".to_owned(),
            ..figures()
        };
        let note = figures().differs_from(&newer).unwrap();
        assert_eq!(note, "stored with rustc 1.95.0, counted with rustc 1.96.0");
        assert!(figures().check_target(&newer).is_ok());
        let other = Figures {
            target: "aarch64-unknown-linux-gnu".to_owned(),
            ..figures()
        };
        assert!(figures().check_target(&other).is_err());
    }

    #[test]
    fn the_stored_figures_of_this_workspace_can_be_read() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(super::super::STORED);
        let stored = Figures::read(&path).unwrap().unwrap();
        for case in ["decode", "encode", "filter", "hop", "w1"] {
            let figure = stored.instructions_per_event.get(case).copied();
            assert!(figure.is_some_and(|figure| figure > 0.0), "{case}");
        }
    }
}
