//! What clients send, and whether it came out.

use std::collections::HashMap;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

/// What event `n` says; the scripts know the same.
pub(super) fn content(n: u64) -> Value {
    json!({
        "n": n,
        "text": format!("\u{e4} \"quoted\" \\ \n\t \u{1f600} {n}"),
        "price": n as f64 / 4.0,
        "nested": { "list": [n, null, true, {}], "empty": "" },
    })
}

/// Fails unless `lines` are the events 0 to `count`, each once, with its content in one of `places` (JSON pointers).
pub(super) fn check(lines: &str, count: u64, places: &[&str]) -> anyhow::Result<()> {
    let mut seen = HashMap::<u64, u64>::new();
    for line in lines.lines() {
        let event: Value =
            serde_json::from_str(line).with_context(|| format!("no JSON came out: {line}"))?;
        let said = places.iter().find_map(|place| event.pointer(place));
        let said = said.with_context(|| format!("nothing at {places:?} in {line}"))?;
        let Some(n) = said["n"].as_u64().filter(|n| *n < count) else {
            bail!("an event came out that was not sent: {line}");
        };
        ensure!(
            alike(said, &content(n)),
            "event {n} came out changed: {line}"
        );
        *seen.entry(n).or_default() += 1;
    }
    let missing: Vec<_> = (0..count).filter(|n| !seen.contains_key(n)).collect();
    ensure!(
        missing.is_empty(),
        "{} of {count} events did not come out, the first is {:?}",
        missing.len(),
        missing.first()
    );
    let twice = seen.values().sum::<u64>() - count;
    ensure!(twice == 0, "{twice} events came out again");
    Ok(())
}

/// Whether two values are the same; clients spell a number as they like.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, value)| other.get(name).is_some_and(|it| alike(value, it)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(numbers: &[u64]) -> String {
        let line = |n: &u64| json!({ "said": content(*n) }).to_string() + "\n";
        numbers.iter().map(line).collect()
    }

    #[test]
    fn what_is_missing_changed_or_there_twice_is_found() {
        let places = &["/other", "/said"];
        assert!(check(&lines(&[1, 0, 2]), 3, places).is_ok());
        let spelled = lines(&[0]).replace("0.0", "0");
        assert!(check(&spelled, 1, places).is_ok());
        for (text, why) in [
            (lines(&[0, 2]), "1 of 3 events did not come out"),
            (lines(&[0, 1, 2, 2]), "1 events came out again"),
            (lines(&[0, 1, 2, 3]), "was not sent"),
            (lines(&[0, 1, 2]).replace("quoted", "quotes"), "changed"),
            (lines(&[0, 1, 2]).replace("said", "told"), "nothing at"),
            ("{".to_owned(), "no JSON"),
        ] {
            let error = check(&text, 3, places).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
