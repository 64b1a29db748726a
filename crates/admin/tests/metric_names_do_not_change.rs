//! Dashboards and alerts hang on the names, types and labels of the metrics.

mod common;

use common::{ask, pond, serving};

#[test]
fn names_types_help_and_labels_are_frozen() {
    let (status, text) = serving(pond().observed, |address| ask(address, "GET", "/metrics"));
    assert_eq!(status, 200);
    let still: Vec<&str> = text
        .lines()
        .map(|line| {
            match line.strip_prefix("millpond_queue_oldest_age_seconds{queue=\"sink/out\"} ") {
                Some(_) => "millpond_queue_oldest_age_seconds{queue=\"sink/out\"} [age]",
                None => line,
            }
        })
        .collect();
    insta::assert_snapshot!(still.join("\n"));
}

#[test]
fn the_documented_tables_name_every_metric_and_no_other() {
    let (_, text) = serving(pond().observed, |address| ask(address, "GET", "/metrics"));
    let mut shown: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            match kind {
                "counter" => format!("{name}_total"),
                "info" => format!("{name}_info"),
                _ => name.to_owned(),
            }
        })
        .collect();
    shown.sort();
    let operations = include_str!("../../../docs/OPERATIONS.md");
    let (_, table) = operations.split_once("\n## Metrics\n").unwrap();
    for (docs, row) in [
        (include_str!("../src/lib.rs"), "//! | `millpond_"),
        (table, "| `millpond_"),
    ] {
        let mut documented: Vec<String> = docs
            .lines()
            .filter_map(|line| line.strip_prefix(row)?.split_once('`'))
            .map(|(name, _)| format!("millpond_{name}"))
            .collect();
        documented.sort();
        assert_eq!(shown, documented);
    }
}
