//! `explode`: one event for each element of an array.

use std::sync::Arc;

use millpond_engine::{Flow, Output, Stage, StageError, factory};
use millpond_event::{Event, Kind as JsonKind, Path, Value as Found};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::ConfigError;
use crate::config::parse;
use crate::kinds::{Factory, Kind};
use crate::path_name::{as_path, last_name};

pub(crate) const KIND: Kind = Kind {
    name: "explode",
    summary: "makes one event of each element of an array, with chosen fields carried along",
    example: r#"
type = "explode"
field = "events"
carry = ["session"]
"#,
    schema: || schema_for!(ExplodeConfig),
    build,
};

/// Makes one event of each element of an array; the event that held it is consumed. An element that is
/// an object becomes the event, any other goes into a field of its own. Carried fields come first;
/// where the element has a field of that name, its own stays and none is carried.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExplodeConfig {
    /// Path of the array.
    #[schemars(with = "String")]
    field: Path,
    /// Paths of the fields to carry along; each goes by its last name. Those that are missing are left out.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    carry: Vec<Path>,
    /// Name of the field for elements that are no objects (default: the last name of `field`).
    into: Option<String>,
    /// What becomes of an event whose field is missing or no array.
    #[serde(default)]
    missing: Missing,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Missing {
    /// It fails (reason `not_an_array`).
    #[default]
    Fail,
    /// It passes as it is.
    Pass,
}

/// What all instances share.
struct Plan {
    field: Path,
    carry: Vec<Carried>,
    into: Member,
    missing: Missing,
}

struct Carried {
    from: Path,
    member: Member,
}

struct Member {
    name: String,
    /// The name as a path inside an element.
    path: Path,
    /// The name as JSON, with the colon.
    key: Vec<u8>,
}

impl Member {
    fn new(name: String) -> Result<Self, ConfigError> {
        Ok(Self {
            path: as_path(&name)?,
            key: format!("{}:", Value::from(&*name)).into_bytes(),
            name,
        })
    }
}

fn build(params: Value) -> Result<Factory, ConfigError> {
    let config: ExplodeConfig = parse(params)?;
    let name_of = |path: &Path, key: &str| {
        let message = || format!("{path} ends with an index, expected a name");
        last_name(path).ok_or_else(|| ConfigError::new(key, message()))
    };
    let into = match config.into {
        Some(name) => name,
        None => name_of(&config.field, "into")?,
    };
    let mut carry: Vec<Carried> = Vec::new();
    for (i, from) in config.carry.into_iter().enumerate() {
        let key = format!("carry[{i}]");
        let name = name_of(&from, &key)?;
        if name == into || carry.iter().any(|other| other.member.name == name) {
            let message = format!("the name {name:?} is taken, expected names that differ");
            return Err(ConfigError::new(key, message));
        }
        let member = Member::new(name)?;
        carry.push(Carried { from, member });
    }
    let plan = Arc::new(Plan {
        field: config.field,
        carry,
        into: Member::new(into)?,
        missing: config.missing,
    });
    Ok(Box::new(factory(move || Explode(Arc::clone(&plan)))))
}

struct Explode(Arc<Plan>);

impl Stage<Event> for Explode {
    fn process(&mut self, event: &mut Event, out: &mut Output<Event>) -> Result<Flow, StageError> {
        let plan = &*self.0;
        let array = match event.get(&plan.field) {
            Some(value) if value.kind() == JsonKind::Array => value,
            _ if plan.missing == Missing::Pass => return Ok(Flow::Pass),
            found => return Err(not_an_array(&plan.field, found)),
        };
        for element in array.elements() {
            let mut derived = out.spare().unwrap_or_default();
            derived
                .rebuild(|text| plan.write(event, &element, text))
                .map_err(|error| StageError::new(error.reason(), error.to_string()))?;
            out.emit(derived);
        }
        Ok(Flow::Consume)
    }
}

