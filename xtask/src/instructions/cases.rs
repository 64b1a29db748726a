//! What is counted: the cases of the program that does the work, each with the case whose work it contains.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::figures::Counts;
use crate::workspace::{Workspace, cargo};

/// The program that does the work, and its package.
const PROGRAM: &str = "instructions";
const PACKAGE: &str = "millpond-instructions";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) beyond: Option<String>,
}

impl Case {
    /// Its own instructions by event: what it takes, less what its base takes.
    pub(super) fn figure(&self, totals: &Counts) -> anyhow::Result<f64> {
        let total = |name: &String| {
            let total = totals.get(name).copied();
            total.with_context(|| format!("{name} was not counted"))
        };
        let base = self.beyond.as_ref().map_or(Ok(0.0), total)?;
        let figure = total(&self.name)? - base;
        ensure!(
            figure > 0.0,
            "{} takes {figure:.1} instructions an event more than {}, expected a positive number",
            self.name,
            self.beyond.as_deref().unwrap_or("nothing")
        );
        Ok((figure * 10.0).round() / 10.0)
    }
}

/// The cases and whatever they contain.
pub(super) fn with_bases<'a>(
    cases: &'a [Case],
    chosen: &[&'a Case],
) -> anyhow::Result<Vec<&'a Case>> {
    let mut all = chosen.to_vec();
    for base in chosen.iter().filter_map(|case| case.beyond.as_ref()) {
        let case = cases.iter().find(|case| case.name == *base);
        let case = case.with_context(|| format!("there is no case {base:?} to take off"))?;
        if !all.contains(&case) {
            all.push(case);
        }
    }
    Ok(all)
}

/// Builds the program as the daemon is built, and returns its path.
pub(super) fn build(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let output = Command::new(cargo())
        .args(["build", "--release", "--package", PACKAGE])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(&workspace.root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo build")?;
    ensure!(output.status.success(), "{PACKAGE} does not build");
    executable(&String::from_utf8_lossy(&output.stdout)).context("cargo built no such program")
}

#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

fn executable(messages: &str) -> Option<PathBuf> {
    let of_program = |line| {
        let message: Message = serde_json::from_str(line).ok()?;
        let is_it = message.target?.name == PROGRAM;
        message.executable.filter(|_| is_it)
    };
    messages.lines().find_map(of_program)
}

/// Asks the program for its cases.
pub(super) fn list(program: &Path) -> anyhow::Result<Vec<Case>> {
    let output = Command::new(program)
        .arg("list")
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    ensure!(
        output.status.success(),
        "{} cannot list its cases",
        program.display()
    );
    let cases = parse(&String::from_utf8_lossy(&output.stdout));
    ensure!(!cases.is_empty(), "{} has no cases", program.display());
    Ok(cases)
}

/// A case a line: its name, and the name of its base if it has one.
fn parse(list: &str) -> Vec<Case> {
    let case = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        Some(Case {
            name: words.next()?,
            beyond: words.next(),
        })
    };
    list.lines().filter_map(case).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, beyond: Option<&str>) -> Case {
        Case {
            name: name.to_owned(),
            beyond: beyond.map(str::to_owned),
        }
    }

    #[test]
    fn the_work_of_the_base_is_taken_off() {
        let totals = Counts::from([("decode".to_owned(), 900.0), ("line".to_owned(), 960.26)]);
        assert_eq!(case("line", Some("decode")).figure(&totals).unwrap(), 60.3);
        assert_eq!(case("line", None).figure(&totals).unwrap(), 960.3);
    }

    #[test]
    fn a_case_that_does_no_more_than_its_base_is_no_figure() {
        let totals = Counts::from([("decode".to_owned(), 900.0), ("line".to_owned(), 900.0)]);
        assert!(case("line", Some("decode")).figure(&totals).is_err());
        assert!(case("line", Some("gone")).figure(&totals).is_err());
        assert!(case("gone", None).figure(&totals).is_err());
    }

    #[test]
    fn a_chosen_case_brings_its_base() {
        let cases = parse("decode \nline decode\nset line\n");
        assert_eq!(
            cases,
            [
                case("decode", None),
                case("line", Some("decode")),
                case("set", Some("line"))
            ]
        );
        let names = |cases: &[&Case]| cases.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        let all = with_bases(&cases, &[&cases[2]]).unwrap();
        assert_eq!(names(&all), ["set", "line"]);
        let all = with_bases(&cases, &cases.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(names(&all), ["decode", "line", "set"]);
        assert!(with_bases(&cases[2..], &[&cases[2]]).is_err());
    }

    #[test]
    fn the_program_is_found_among_all_that_cargo_builds() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"millpond","kind":["bin"]},"executable":"/t/millpond"}
{"reason":"compiler-artifact","target":{"name":"instructions","kind":["bin"]},"executable":"/t/instructions"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(executable(messages), Some("/t/instructions".into()));
        assert_eq!(executable("not json\n{}\n"), None);
    }
}
