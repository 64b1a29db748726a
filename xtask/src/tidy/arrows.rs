//! Who may depend on whom.

use super::{File, Finding};
use crate::workspace::{Dependency, Package};

/// What is wrong with the dependencies of `package`, whose manifest is `manifest`.
pub(super) fn check(package: &Package, manifest: &File) -> Vec<Finding> {
    let Some(from) = short_name(&package.name) else {
        return vec![finding(
            manifest,
            &package.name,
            format!("{} is not named millpond-<noun>", package.name),
        )];
    };
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == from) else {
        let message = format!(
            "{} has no row in the table of allowed arrows (xtask/src/tidy/arrows.rs)",
            package.name
        );
        return vec![finding(manifest, &package.name, message)];
    };
    let judge = |dependency: &Dependency| {
        let reason = match short_name(&dependency.name) {
            Some(to) => ours(from, allowed, to, dependency.kind.as_deref() == Some("dev")),
            None => theirs(from, &dependency.name),
        }?;
        let message = format!(
            "{} may not depend on {}: {reason}",
            package.name, dependency.name
        );
        Some(finding(manifest, &dependency.name, message))
    };
    package.dependencies.iter().filter_map(judge).collect()
}

/// The ordinary dependencies that each of our crates may have on others of ours.
const ALLOWED: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("engine", &[]),
    ("queue", &[]),
    ("delivery", &[]),
    ("journal", &[]),
    ("plan", &[]),
    ("prove", &[]),
    ("tap", &[]),
    ("spans", &[]),
    ("otlp", &[]),
    ("top", &[]),
    ("store", &["journal", "delivery"]),
    ("stages", &["engine", "event"]),
    ("ingress-formats", &["event"]),
    ("ingest", &["event", "queue", "delivery", "spans"]),
    (
        "ingress",
        &["ingest", "ingress-formats", "event", "queue", "delivery"],
    ),
    ("sinks", &["event", "queue", "delivery", "store", "spans"]),
    ("chaos", &["stages", "engine", "event"]),
    ("sink-sqlite", &["sinks", "delivery", "event"]),
    (
        "runtime",
        &["engine", "queue", "delivery", "journal", "store", "spans"],
    ),
    ("admin", &["queue", "delivery", "runtime", "tap"]),
    (
        "daemon",
        &[
            "event",
            "engine",
            "queue",
            "delivery",
            "journal",
            "store",
            "stages",
            "chaos",
            "ingest",
            "ingress",
            "sinks",
            "sink-sqlite",
            "runtime",
            "admin",
            "plan",
            "prove",
            "tap",
            "spans",
            "otlp",
            "top",
        ],
    ),
    (
        "instructions",
        &[
            "event", "engine", "queue", "delivery", "store", "stages", "ingest", "sinks",
            "runtime", "tap",
        ],
    ),
    ("xtask", &[]),
];

/// Arrows that not even a test may draw.
const FORBIDDEN: &[(&str, &str)] = &[
    ("runtime", "event"),
    ("runtime", "stages"),
    ("runtime", "ingest"),
    ("runtime", "sinks"),
    ("ingest", "sinks"),
    ("ingest", "ingress"),
    ("ingress", "sinks"),
    ("sinks", "ingest"),
    ("sinks", "sink-sqlite"),
    ("journal", "event"),
];

/// Crates of others that only some of ours may use, tests included.
const RESERVED: &[(&str, &[&str], &str)] = &[
    (
        "async-std",
        &["ingest", "ingress", "sinks", "admin", "daemon"],
        "async-std stays at the edges",
    ),
    (
        "flume",
        &["queue"],
        "every channel is a room of millpond-queue",
    ),
    (
        "opentelemetry_sdk",
        &["otlp"],
        "spans are sent by a crate of their own, which few builds have",
    ),
];

/// `daemon` for the package of the binary, `queue` for `millpond-queue`, `None` for what is not ours.
fn short_name(package: &str) -> Option<&str> {
    match package {
        "millpond" => Some("daemon"),
        "xtask" => Some("xtask"),
        _ => package.strip_prefix("millpond-"),
    }
}

