//! Runs one case under callgrind and takes its count.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

/// The first round fills buffers and caches; what follows it is the same from round to round.
const FEW: u32 = 1;
const MANY: u32 = 3;

pub(super) struct Callgrind {
    /// What does the work.
    pub(super) program: PathBuf,
    /// Where the profiles go.
    folder: PathBuf,
}

impl Callgrind {
    pub(super) fn new(program: PathBuf, folder: PathBuf) -> Self {
        Self { program, folder }
    }

    /// The instructions that a round of the case takes for each of its events.
    pub(super) fn count(&self, case: &str) -> anyhow::Result<f64> {
        let few = self.run(case, FEW)?;
        let many = self.run(case, MANY)?;
        ensure!(
            few.events == many.events && few.events > 0,
            "{case} has {} events in a round, and {} in the next run",
            few.events,
            many.events
        );
        let more = many.instructions.saturating_sub(few.instructions);
        Ok(more as f64 / (f64::from(MANY - FEW) * few.events as f64))
    }

    fn run(&self, case: &str, rounds: u32) -> anyhow::Result<Run> {
        let profile = self.folder.join(format!("{case}.out"));
        let mut file = std::ffi::OsString::from("--callgrind-out-file=");
        file.push(&profile);
        let output = Command::new("valgrind")
            .args(["--quiet", "--tool=callgrind"])
            .arg(file)
            .arg(&self.program)
            .args(["run", case, &rounds.to_string()])
            // What is in the environment lies on the stack, and moves what comes after it.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .output()
            .context("cannot run valgrind")?;
        ensure!(
            output.status.success(),
            "{case} failed under callgrind ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let events = String::from_utf8_lossy(&output.stdout);
        let events = events
            .trim()
            .parse()
            .with_context(|| format!("{case} printed {events:?}, expected a number of events"))?;
        Ok(Run {
            events,
            instructions: read(&profile)?,
        })
    }
}

struct Run {
    /// In each round.
    events: u64,
    /// In all rounds, and in setting them up.
    instructions: u64,
}

fn read(profile: &Path) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(profile)
        .with_context(|| format!("cannot read {}", profile.display()))?;
    total(&text).with_context(|| format!("cannot read {}", profile.display()))
}

/// The instructions of a profile. Only they are collected: the total has one number.
fn total(profile: &str) -> anyhow::Result<u64> {
    let value = |key| profile.lines().find_map(|line| line.strip_prefix(key));
    match (value("events: "), value("summary: ")) {
        (Some("Ir"), Some(total)) => total
            .trim()
            .parse()
            .with_context(|| format!("its summary is {total:?}, expected one number")),
        (events, summary) => bail!(
            "it has events {events:?} and summary {summary:?}, expected events Ir and a number"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "# callgrind format\nversion: 1\npositions: line\nevents: Ir\nsummary: 63030717\n\n\nob=(1)\nfn=(1)\n0 3\n\ntotals: 63030717\n";

    #[test]
    fn the_total_of_a_profile_is_read() {
        assert_eq!(total(PROFILE).unwrap(), 63_030_717);
    }

    #[test]
    fn a_profile_of_anything_else_is_no_count() {
        for broken in [
            String::new(),
            PROFILE.replace("events: Ir", "events: Ir Dr Dw"),
            PROFILE.replace("summary: 63030717", "summary: 1 2 3"),
            PROFILE.replace("summary: ", "note: "),
        ] {
            assert!(total(&broken).is_err(), "{broken:?}");
        }
    }
}
