//! Rows with numbers, each of which a destination must have once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

/// How many keys there are.
pub const KEYS: usize = 50;

/// An event that becomes two rows; each of these is longer by `pad` bytes.
pub fn line(number: usize, pad: usize) -> String {
    let (key, pad) = (number % KEYS, "x".repeat(pad));
    format!(
        "{{\"n\":{number},\"key\":\"k{key}\",\"pad\":\"{pad}\",\"parts\":[{{\"part\":0}},{{\"part\":1}}]}}\n"
    )
}

/// The files that a sink with `path = ".../out.ndjson"` wrote in `folder`, in the order in which they were begun.
pub fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("readable");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.into_string().expect("a name"))
        .filter(|name| name.starts_with("out.") && name.ends_with(".ndjson"))
        .collect();
    names.sort_by_key(|name| {
        let parts: Vec<_> = name.split('.').collect();
        let number: u64 = parts
            .get(2)
            .and_then(|number| number.parse().ok())
            .unwrap_or(0);
        (name == "out.ndjson", parts[1].to_owned(), number)
    });
    names
}

/// How many lines these files have.
pub fn count(folder: &Path) -> usize {
    let read = |name: &String| std::fs::read(folder.join(name)).unwrap_or_default();
    let files = files(folder);
    let lines = files
        .iter()
        .map(|name| read(name).split(|byte| *byte == b'\n').count() - 1);
    lines.sum()
}

/// What they hold.
pub fn read(folder: &Path) -> Vec<Value> {
    let files = files(folder).into_iter();
    let bytes = files.flat_map(move |name| std::fs::read(folder.join(name)).expect("readable"));
    let bytes: Vec<u8> = bytes.collect();
    assert!(bytes.is_empty() || bytes.ends_with(b"\n"), "within a line");
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| serde_json::from_slice(line).expect("intact"))
        .collect()
}

/// Both rows of each of so many events once, and in the order of their keys.
pub fn each_once(rows: impl IntoIterator<Item = Value>, events: usize, keyed: bool) {
    let (mut seen, mut last) = (BTreeSet::new(), BTreeMap::new());
    for row in rows {
        let number = row["n"].as_u64().expect("a number");
        let row = (number, row["part"].as_u64().expect("a number"));
        assert!(seen.insert(row), "{row:?} is there twice");
        let before = last.insert(number % KEYS as u64, row);
        assert!(
            !keyed || before < Some(row),
            "{row:?} came after {before:?}"
        );
    }
    assert_eq!(seen.len(), events * 2, "every row is there");
}