fn ours(from: &str, allowed: &[&str], to: &str, dev: bool) -> Option<String> {
    if allowed.contains(&to) {
        return None;
    }
    if to == "daemon" || to == "xtask" || from == "xtask" {
        return Some("the daemon is the top, and xtask stands beside it".to_owned());
    }
    if dev {
        return FORBIDDEN
            .contains(&(from, to))
            .then(|| format!("{from} -> {to} is forbidden in tests too"));
    }
    let allowed = if allowed.is_empty() {
        "none of ours".to_owned()
    } else {
        allowed.join(", ")
    };
    Some(format!("{from} may use {allowed}"))
}

fn theirs(from: &str, to: &str) -> Option<String> {
    let (_, users, why) = RESERVED.iter().find(|(name, ..)| *name == to)?;
    (!users.contains(&from)).then(|| format!("{why}; only {} may use it", users.join(", ")))
}

/// Points at the line of the manifest that begins with `name`, else at its first.
fn finding(manifest: &File, name: &str, message: String) -> Finding {
    let names_it = |line: &str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    let line = manifest
        .text
        .lines()
        .position(names_it)
        .map_or(1, |index| index + 1);
    Finding {
        file: manifest.path.clone(),
        line,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, dependencies: &[(&str, Option<&str>)]) -> Vec<String> {
        let dependency = |&(name, kind): &(&str, Option<&str>)| Dependency {
            name: name.to_owned(),
            kind: kind.map(str::to_owned),
        };
        let package = Package {
            name: name.to_owned(),
            description: None,
            manifest_path: "/w/Cargo.toml".into(),
            dependencies: dependencies.iter().map(dependency).collect(),
        };
        let lines: String = dependencies
            .iter()
            .map(|(name, _)| format!("{name}.workspace = true\n"))
            .collect();
        let manifest = File {
            path: "Cargo.toml".to_owned(),
            text: format!("[dependencies]\n{lines}"),
        };
        check(&package, &manifest)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn every_arrow_that_is_not_in_the_table_is_found() {
        for (from, to) in [
            ("millpond-event", "millpond-engine"),
            ("millpond-runtime", "millpond-event"),
            ("millpond-ingest", "millpond-sinks"),
            ("millpond-sinks", "millpond-ingest"),
            ("millpond-journal", "millpond-event"),
            ("millpond-admin", "millpond-sinks"),
            ("millpond-queue", "millpond"),
            ("millpond-instructions", "millpond"),
            ("xtask", "millpond-event"),
            ("xtask", "millpond"),
            ("millpond-runtime", "flume"),
            ("millpond", "flume"),
            ("millpond-runtime", "async-std"),
            ("millpond-queue", "async-std"),
        ] {
            assert_eq!(
                findings(from, &[("serde", None), (to, None)]).len(),
                1,
                "{from} -> {to}"
            );
        }
    }

    #[test]
    fn the_arrows_of_the_table_pass() {
        for (from, to) in [
            ("millpond-stages", "millpond-event"),
            ("millpond-runtime", "millpond-queue"),
            ("millpond", "millpond-sinks"),
            ("millpond", "async-std"),
            ("millpond-instructions", "millpond-ingest"),
            ("millpond-queue", "flume"),
            ("xtask", "serde_json"),
        ] {
            assert_eq!(findings(from, &[(to, None)]), [""; 0], "{from} -> {to}");
        }
    }

    #[test]
    fn a_test_may_borrow_a_neighbour_but_never_what_is_forbidden() {
        let dev = Some("dev");
        assert_eq!(
            findings("millpond-event", &[("millpond-engine", dev)]),
            [""; 0]
        );
        assert_eq!(
            findings("millpond-runtime", &[("millpond-event", dev)]).len(),
            1
        );
        assert_eq!(
            findings("millpond-runtime", &[("millpond-event", Some("build"))]).len(),
            1
        );
        assert_eq!(findings("millpond-engine", &[("flume", dev)]).len(), 1);
        assert_eq!(findings("millpond-sinks", &[("millpond", dev)]).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_or_a_proper_name_is_found() {
        assert_eq!(findings("millpond-novelty", &[]).len(), 1);
        assert_eq!(findings("helpers", &[]).len(), 1);
    }

    #[test]
    fn the_finding_points_at_the_line_and_says_what_is_allowed() {
        assert_eq!(
            findings(
                "millpond-admin",
                &[("millpond-queue", None), ("millpond-sinks", None)]
            ),
            [
                "Cargo.toml:3: millpond-admin may not depend on millpond-sinks: admin may use queue, delivery, runtime, tap"
            ]
        );
    }
}
