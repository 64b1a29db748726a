//! Numbered events of many keys, and what must come out of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Event `number` of `keys` keys, to be poison or not.
pub fn line(number: usize, keys: usize, poison: bool) -> String {
    let poison = if poison { ",\"poison\":true" } else { "" };
    let key = number * 7919 % keys;
    format!("{{\"key\":\"k{key}\",\"n\":{number}{poison}}}\n")
}

/// Asserts that the rows are the events but for those in `missing`, each once, those of a key in order.
pub fn each_once_but(rows: &[Vec<u8>], events: usize, missing: &BTreeSet<usize>) {
    let mut seen = vec![false; events];
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        let row: Value = serde_json::from_slice(row).expect("a row is JSON");
        let number = row["n"].as_u64().expect("numbered") as usize;
        assert!(!seen[number], "{number} came twice");
        seen[number] = true;
        let key = row["key"].as_str().expect("keyed").to_owned();
        let before = last.insert(key, number);
        assert!(before < Some(number), "{number} came after {before:?}");
    }
    let lost: BTreeSet<usize> = (0..events).filter(|number| !seen[*number]).collect();
    assert_eq!(lost, *missing, "what did not come out");
}
