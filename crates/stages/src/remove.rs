//! `remove`: takes fields out.

use millpond_engine::{Flow, Output, stateless};
use millpond_event::{Event, Path};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::ConfigError;
use crate::config::parse;
use crate::kinds::{Factory, Kind};

pub(crate) const KIND: Kind = Kind {
    name: "remove",
    summary: "takes fields out",
    example: r#"
type = "remove"
fields = ["context.ua", "items[0]"]
"#,
    schema: || schema_for!(RemoveConfig),
    build,
};

/// Takes fields out, every one of a name that occurs more than once. A field that is missing is no error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RemoveConfig {
    /// Paths of the fields; taken out one after the other.
    #[schemars(with = "Vec<String>")]
    fields: Vec<Path>,
}

fn build(params: Value) -> Result<Factory, ConfigError> {
    let RemoveConfig { fields } = parse(params)?;
    if fields.is_empty() {
        let message = "the list is empty, expected at least one path";
        return Err(ConfigError::new("fields", message));
    }
    Ok(Box::new(stateless(
        move |event: &mut Event, _: &mut Output<Event>| {
            for field in &fields {
                event.remove(field);
            }
            Ok(Flow::Pass)
        },
    )))
}

#[cfg(test)]
mod tests {
    use crate::testing::{errors, run};

    #[test]
    fn exactly_the_named_fields_are_gone() {
        let config = "fields = ['a', 'b.c', 'd[0]']";
        let cases = [
            (
                r#"{"a":1,"b":{"c":1,"x":2},"d":[1,2],"e":1.0}"#,
                r#"{"b":{"x":2},"d":[2],"e":1.0}"#,
            ),
            (r#"{"a":1,"z":0,"a":2}"#, r#"{"z":0}"#),
            (r#"{"b":1,"d":[]}"#, r#"{"b":1,"d":[]}"#),
            (r#"{"a":1}"#, "{}"),
        ];
        for (line, expected) in cases {
            assert_eq!(run("remove", config, &[line]), [expected]);
        }
    }

    #[test]
    fn a_bad_list_is_refused() {
        errors(
            "remove",
            &[
                ("fields = []", "fields: the list is empty"),
                ("fields = ['a', 'b..c']", "fields[1]: "),
                (
                    "fields = 'a'",
                    "fields: invalid type: string \"a\", expected a sequence",
                ),
            ],
        );
    }
}
