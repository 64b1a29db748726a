//! Every relative link of a document leads to a file.

use super::{File, Finding};

/// The links of `documents` whose target does not exist; `exists` is asked for a path relative to the root.
pub(super) fn check(documents: &[File], exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for document in documents {
        for (line, target) in links(&document.text) {
            let Some(path) = resolve(&document.path, &target) else {
                continue;
            };
            let message = match path {
                Some(path) if exists(&path) => continue,
                Some(path) => format!("the link {target:?} leads to {path}, which does not exist"),
                None => format!("the link {target:?} leaves the repository"),
            };
            findings.push(Finding {
                file: document.path.clone(),
                line,
                message,
            });
        }
    }
    findings
}

/// Every link target with its line: `[text](target)`, images, and `[name]: target`; code is left out.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, Some(mark)) => fence = Some(mark),
            (None, None) => {
                found.extend(line_links(&without_code(line)).map(|target| (index + 1, target)))
            }
            _ => {}
        }
    }
    found
}

fn line_links(line: &str) -> impl Iterator<Item = String> {
    let mut targets = Vec::new();
    let mut rest = line;
    while let Some((_, behind)) = rest.split_once("](") {
        let (inside, after) = behind.split_once(')').unwrap_or((behind, ""));
        targets.extend(
            inside
                .split_whitespace()
                .next()
                .map(|target| target.trim_matches(['<', '>']).to_owned()),
        );
        rest = after;
    }
    if let Some((_, target)) = line
        .strip_prefix('[')
        .and_then(|line| line.split_once("]: "))
    {
        targets.extend(
            target
                .split_whitespace()
                .next()
                .map(|target| target.trim_matches(['<', '>']).to_owned()),
        );
    }
    targets.into_iter()
}

/// `line` without what stands in backticks, unless that is the text of a link.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Where `target` leads, from the root: `None` for another site or a place in the same document, `Some(None)` for a
/// place above the root.
fn resolve(document: &str, target: &str) -> Option<Option<String>> {
    let path = target.split(['#', '?']).next().unwrap_or_default();
    let scheme = path
        .split_once(':')
        .is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric()));
    if path.is_empty() || scheme || path.starts_with("//") {
        return None;
    }
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    if path.starts_with('/') {
        parts.clear();
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Some(None);
                }
            }
            part => parts.push(part),
        }
    }
    Some(Some(parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<usize> {
        let document = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let exists = |path: &str| {
            ["README.md", "docs/A.md", "crates/a/src/lib.rs", "crates"].contains(&path)
        };
        check(&[document], exists)
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn links_that_lead_nowhere_are_found_with_their_line() {
        for text in [
            "[x](gone.md)",
            "![x](gone.png)",
            "[a](README.md) [x](docs/gone.md#top)",
            "[x]: docs/gone.md",
            "[`x`](gone.md)",
        ] {
            assert_eq!(
                findings("README.md", &format!("# Title\n{text}\n")),
                [2],
                "{text}"
            );
        }
        assert_eq!(findings("docs/A.md", "[x](README.md)"), [1]);
        assert_eq!(findings("docs/A.md", "[x](../../elsewhere.md)"), [1]);
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        for text in [
            "[x](docs/A.md)",
            "[x](docs/A.md#part \"title\")",
            "[x](<docs/A.md>)",
            "[x](./crates/)",
            "[x]: docs/A.md",
        ] {
            assert_eq!(findings("README.md", text), [0; 0], "{text}");
        }
        assert_eq!(
            findings(
                "docs/A.md",
                "[x](../README.md) [y](A.md) [z](../crates/a/src/lib.rs)"
            ),
            [0; 0]
        );
    }

    #[test]
    fn other_sites_anchors_and_code_are_left_alone() {
        for text in [
            "[x](https://example.com/gone)",
            "[x](mailto:a@b.c)",
            "[x](#part)",
            "`[x](gone.md)`",
            "```\n[x](gone.md)\n```",
        ] {
            assert_eq!(findings("README.md", text), [0; 0], "{text}");
        }
        assert_eq!(
            findings("README.md", "```\n[x](gone.md)\n```\n[x](gone.md)"),
            [4]
        );
    }
}
