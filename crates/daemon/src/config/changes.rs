use serde_json::Value;

use super::problem::join;

/// The keys at which two configurations differ, as they were read: tables are compared key by key, anything else as
/// a whole.
pub(crate) fn changes(before: &Value, after: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    compare("", before, after, &mut keys);
    keys
}

fn compare(at: &str, before: &Value, after: &Value, keys: &mut Vec<String>) {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        if before != after {
            keys.push(at.to_owned());
        }
        return;
    };
    for (key, after) in after {
        match before.get(key) {
            Some(before) => compare(&join(at, key), before, after, keys),
            None => keys.push(join(at, key)),
        }
    }
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    keys.extend(gone.map(|key| join(at, key)));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_key_that_differs_is_named_and_no_other() {
        let before = json!({
            "runtime": { "workers": 2, "shards": 8 },
            "pipelines": { "a": { "stages": [{ "type": "noop" }], "key": "k" } },
            "sinks": { "gone": { "type": "blackhole" } },
        });
        let after = json!({
            "runtime": { "workers": 4, "shards": 8, "memory": "1GiB" },
            "pipelines": { "a": { "stages": [], "key": "k" }, "b": { "stages": [] } },
            "sinks": {},
        });
        assert_eq!(changes(&before, &before), [""; 0]);
        let mut keys = changes(&before, &after);
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "pipelines.a.stages",
                "pipelines.b",
                "runtime.memory",
                "runtime.workers",
                "sinks.gone",
            ]
        );
        assert_eq!(
            changes(&json!({ "a": { "b": 1 } }), &json!({ "a": 1 })),
            ["a"]
        );
    }
}
