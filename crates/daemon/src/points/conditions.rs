//! Which events somebody wants to look at.

use std::collections::BTreeMap;

use millpond_event::{Event, Path};
use millpond_stages::{Condition, ConditionConfig};
use serde_json::{Value, json};

use super::Redact;

const EXPECTED: &str = "expected FIELD=VALUE, or a condition as stages have it, such as { field = \"type\", equals = \"click\" }";

/// Conditions that must all hold; those of the short form that are on one field are alternatives.
#[derive(Debug)]
pub(super) struct Wanted(Option<Condition>);

impl Wanted {
    /// Reads conditions.
    ///
    /// # Errors
    /// What is wrong with one of them, and what was expected.
    pub(super) fn parse(texts: &[String], redact: &Redact) -> Result<Self, String> {
        let mut all = Vec::new();
        let mut short: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for text in texts {
            if text.trim_start().starts_with('{') {
                all.push(table(text).map_err(|why| format!("{text}: {why}, {EXPECTED}"))?);
                continue;
            }
            let field = text.split_once('=').filter(|(field, _)| !field.is_empty());
            let (field, value) = field.ok_or_else(|| format!("{text:?}: {EXPECTED}"))?;
            short.entry(field).or_default().extend(meanings(value));
        }
        let short = short.into_iter();
        all.extend(short.map(|(field, values)| json!({ "field": field, "in": values })));
        if all.is_empty() {
            return Ok(Wanted(None));
        }
        let whole = json!({ "all": all });
        unredacted(&whole, redact)?;
        let config: ConditionConfig =
            serde_json::from_value(whole).map_err(|error| error.to_string())?;
        let compiled = Condition::compile(config, "where").map_err(|error| error.to_string())?;
        Ok(Wanted(Some(compiled)))
    }

    /// Whether every event is wanted.
    pub(super) fn is_any(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this one is. What is no JSON has no fields that a condition could be on.
    pub(super) fn holds(&self, event: &[u8]) -> bool {
        let Some(condition) = &self.0 else {
            return true;
        };
        Event::parse(event).is_ok_and(|event| condition.holds(&event))
    }
}

/// A condition as it stands in a configuration: in TOML, or in JSON.
fn table(text: &str) -> Result<Value, String> {
    if let Ok(table) = serde_json::from_str(text) {
        return Ok(table);
    }
    let read: Result<BTreeMap<String, Value>, _> = toml::from_str(&format!("condition = {text}"));
    let mut read = read.map_err(|error| error.message().to_owned())?;
    Ok(read.remove("condition").unwrap_or_default())
}

/// What a bare word may mean: the text, and a number or the like if it reads as one.
fn meanings(text: &str) -> Vec<Value> {
    let scalar: Option<Value> = serde_json::from_str(text).ok();
    let scalar = scalar.filter(|value| !value.is_array() && !value.is_object());
    let mut all = vec![json!(text)];
    all.extend(scalar.filter(|value| *value != all[0]));
    all
}

/// A condition on a redacted field would tell its value to whoever guesses.
fn unredacted(condition: &Value, redact: &Redact) -> Result<(), String> {
    match condition {
        Value::Array(items) => items.iter().try_for_each(|item| unredacted(item, redact)),
        Value::Object(members) => members.iter().try_for_each(|(key, value)| {
            let path = value.as_str().filter(|_| key == "field");
            let path = path.and_then(|path| Path::parse(path).ok());
            match path.filter(|path| redact.covers(path)) {
                Some(path) => Err(format!(
                    "{} is redacted (`admin.redact`): there can be no condition on it",
                    path.as_str()
                )),
                None => unredacted(value, redact),
            }
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(conditions: &[&str], event: &str) -> bool {
        let conditions: Vec<String> = conditions.iter().map(|&text| text.to_owned()).collect();
        let wanted = Wanted::parse(&conditions, &Redact::default()).unwrap();
        wanted.holds(event.as_bytes())
    }

    #[test]
    fn short_conditions_are_alternatives_on_one_field_and_must_all_hold_on_several() {
        let event = r#"{"type":"click","user":{"id":42},"ok":true}"#;
        assert!(holds(&[], "no event"));
        assert!(holds(&["type=view", "type=click"], event));
        assert!(holds(&["type=click", "user.id=42"], event));
        assert!(
            holds(&["user.id=42"], r#"{"user":{"id":"42"}}"#),
            "also as a string"
        );
        assert!(holds(&["ok=true"], event));
        assert!(!holds(&["type=click", "user.id=43"], event));
        assert!(!holds(&["type=click"], "no event"));
    }

    #[test]
    fn conditions_of_stages_are_understood_in_toml_and_in_json() {
        let event = r#"{"type":"click","price":12}"#;
        assert!(holds(&[r#"{ field = "price", gt = 10, le = 12 }"#], event));
        assert!(holds(
            &[r#"{"not":{"field":"type","equals":"view"}}"#, "type=click"],
            event
        ));
        assert!(!holds(&[r#"{ field = "type", matches = "^v" }"#], event));
    }

    #[test]
    fn what_is_no_condition_is_refused_with_what_was_expected() {
        let redact = Redact::new(&["email".parse().unwrap()]);
        for (text, part) in [
            ("click", "expected FIELD=VALUE"),
            ("=click", "expected FIELD=VALUE"),
            ("a..b=1", "expected a name"),
            ("{ field = }", "expected FIELD=VALUE"),
            ("{ field = \"a\" }", "no test"),
            ("{ field = \"a\", equal = 1 }", "unknown field"),
            ("email=e@x", "`admin.redact`"),
            (
                r#"{ not = { any = [{ field = "email", contains = "a" }] } }"#,
                "`admin.redact`",
            ),
        ] {
            let error = Wanted::parse(&[text.to_owned()], &redact).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
