//! `cargo xtask prove-bugs`: a proof that has never failed proves nothing.
//!
//! Each bug is built into the crates of the workspace by a `--cfg`, which no release build accepts. A wrapper around
//! the compiler adds it, so that what the workspace depends on is built once for all of them; in a target directory
//! of its own, so that no such daemon is ever taken for a real one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, ensure};

use crate::flags::ProveBugsFlags;
use crate::workspace::{Workspace, cargo};

struct Bug {
    name: &'static str,
    caught_by: Catcher,
}

/// What has to notice a bug.
enum Catcher {
    /// `millpond prove` fails, with a finding that has these words.
    Proof(&'static str),
    /// The tests of the journal fail. A process that is killed leaves the page cache, so only a simulated power cut
    /// shows what was not synced.
    JournalTests,
    /// It is no bug but the occasion for one: `millpond prove` must not find these words.
    Harmless(&'static str),
}

const LOST: &str = "acknowledged events were never delivered";
const LEAKED: &str = "unaccounted for";

const BUGS: &[Bug] = &[
    Bug {
        name: "acknowledge_before_sync",
        caught_by: Catcher::JournalTests,
    },
    Bug {
        name: "unlink_before_checkpoint",
        caught_by: Catcher::JournalTests,
    },
    Bug {
        name: "non_contiguous_commit",
        caught_by: Catcher::Proof(LOST),
    },
    Bug {
        name: "leaked_ticket",
        caught_by: Catcher::Proof(LEAKED),
    },
    Bug {
        name: "dropped_ticket_counts_as_delivered",
        caught_by: Catcher::Proof(LOST),
    },
    Bug {
        name: "dropped_ticket",
        caught_by: Catcher::Harmless(LOST),
    },
];

/// What the proof is asked to do.
const PROVE: &[&str] = &["prove", "--rounds", "8", "--seed", "1"];

/// Builds every bug in (that `flags` selects) and fails unless each is caught.
pub(crate) fn run(flags: &ProveBugsFlags) -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    let only = flags.only.as_deref().unwrap_or_default();
    let bugs: Vec<_> = BUGS.iter().filter(|bug| bug.name.contains(only)).collect();
    let names: Vec<_> = BUGS.iter().map(|bug| bug.name).collect();
    ensure!(
        !bugs.is_empty(),
        "no bug is named {only:?}, expected part of one of {names:?}"
    );
    let dir = workspace.target.join("bugs");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut missed = Vec::new();
    for bug in bugs {
        println!("== {}", bug.name);
        match bug.meet(&workspace.root, &dir)? {
            Ok(how) => println!("   {how}"),
            Err(how) => {
                println!("   MISSED: {how}");
                missed.push(bug.name);
            }
        }
    }
    ensure!(missed.is_empty(), "not as expected: {}", missed.join(", "));
    Ok(())
}

/// How a bug was met: as it has to be, or not.
type Met = Result<String, String>;

impl Bug {
    fn meet(&self, root: &Path, dir: &Path) -> anyhow::Result<Met> {
        let wrapper = self.wrapper(dir)?;
        let cargo = |arguments: &[&str]| {
            let mut command = Command::new(cargo());
            command.args(arguments).arg("--target-dir").arg(dir);
            command.env("RUSTC_WORKSPACE_WRAPPER", &wrapper);
            output(command.current_dir(root))
        };
        let succeeds = |output: &Output, what: &str| {
            let text = text(output);
            ensure!(output.status.success(), "{what} failed:\n{text}");
            Ok(())
        };
        match self.caught_by {
            Catcher::JournalTests => {
                let tests = ["test", "--package", "millpond-journal", "--no-fail-fast"];
                let built = cargo(&[&tests[..], &["--no-run"]].concat())?;
                succeeds(&built, "building the tests of the journal")?;
                Ok(judge_tests(&cargo(&tests)?))
            }
            Catcher::Proof(words) | Catcher::Harmless(words) => {
                succeeds(
                    &cargo(&["build", "--package", "millpond"])?,
                    "building the daemon",
                )?;
                let proved = output(Command::new(dir.join("debug/millpond")).args(PROVE))?;
                let harmless = matches!(self.caught_by, Catcher::Harmless(_));
                Ok(judge_proof(&text(&proved), words, harmless))
            }
        }
    }

    /// A program that calls the compiler with the bug: cargo keeps what it builds through each wrapper apart.
    fn wrapper(&self, dir: &Path) -> anyhow::Result<PathBuf> {
        let path = dir.join(format!("rustc-with-{}", self.name));
        let script = format!(
            "#!/bin/sh\nexec \"$@\" --cfg 'millpond_seed_bug=\"{}\"'\n",
            self.name
        );
        fs::write(&path, script).with_context(|| format!("cannot write {}", path.display()))?;
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, executable)
            .with_context(|| format!("cannot make {} executable", path.display()))?;
        Ok(path)
    }
}

fn output(command: &mut Command) -> anyhow::Result<Output> {
    let output = command.output();
    output.with_context(|| format!("cannot run {}", command.get_program().display()))
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Which tests failed; the tests are built by now, so there is no other reason to fail.
fn judge_tests(output: &Output) -> Met {
    let text = text(output);
    let failed = text.lines().filter_map(|line| {
        let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
        Some(name.to_owned())
    });
    let failed: Vec<_> = failed.collect();
    if failed.is_empty() || output.status.success() {
        return Err("the tests of the journal pass".to_owned());
    }
    Ok(format!(
        "caught by the journal's tests: {}",
        failed.join(", ")
    ))
}

/// What the proof found.
fn judge_proof(text: &str, words: &str, harmless: bool) -> Met {
    let (_, verdict) = text
        .split_once("PROVED:")
        .ok_or_else(|| format!("the proof came to no verdict:\n{text}"))?;
    let found = verdict.lines().find(|line| line.contains(words));
    match found.map(str::trim) {
        Some(found) if harmless => Err(format!("the proof found: {found}")),
        Some(found) => Ok(format!("caught by millpond prove: {found}")),
        None if harmless => Ok("costs no event, as it must not".to_owned()),
        None => Err(format!("the proof did not find {words:?}:\n{text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: &str =
        "table\n\nNOT PROVED:\n  file: 3 acknowledged events were never delivered, ...\n";

    #[test]
    fn only_a_verdict_with_the_right_finding_counts_as_caught() {
        assert!(judge_proof(FOUND, LOST, false).is_ok());
        assert!(judge_proof(FOUND, LEAKED, false).is_err());
        assert!(judge_proof("\nPROVED: every acknowledged event ...", LOST, false).is_err());
        assert!(judge_proof("error: interrupted", LOST, false).is_err());
    }

    #[test]
    fn what_must_do_no_harm_is_held_to_it() {
        assert!(judge_proof(FOUND, LOST, true).is_err());
        assert!(judge_proof("\nNOT PROVED:\n  tcp: order", LOST, true).is_ok());
        assert!(judge_proof("error: interrupted", LOST, true).is_err());
    }

    #[test]
    fn every_bug_that_a_crate_knows_is_among_those_that_are_tried() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
        for file in [
            "journal/src/lib.rs",
            "delivery/src/lib.rs",
            "runtime/src/lib.rs",
        ] {
            let source = fs::read_to_string(root.join(file)).expect("a crate");
            let named: Vec<_> = source.split("millpond_seed_bug = \"").skip(1).collect();
            assert!(!named.is_empty(), "{file}");
            for rest in named {
                let name = rest.split('"').next().expect("a name");
                assert!(BUGS.iter().any(|bug| bug.name == name), "{name}");
            }
        }
    }
}
