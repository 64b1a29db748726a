use std::fmt;

use schemars::Schema;
use serde_json::Value;

use crate::settings::{list, nearest, read, schema};
use crate::{DemoConfig, FileConfig, Source, StdinConfig, TcpConfig};

/// A kind of source.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its `type` in a configuration.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The JSON schema of its table, without `type`.
    pub schema: fn() -> Schema,
    /// Builds it from its table, without `type`.
    pub build: fn(Value) -> Result<Box<dyn Source>, ConfigError>,
}

/// Every kind of source in this crate. Others come from crates of their own, and whoever composes them
/// passes all to [`build_of`].
pub fn kinds() -> &'static [Kind] {
    &[
        Kind {
            name: "tcp",
            summary: "newline-framed events from TCP connections",
            schema: schema::<TcpConfig>,
            build: |params| {
                let config = read::<TcpConfig>(params)?;
                let source = config.clone().checked()?;
                a_line_fits(&config)?;
                Ok(source)
            },
        },
        Kind {
            name: "stdin",
            summary: "newline-framed events from standard input, to its end",
            schema: schema::<StdinConfig>,
            build: |params| read::<StdinConfig>(params)?.checked(),
        },
        Kind {
            name: "file",
            summary: "newline-framed events from files, to their end or followed as they grow",
            schema: schema::<FileConfig>,
            build: |params| read::<FileConfig>(params)?.checked(),
        },
        Kind {
            name: "demo",
            summary: "synthetic shoppers at a steady rate with bursts",
            schema: schema::<DemoConfig>,
            build: |params| read::<DemoConfig>(params)?.checked(),
        },
    ]
}

/// Makes the source of this kind, one of this crate. `params` is its table without `type`.
///
/// # Errors
/// As [`build_of`].
pub fn build(kind: &str, params: Value) -> Result<Box<dyn Source>, ConfigError> {
    build_of(kinds(), kind, params)
}

/// Makes the source of this kind, one of `kinds`. `params` is its table without `type`.
///
/// # Errors
/// Names the key at fault, its value, and what was expected; for a key or a kind that does not
/// exist, the nearest one that does.
pub fn build_of(kinds: &[Kind], kind: &str, params: Value) -> Result<Box<dyn Source>, ConfigError> {
    match kinds.iter().find(|known| known.name == kind) {
        Some(known) => (known.build)(params),
        None => {
            let names: Vec<_> = kinds.iter().map(|known| known.name).collect();
            let message = format!(
                "unknown source `{kind}`{}, expected one of {}",
                nearest(kind, &names),
                list(&names)
            );
            Err(ConfigError::new("type", message))
        }
    }
}

/// A table that does not configure a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The key at fault, as a path inside the source's table; empty for the table as a whole.
    pub key: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl ConfigError {
    /// An error at a key.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        ConfigError {
            key: key.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

/// A line that is allowed must not be what closes its connection.
fn a_line_fits(config: &TcpConfig) -> Result<(), ConfigError> {
    let TcpConfig {
        partial, max_line, ..
    } = config;
    if partial < max_line {
        let message = format!(
            "{partial} cannot hold a line of `max_line`, which is {max_line}: expected at least that"
        );
        return Err(ConfigError::new("partial", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bad_table_is_refused_with_key_value_and_what_was_expected() {
        let cases = [
            ("tpc", json!({}), "type", "did you mean `tcp`?"),
            ("tcp", json!({}), "", "missing field `listen`"),
            (
                "tcp",
                json!({ "listen": 7071 }),
                "listen",
                "invalid type: integer `7071`, expected a string",
            ),
            (
                "tcp",
                json!({ "listen": "a:1", "max_conections": 1 }),
                "max_conections",
                "did you mean `max_connections`?",
            ),
            (
                "tcp",
                json!({ "listen": "a:1", "max_connections": 0 }),
                "max_connections",
                "expected at least 1",
            ),
            (
                "tcp",
                json!({ "listen": "a:1", "max_line": "0" }),
                "max_line",
                "0 bytes, expected 1 B to 1 GiB",
            ),
            (
                "tcp",
                json!({ "listen": "a:1", "max_line": "2GiB" }),
                "max_line",
                "expected 1 B to 1 GiB",
            ),
            (
                "tcp",
                json!({ "listen": "a:1", "max_line": "much" }),
                "max_line",
                "much",
            ),
            (
                "tcp",
                json!({ "listen": "a:1", "idle": "soon" }),
                "idle",
                "soon",
            ),
            (
                "tcp",
                json!({ "listen": "a:1", "max_line": "32MiB" }),
                "partial",
                "16.0 MiB cannot hold a line of `max_line`, which is 32.0 MiB",
            ),
            (
                "tcp",
                json!({ "listen": "nowhere" }),
                "listen",
                "`nowhere`, expected an address with a port",
            ),
            (
                "stdin",
                json!({ "path": "x" }),
                "path",
                "unknown field `path`",
            ),
            (
                "file",
                json!({ "path": [] }),
                "path",
                "expected at least one path",
            ),
            (
                "file",
                json!({ "path": 3 }),
                "path",
                "expected a path or a list of paths",
            ),
            (
                "demo",
                json!({ "burst": { "evry": "1s" } }),
                "burst.evry",
                "did you mean `every`?",
            ),
            ("demo", json!({ "bad": 1.5 }), "bad", "1.5, expected 0 to 1"),
            (
                "demo",
                json!({ "users": 0 }),
                "users",
                "expected at least 1",
            ),
        ];
        for (kind, params, key, message) in cases {
            let said = format!("{kind} {params}");
            let Err(error) = build(kind, params) else {
                panic!("{said} was taken")
            };
            assert_eq!(error.key, key, "{said}: {error}");
            assert!(error.message.contains(message), "{said}: {error}");
        }
    }

    #[test]
    fn a_table_of_defaults_is_enough() {
        for (kind, params) in [
            (
                "tcp",
                json!({ "listen": "127.0.0.1:0", "idle": "0", "partial": "1MiB", "max_line": "64KiB" }),
            ),
            ("stdin", json!({})),
            ("file", json!({ "path": "a.ndjson" })),
            (
                "file",
                json!({ "path": ["a.ndjson", "b.ndjson"], "follow": true }),
            ),
            ("demo", json!({})),
            ("demo", json!({ "burst": { "factor": 1 } })),
        ] {
            assert!(build(kind, params.clone()).is_ok(), "{kind} {params}");
        }
    }

    #[test]
    fn every_kind_has_a_schema_of_its_keys() {
        for kind in kinds() {
            let schema = (kind.schema)();
            let keys = schema.get("properties").and_then(Value::as_object);
            assert!(keys.is_some_and(|keys| !keys.is_empty()), "{}", kind.name);
        }
    }
}