impl Plan {
    fn write(&self, event: &Event, element: &Found<'_>, text: &mut Vec<u8>) {
        text.push(b'{');
        let is_object = element.kind() == JsonKind::Object;
        for Carried { from, member } in &self.carry {
            if is_object && element.get(&member.path).is_some() {
                continue;
            }
            if let Some(value) = event.get(from) {
                text.extend_from_slice(&member.key);
                text.extend_from_slice(value.raw());
                text.push(b',');
            }
        }
        if is_object {
            // What follows the opening brace; an empty object leaves no place for the last comma.
            let rest = element.raw()[1..].trim_ascii_start();
            if rest == b"}" && text.last() == Some(&b',') {
                text.pop();
            }
            text.extend_from_slice(rest);
        } else {
            text.extend_from_slice(&self.into.key);
            text.extend_from_slice(element.raw());
            text.push(b'}');
        }
    }
}

#[cold]
fn not_an_array(field: &Path, found: Option<Found<'_>>) -> StageError {
    let message = match found {
        Some(value) => format!("{field} is {}, expected an array", value.kind()),
        None => format!("there is no {field}, expected an array"),
    };
    StageError::new("not_an_array", message)
}

#[cfg(test)]
mod tests {
    use crate::testing::{errors, run};

    #[test]
    fn each_element_becomes_an_event_in_order() {
        let sessions = "field = 'events'\ncarry = ['session', 'user.id']";
        let cases: &[(&str, &str, &[&str])] = &[
            (
                sessions,
                r#"{"session":12,"user":{"id":"u"},"events":[{"aid":1.0},{ "aid" : 2 },{},{ }]}"#,
                &[
                    r#"{"session":12,"id":"u","aid":1.0}"#,
                    r#"{"session":12,"id":"u","aid" : 2 }"#,
                    r#"{"session":12,"id":"u"}"#,
                    r#"{"session":12,"id":"u"}"#,
                    "consumed",
                ],
            ),
            (
                sessions,
                r#"{"session":1,"events":[{"session":2},{"x":{"session":3}}]}"#,
                &[
                    r#"{"session":2}"#,
                    r#"{"session":1,"x":{"session":3}}"#,
                    "consumed",
                ],
            ),
            (sessions, r#"{"events":[{}]}"#, &["{}", "consumed"]),
            (sessions, r#"{"session":1,"events":[]}"#, &["consumed"]),
            (
                "field = 'a.tags'\ncarry = ['id']",
                r#"{"id":1,"a":{"tags":["x",2,null,[3]]}}"#,
                &[
                    r#"{"id":1,"tags":"x"}"#,
                    r#"{"id":1,"tags":2}"#,
                    r#"{"id":1,"tags":null}"#,
                    r#"{"id":1,"tags":[3]}"#,
                    "consumed",
                ],
            ),
            (
                "field = 'a[0]'\ninto = 'b.\"c'",
                r#"{"a":[["x"]]}"#,
                &[r#"{"b.\"c":"x"}"#, "consumed"],
            ),
            (
                sessions,
                r#"{"events":{}}"#,
                &["failed: not_an_array: events is an object, expected an array"],
            ),
            (
                sessions,
                "{}",
                &["failed: not_an_array: there is no events, expected an array"],
            ),
            (
                "field = 'events'\nmissing = 'pass'",
                r#"{"events":1}"#,
                &[r#"{"events":1}"#],
            ),
        ];
        for (config, line, expected) in cases {
            // Twice, so that the second time is built from used objects.
            let twice = [*expected, *expected].concat();
            assert_eq!(run("explode", config, &[line, line]), twice, "{config}");
        }
    }

    #[test]
    fn names_that_would_meet_are_refused() {
        errors(
            "explode",
            &[
                (
                    "field = 'a[0]'",
                    "into: a[0] ends with an index, expected a name",
                ),
                (
                    "field = 'a'\ncarry = ['b[1]']",
                    "carry[0]: b[1] ends with an index",
                ),
                (
                    "field = 'a'\ncarry = ['b', 'c.b']",
                    "carry[1]: the name \"b\" is taken",
                ),
                (
                    "field = 'a'\ncarry = ['x.a']",
                    "carry[0]: the name \"a\" is taken",
                ),
                (
                    "field = 'a'\nmissing = 'drop'",
                    "missing: unknown variant `drop`, expected `fail` or `pass`",
                ),
                ("carry = ['b']", "missing field `field`"),
            ],
        );
    }
}
