//! `set`: gives fields fixed values.

use std::collections::BTreeMap;
use std::sync::Arc;

use millpond_engine::{Flow, Output, StageError, stateless};
use millpond_event::{Event, Path, RawJson};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::ConfigError;
use crate::config::{join, parse, present};
use crate::kinds::{Factory, Kind};

pub(crate) const KIND: Kind = Kind {
    name: "set",
    summary: "gives fields fixed values",
    example: r#"
type = "set"
values = { source = "web", "context.seen" = true, tags = ["a", "b"] }
"#,
    schema: || schema_for!(SetConfig),
    build,
};

/// Gives fields fixed values: either one `field` a `value`, or several by `values`. Parents that are
/// missing are made; fields that are new come last. An event in which a path leads through something
/// that is no object fails (reason `bad_edit`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SetConfig {
    /// Path of the field.
    #[schemars(with = "Option<String>")]
    field: Option<Path>,
    /// Its value: anything JSON has.
    #[serde(default, deserialize_with = "present")]
    value: Option<Value>,
    /// Values by path, set in the order of the paths' spelling.
    values: Option<BTreeMap<String, Value>>,
}

fn build(params: Value) -> Result<Factory, ConfigError> {
    let edits: Vec<(Path, RawJson)> = match parse(params)? {
        SetConfig {
            field: Some(path),
            value: Some(value),
            values: None,
        } => {
            vec![(path, raw(&value, "value")?)]
        }
        SetConfig {
            field: None,
            value: None,
            values: Some(values),
        } if !values.is_empty() => values
            .into_iter()
            .map(|(name, value)| {
                let key = join("values", &name);
                let path = Path::parse(&name);
                let path = path.map_err(|error| ConfigError::new(&key, error.to_string()))?;
                Ok((path, raw(&value, &key)?))
            })
            .collect::<Result<_, ConfigError>>()?,
        _ => {
            let message = "expected either `field` and `value`, or `values` with at least one path";
            return Err(ConfigError::new("", message));
        }
    };
    let edits: Arc<[(Path, RawJson)]> = edits.into();
    Ok(Box::new(stateless(
        move |event: &mut Event, _: &mut Output<Event>| {
            for (path, value) in edits.iter() {
                event.set_raw(path, value).map_err(bad_edit)?;
            }
            Ok(Flow::Pass)
        },
    )))
}

/// A value of the configuration as the text that goes into events.
pub(crate) fn raw(value: &Value, key: &str) -> Result<RawJson, ConfigError> {
    RawJson::from_value(value).map_err(|error| ConfigError::new(key, error.to_string()))
}

/// An edit that this event does not allow.
#[cold]
pub(crate) fn bad_edit(error: millpond_event::EditError) -> StageError {
    StageError::new("bad_edit", error.to_string())
}

#[cfg(test)]
mod tests {
    use crate::testing::{errors, run};

    #[test]
    fn values_are_set_and_the_rest_stays_as_it_came() {
        let cases = [
            ("field = 'a'\nvalue = 1", "{}", r#"{"a":1}"#),
            (
                "field = 'a'\nvalue = 'ü\"'",
                r#"{"a":1.10,"b":1.10}"#,
                r#"{"a":"ü\"","b":1.10}"#,
            ),
            (
                "field = 'a'\nvalue = { b = [1, 2.5] }",
                r#"{"c":1}"#,
                r#"{"c":1,"a":{"b":[1,2.5]}}"#,
            ),
            (
                "values = { 'a.b' = 1, 'a.c' = true }",
                "{}",
                r#"{"a":{"b":1,"c":true}}"#,
            ),
            (
                "field = 'a.b'\nvalue = 1",
                r#"{"a":2}"#,
                "failed: bad_edit: ",
            ),
        ];
        for (config, line, expected) in cases {
            let seen = run("set", config, &[line]);
            assert!(
                seen.len() == 1 && seen[0].starts_with(expected),
                "{config}: {seen:?}"
            );
        }
    }

    #[test]
    fn a_table_that_says_nothing_or_two_things_is_refused() {
        let message = "expected either `field` and `value`, or `values`";
        errors(
            "set",
            &[
                ("", message),
                ("field = 'a'", message),
                ("value = 1", message),
                ("values = {}", message),
                ("field = 'a'\nvalue = 1\nvalues = { b = 1 }", message),
                ("values = { 'a[' = 1 }", "values.a[: "),
                (
                    "valeu = 1",
                    "valeu: unknown key \"valeu\", did you mean \"value\"?",
                ),
            ],
        );
    }
}
