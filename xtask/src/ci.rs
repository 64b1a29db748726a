//! `cargo xtask ci`: the steps of `.ci/run`, with a summary at the end.
//!
//! The script holds the one list of steps; this command reads it, so the two cannot drift apart.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::flags::CiFlags;
use crate::workspace::Workspace;

/// Runs every step (that `flags` selects), then fails if one of them failed.
pub(crate) fn run(flags: &CiFlags) -> anyhow::Result<()> {
    let root = Workspace::load()?.root;
    let script = std::fs::read_to_string(root.join(".ci/run")).context("cannot read .ci/run")?;
    let mut steps = parse_steps(&script)?;
    if let Some(only) = &flags.only {
        let names: Vec<_> = steps.iter().map(|step| step.name).collect();
        steps.retain(|step| step.name.contains(only));
        ensure!(
            !steps.is_empty(),
            "no step is named {only:?}, expected part of one of {names:?}"
        );
    }
    let mut results = Vec::new();
    for step in &steps {
        println!("== {}: {}", step.name, step.command);
        let begin = Instant::now();
        let status = Command::new("bash")
            .args(["-c", step.command])
            .current_dir(&root)
            .status();
        let status = status.with_context(|| format!("cannot run bash for step {:?}", step.name))?;
        results.push((step.name, status.success(), begin.elapsed()));
    }
    print!("\n{}", summary(&results));
    let failed = results.iter().filter(|(_, passed, _)| !passed).count();
    ensure!(failed == 0, "{failed} of {} steps failed", results.len());
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Step<'a> {
    name: &'a str,
    command: &'a str,
}

/// The lines `step "name" command...` of a shell script, in order.
fn parse_steps(script: &str) -> anyhow::Result<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    for (index, line) in script.lines().enumerate() {
        let Some(rest) = line.strip_prefix("step ") else {
            continue;
        };
        let parsed = rest
            .strip_prefix('"')
            .and_then(|rest| rest.split_once("\" "));
        match parsed {
            Some((name, command))
                if !name.is_empty() && !command.trim().is_empty() && !command.ends_with('\\') =>
            {
                steps.push(Step {
                    name,
                    command: command.trim(),
                });
            }
            _ => bail!(
                ".ci/run:{}: {line:?} is no step, expected: step \"name\" command",
                index + 1
            ),
        }
    }
    ensure!(
        !steps.is_empty(),
        ".ci/run holds no line that starts with \"step \""
    );
    Ok(steps)
}

fn summary(results: &[(&str, bool, Duration)]) -> String {
    let width = results
        .iter()
        .map(|(name, ..)| name.len())
        .max()
        .unwrap_or(0);
    let line = |(name, passed, took): &(&str, bool, Duration)| {
        let verdict = if *passed { "ok" } else { "FAILED" };
        format!(
            "{name:width$}  {verdict:6}  {:>6.1} s\n",
            took.as_secs_f64()
        )
    };
    results.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_in_order_and_nothing_else_is_run() {
        let script = "set -e\nstep() { :; }\nstep \"a b\" cargo test --all\n# step \"no\" rm\nstep \"c\" env X=\"-D w\" d\n";
        let steps = parse_steps(script).unwrap();
        assert_eq!(
            steps,
            [
                Step {
                    name: "a b",
                    command: "cargo test --all"
                },
                Step {
                    name: "c",
                    command: "env X=\"-D w\" d"
                }
            ]
        );
    }

    #[test]
    fn a_step_that_cannot_be_read_is_an_error_not_a_skipped_check() {
        for script in [
            "step fmt cargo fmt\n",
            "step \"fmt\"\n",
            "step \"\" cargo fmt\n",
            "step \"a\" cargo \\\n  fmt\n",
            "echo\n",
        ] {
            assert!(parse_steps(script).is_err(), "{script:?}");
        }
    }

    #[test]
    fn a_failed_step_stands_out_in_the_summary() {
        let text = summary(&[
            ("fmt", true, Duration::from_millis(1500)),
            ("tests", false, Duration::from_secs(2)),
        ]);
        assert_eq!(text, "fmt    ok         1.5 s\ntests  FAILED     2.0 s\n");
    }

    #[test]
    fn the_script_of_this_workspace_can_be_read() {
        let script = include_str!("../../.ci/run");
        let names: Vec<_> = parse_steps(script)
            .unwrap()
            .into_iter()
            .map(|step| step.name)
            .collect();
        for name in [
            "format",
            "clippy",
            "tests",
            "docs",
            "tidy",
            "deny",
            "instructions",
        ] {
            assert!(names.contains(&name), "{name} is not among {names:?}");
        }
    }
}
