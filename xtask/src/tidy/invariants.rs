//! Every numbered invariant names a test, and that test exists.
//!
//! An entry of `docs/INVARIANTS.md` is the text from one marker to the next marker or heading. The marker is the
//! number in bold at the start of a line, with or without a list dash; after `Test:` or `Tests:` stand the tests that
//! hold it, each in backticks, as path of the file from the root, `::` and the function (modules between are ignored):
//!
//! ```text
//! **I12** A shard is run by at most one worker at a time.
//! Tests: `crates/queue/tests/model.rs::two_workers_never_hold_one_shard`,
//! `crates/runtime/src/worker.rs::tests::a_held_shard_is_skipped`
//! ```
//!
//! Numbers begin at 1 and have no gaps: the list is append-only. An invariant that no longer holds keeps its number and
//! begins with "(withdrawn)"; it needs no test.

use super::{File, Finding};

const PATH: &str = "docs/INVARIANTS.md";

/// What is wrong with the list of invariants, given every document and every Rust file of the workspace.
pub(super) fn check(documents: &[File], rust: &[File]) -> Vec<Finding> {
    let Some(document) = documents.iter().find(|file| file.path == PATH) else {
        return vec![finding(1, "the list of invariants is missing".to_owned())];
    };
    let entries = entries(&document.text);
    if entries.is_empty() {
        return vec![finding(
            1,
            "holds no entry, expected lines that begin with **I1**, **I2** and so on".to_owned(),
        )];
    }
    let mut findings = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if entry.number != index + 1 {
            let message = format!(
                "I{} stands where I{} is expected: numbers have no gaps and no repeats",
                entry.number,
                index + 1
            );
            findings.push(finding(entry.line, message));
        }
        let body = entry.body.trim_start();
        if body.starts_with("(withdrawn)") {
            continue;
        }
        let references = references(body);
        if references.is_empty() {
            findings.push(finding(
                entry.line,
                format!(
                    "I{} names no test, expected Test: `path.rs::function`",
                    entry.number
                ),
            ));
        }
        for (offset, reference) in references {
            if let Some(reason) = unresolved(&reference, rust) {
                findings.push(finding(
                    entry.line + offset,
                    format!("I{}: {reason}", entry.number),
                ));
            }
        }
    }
    findings
}

struct Entry {
    number: usize,
    line: usize,
    /// What follows the marker.
    body: String,
}

fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        if let Some((number, rest)) = marker(line) {
            entries.push(Entry {
                number,
                line: index + 1,
                body: rest.to_owned(),
            });
            open = true;
        } else if line.starts_with('#') {
            open = false;
        } else if let (true, Some(entry)) = (open, entries.last_mut()) {
            entry.body.push('\n');
            entry.body.push_str(line);
        }
    }
    entries
}

/// The number of a line that begins an entry, and the rest of the line.
fn marker(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_start();
    let line = line
        .strip_prefix("- ")
        .or_else(|| line.strip_prefix("* "))
        .unwrap_or(line);
    let (number, rest) = line.strip_prefix("**I")?.split_once("**")?;
    Some((number.trim_end_matches(['.', ':']).parse().ok()?, rest))
}

/// What stands in backticks behind the last `Test:` or `Tests:`, each with the line it stands on, counted from 0.
fn references(body: &str) -> Vec<(usize, String)> {
    let Some(at) = body.rfind("Test:").max(body.rfind("Tests:")) else {
        return Vec::new();
    };
    let line_of = |offset: usize| body[..offset].matches('\n').count();
    let mut found = Vec::new();
    let mut from = at;
    while let Some(open) = body[from..].find('`').map(|open| from + open + 1) {
        let Some(close) = body[open..].find('`').map(|close| open + close) else {
            break;
        };
        found.push((line_of(open), body[open..close].to_owned()));
        from = close + 1;
    }
    found
}

/// Why `reference` names no test of the workspace; `None` where it does.
fn unresolved(reference: &str, rust: &[File]) -> Option<String> {
    let Some((path, function)) = reference.split_once("::") else {
        return Some(format!(
            "`{reference}` is no test, expected `path.rs::function`"
        ));
    };
    let Some(file) = rust.iter().find(|file| file.path == path) else {
        return Some(format!("there is no file {path}"));
    };
    let function = function.rsplit("::").next().unwrap_or(function);
    (!has_test(&file.text, function)).then(|| format!("{path} holds no test named {function}"))
}

/// Whether `text` holds a function `name` with `#[test]` among its attributes.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let names_it = |line: &str| {
        line.split_once("fn ").is_some_and(|(_, rest)| {
            rest.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['(', '<']))
        })
    };
    let is_test = |index: usize| {
        let above = lines[..index].iter().rev();
        above
            .take_while(|line| line.is_empty() || line.starts_with("//") || line.starts_with("#["))
            .any(|line| line.starts_with("#[test]"))
            || lines[index].starts_with("#[test]")
    };
    lines
        .iter()
        .enumerate()
        .any(|(index, line)| names_it(line) && is_test(index))
}

fn finding(line: usize, message: String) -> Finding {
    Finding {
        file: PATH.to_owned(),
        line,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str = "fn helper() {}\n\n#[test]\n#[ignore = \"long\"]\nfn it_holds() {}\n#[test]\n// why\nfn both() {}\n";

    fn findings(text: &str) -> Vec<String> {
        let document = File {
            path: PATH.to_owned(),
            text: text.to_owned(),
        };
        let rust = File {
            path: "crates/a/tests/b.rs".to_owned(),
            text: RUST.to_owned(),
        };
        check(&[document], &[rust])
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_list_whose_tests_exist_passes() {
        let text = "# Invariants\n\n**I1** One. Test: `crates/a/tests/b.rs::it_holds`\n\n- **I2** Two\nlines. Tests: \
            `crates/a/tests/b.rs::it_holds`,\n`crates/a/tests/b.rs::tests::both`.\n\n**I3** (withdrawn) Three.\n";
        assert_eq!(findings(text), [""; 0]);
    }

    #[test]
    fn a_test_that_does_not_exist_is_found_with_its_line() {
        let text = "# Invariants\n**I1** One.\nTest: `crates/a/tests/b.rs::gone`\n";
        assert_eq!(
            findings(text),
            ["docs/INVARIANTS.md:3: I1: crates/a/tests/b.rs holds no test named gone"]
        );
    }

    #[test]
    fn whatever_is_no_test_is_found() {
        for reference in [
            "crates/a/tests/b.rs::helper",
            "crates/a/tests/b.rs::it",
            "crates/a/tests/c.rs::it_holds",
            "it_holds",
        ] {
            assert_eq!(
                findings(&format!("**I1** One. Test: `{reference}`\n")).len(),
                1,
                "{reference}"
            );
        }
    }

    #[test]
    fn an_invariant_without_a_test_is_found() {
        assert_eq!(
            findings("**I1** Uses `code`.\n## Test: `crates/a/tests/b.rs::it_holds`\n").len(),
            1
        );
    }

    #[test]
    fn numbers_with_a_gap_or_a_repeat_are_found() {
        for (first, second) in [(1, 3), (1, 1), (2, 2)] {
            let entry =
                |number| format!("**I{number}** X. Test: `crates/a/tests/b.rs::it_holds`\n");
            assert!(
                !findings(&(entry(first) + &entry(second))).is_empty(),
                "{first}, {second}"
            );
        }
    }

    #[test]
    fn a_missing_or_empty_list_is_found() {
        assert_eq!(check(&[], &[]).len(), 1);
        assert_eq!(findings("# Invariants\n").len(), 1);
    }
}
