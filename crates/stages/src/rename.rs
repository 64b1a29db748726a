//! `rename`: moves fields.

use std::collections::BTreeMap;

use millpond_engine::{Flow, Output, stateless};
use millpond_event::{Event, Path};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::ConfigError;
use crate::config::{join, parse};
use crate::kinds::{Factory, Kind};
use crate::set::bad_edit;

pub(crate) const KIND: Kind = Kind {
    name: "rename",
    summary: "moves fields to other names or places",
    example: r#"
type = "rename"
fields = { uid = "user_id", "context.page" = "page" }
"#,
    schema: || schema_for!(RenameConfig),
    build,
};

/// Moves fields: either one `field` to `to`, or several by `fields`. A field that is missing is no
/// error; one that is in the way is replaced. A field that keeps its parent keeps its place.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RenameConfig {
    /// Path of the field to move.
    #[schemars(with = "Option<String>")]
    field: Option<Path>,
    /// Path to move it to.
    #[schemars(with = "Option<String>")]
    to: Option<Path>,
    /// New paths by old ones, moved in the order of the old paths' spelling. No path may occur twice.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    fields: Option<BTreeMap<String, Path>>,
}

fn build(params: Value) -> Result<Factory, ConfigError> {
    let moves: Vec<(Path, Path)> = match parse(params)? {
        RenameConfig {
            field: Some(from),
            to: Some(to),
            fields: None,
        } => vec![(from, to)],
        RenameConfig {
            field: None,
            to: None,
            fields: Some(fields),
        } if !fields.is_empty() => {
            let from = |name: &str| {
                let error = |error: millpond_event::PathError| {
                    ConfigError::new(join("fields", name), error.to_string())
                };
                Path::parse(name).map_err(error)
            };
            let moves = fields.into_iter().map(|(name, to)| Ok((from(&name)?, to)));
            moves.collect::<Result<_, ConfigError>>()?
        }
        _ => {
            let message = "expected either `field` and `to`, or `fields` with at least one path";
            return Err(ConfigError::new("", message));
        }
    };
    // With a path on both sides the outcome would hang on the order of the moves.
    let paths: Vec<&Path> = moves.iter().flat_map(|(from, to)| [from, to]).collect();
    for (i, path) in paths.iter().enumerate() {
        if paths[..i].contains(path) {
            let key = if moves.len() == 1 { "to" } else { "fields" };
            let message = format!("the path {path} occurs twice, expected different paths");
            return Err(ConfigError::new(key, message));
        }
    }
    Ok(Box::new(stateless(
        move |event: &mut Event, _: &mut Output<Event>| {
            for (from, to) in &moves {
                event.rename(from, to).map_err(bad_edit)?;
            }
            Ok(Flow::Pass)
        },
    )))
}

#[cfg(test)]
mod tests {
    use crate::testing::{errors, run};

    #[test]
    fn fields_move_and_keep_their_spelling() {
        let cases = [
            (
                "field = 'a'\nto = 'b'",
                r#"{"a":1.10,"c":2}"#,
                r#"{"b":1.10,"c":2}"#,
            ),
            ("field = 'a'\nto = 'b'", r#"{"c":2}"#, r#"{"c":2}"#),
            (
                "field = 'a'\nto = 'x.y'",
                r#"{"a":1.10,"c":2}"#,
                r#"{"c":2,"x":{"y":1.10}}"#,
            ),
            (
                "fields = { a = 'x', 'b.c' = 'y' }",
                r#"{"a":1,"b":{"c":2}}"#,
                r#"{"x":1,"b":{},"y":2}"#,
            ),
            (
                "field = 'a'\nto = 'b.c'",
                r#"{"a":1,"b":2}"#,
                "failed: bad_edit: ",
            ),
        ];
        for (config, line, expected) in cases {
            let seen = run("rename", config, &[line]);
            assert!(
                seen.len() == 1 && seen[0].starts_with(expected),
                "{config}: {seen:?}"
            );
        }
    }

    #[test]
    fn moves_that_hang_on_their_order_are_refused() {
        errors(
            "rename",
            &[
                ("", "expected either `field` and `to`, or `fields`"),
                (
                    "field = 'a'",
                    "expected either `field` and `to`, or `fields`",
                ),
                (
                    "field = 'a'\nto = '\"a\"'",
                    "to: the path \"a\" occurs twice",
                ),
                (
                    "fields = { a = 'b', b = 'c' }",
                    "fields: the path b occurs twice",
                ),
                (
                    "fields = { a = 'b', c = 'b' }",
                    "fields: the path b occurs twice",
                ),
                ("fields = { 'a[' = 'b' }", "fields.a[: "),
                ("fields = { a = 1 }", "fields.a: invalid type: integer `1`"),
            ],
        );
    }
}
