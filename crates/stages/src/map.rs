//! `map`: sets a field to what a table says about another.

use std::collections::BTreeMap;

use millpond_engine::{Flow, Output, stateless};
use millpond_event::{Event, Path, RawJson};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::ConfigError;
use crate::config::{join, parse, present};
use crate::kinds::{Factory, Kind};
use crate::lookup::Lookup;
use crate::set::{bad_edit, raw};

pub(crate) const KIND: Kind = Kind {
    name: "map",
    summary: "sets a field to what a table says about the value of another",
    example: r#"
type = "map"
field = "type"
into = "weight"
values = { click = 1, add_to_cart = 3, purchase = 10 }
default = 0
"#,
    schema: || schema_for!(MapConfig),
    build,
};

/// Looks a field up in a table, and sets a field to what it finds there. Where nothing is found the
/// event stays as it is, unless there is a `default`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MapConfig {
    /// Path of the field to look up. Strings are looked up decoded, numbers and booleans as spelled.
    #[schemars(with = "String")]
    field: Path,
    /// Path of the field to set (default: `field`).
    #[schemars(with = "Option<String>")]
    into: Option<Path>,
    /// What to set, by the value of the field. Keys keep their case.
    values: BTreeMap<String, Value>,
    /// What to set where the field is missing or not in the table.
    #[serde(default, deserialize_with = "present")]
    default: Option<Value>,
}

fn build(params: Value) -> Result<Factory, ConfigError> {
    let config: MapConfig = parse(params)?;
    if config.values.is_empty() {
        let message = "the table is empty, expected at least one value";
        return Err(ConfigError::new("values", message));
    }
    let entry = |(name, value): (String, Value)| {
        let value = raw(&value, &join("values", &name))?;
        Ok((name.into_boxed_str(), value))
    };
    let values = config.values.into_iter().map(entry);
    let values = values.collect::<Result<Lookup<RawJson>, ConfigError>>()?;
    let default = config
        .default
        .map(|value| raw(&value, "default"))
        .transpose()?;
    let field = config.field;
    let into = config.into.unwrap_or_else(|| field.clone());
    Ok(Box::new(stateless(
        move |event: &mut Event, _: &mut Output<Event>| {
            let found = event.get(&field).and_then(|value| values.get(&value));
            if let Some(value) = found.or(default.as_ref()) {
                event.set_raw(&into, value).map_err(bad_edit)?;
            }
            Ok(Flow::Pass)
        },
    )))
}

#[cfg(test)]
mod tests {
    use crate::testing::{errors, run};

    #[test]
    fn what_the_table_says_is_set() {
        let many: String = (0..20).map(|n| format!("k{n} = {n}, ")).collect();
        let many = format!("field = 'a'\ninto = 'b'\nvalues = {{ {many} \"7\" = 'seven' }}");
        let plain = "field = 'a'\ninto = 'b'\nvalues = { Click = 1, click = 2, \"3\" = 'three', true = [] }";
        let default = "field = 'a'\nvalues = { x = 1 }\ndefault = 'none'";
        let cases = [
            (plain, r#"{"a":"Click"}"#, r#"{"a":"Click","b":1}"#),
            (plain, r#"{"a":"click","b":0}"#, r#"{"a":"click","b":2}"#),
            (
                plain,
                r#"{"a":"\u0063lick"}"#,
                r#"{"a":"\u0063lick","b":2}"#,
            ),
            (plain, r#"{"a":3}"#, r#"{"a":3,"b":"three"}"#),
            (plain, r#"{"a":3.0}"#, r#"{"a":3.0}"#),
            (plain, r#"{"a":true}"#, r#"{"a":true,"b":[]}"#),
            (plain, r#"{"a":"CLICK"}"#, r#"{"a":"CLICK"}"#),
            (plain, r#"{"a":["click"]}"#, r#"{"a":["click"]}"#),
            (plain, "{}", "{}"),
            (default, r#"{"a":"x"}"#, r#"{"a":1}"#),
            (default, r#"{"a":null}"#, r#"{"a":"none"}"#),
            (default, "{}", r#"{"a":"none"}"#),
            (&many, r#"{"a":"k19"}"#, r#"{"a":"k19","b":19}"#),
            (&many, r#"{"a":7}"#, r#"{"a":7,"b":"seven"}"#),
            (&many, r#"{"a":"k20"}"#, r#"{"a":"k20"}"#),
        ];
        for (config, line, expected) in cases {
            assert_eq!(run("map", config, &[line]), [expected], "{config}");
        }
    }

    #[test]
    fn a_table_that_can_say_nothing_is_refused() {
        errors(
            "map",
            &[
                ("field = 'a'\nvalues = {}", "values: the table is empty"),
                ("field = 'a'", "missing field `values`"),
                (
                    "field = 'a'\nvalues = 1",
                    "values: invalid type: integer `1`, expected a map",
                ),
            ],
        );
    }
}
