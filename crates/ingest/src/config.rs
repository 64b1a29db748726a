use std::fmt;

use bytesize::ByteSize;
use schemars::{JsonSchema, Schema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{DemoConfig, FileConfig, HttpConfig, Source, StdinConfig, TcpConfig};

/// The longest that a line or a body may be: chunks are addressed by 32 bits.
const LONGEST: u64 = 1 << 30;

/// A kind of source.
pub struct Kind {
    /// Its `type` in a configuration.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The JSON schema of its table, without `type`.
    pub schema: fn() -> Schema,
    build: fn(Value) -> Result<Box<dyn Source>, ConfigError>,
}

/// Every kind of source there is.
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
            name: "http",
            summary: "newline-framed events from the bodies of HTTP requests, acknowledged",
            schema: schema::<HttpConfig>,
            build: |params| read::<HttpConfig>(params)?.checked(),
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

/// Makes the source of this kind. `params` is its table without `type`.
///
/// # Errors
/// Names the key at fault, its value, and what was expected; for a key or a kind that does not
/// exist, the nearest one that does.
pub fn build(kind: &str, params: Value) -> Result<Box<dyn Source>, ConfigError> {
    match kinds().iter().find(|known| known.name == kind) {
        Some(known) => (known.build)(params),
        None => {
            let names: Vec<_> = kinds().iter().map(|known| known.name).collect();
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
    pub(crate) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
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

/// `max_line` in bytes.
pub(crate) fn max_line(size: ByteSize) -> Result<usize, ConfigError> {
    addressable("max_line", size)
}

/// A size of `key` that the spans of a chunk can address.
pub(crate) fn addressable(key: &str, size: ByteSize) -> Result<usize, ConfigError> {
    let bytes = size.as_u64();
    match usize::try_from(bytes) {
        Ok(fits) if (1..=LONGEST).contains(&bytes) => Ok(fits),
        _ => Err(ConfigError::new(
            key,
            format!("{bytes} bytes, expected 1 B to 1 GiB"),
        )),
    }
}

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

/// The default of `max_line`.
pub(crate) fn default_max_line() -> ByteSize {
    ByteSize::mib(1)
}

fn schema<T: JsonSchema>() -> Schema {
    schema_for!(T)
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(params).map_err(|error| {
        let key = error.path().to_string();
        let mut message = error.inner().to_string();
        if let Some(hint) = unknown_field(&message) {
            message.push_str(&hint);
        }
        ConfigError::new(if key == "." { String::new() } else { key }, message)
    })
}

/// What to say after serde's "unknown field `x`, expected ...".
fn unknown_field(message: &str) -> Option<String> {
    let mut quoted = message
        .strip_prefix("unknown field ")?
        .split('`')
        .skip(1)
        .step_by(2);
    let unknown = quoted.next()?;
    Some(nearest(unknown, &quoted.collect::<Vec<_>>()))
}

/// A hint at the known name that is most like `unknown`, if any is much like it.
fn nearest(unknown: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(unknown, name), name))
        .filter(|(edits, _)| *edits <= unknown.len().div_ceil(3))
        .min_by_key(|(edits, _)| *edits)
        .map_or_else(String::new, |(_, name)| {
            format!(" (did you mean `{name}`?)")
        })
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
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
            ("http", json!({}), "", "missing field `listen`"),
            (
                "http",
                json!({ "listen": "nowhere" }),
                "listen",
                "`nowhere`, expected an address with a port",
            ),
            (
                "http",
                json!({ "listen": "a:1", "max_connections": 0 }),
                "max_connections",
                "expected at least 1",
            ),
            (
                "http",
                json!({ "listen": "a:1", "max_body": "2GiB" }),
                "max_body",
                "expected 1 B to 1 GiB",
            ),
            (
                "http",
                json!({ "listen": "a:1", "timeout": "0s" }),
                "timeout",
                "0s, expected a time",
            ),
            (
                "http",
                json!({ "listen": "a:1", "ack": "soon" }),
                "ack",
                "unknown variant `soon`, expected one of `received`, `durable`, `delivered`",
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
            (
                "http",
                json!({ "listen": "127.0.0.1:0", "idle": "0", "ack": "durable" }),
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
    fn a_source_that_acknowledges_what_is_durable_needs_a_journal() {
        for (ack, needs) in [
            (json!("durable"), true),
            (json!("delivered"), false),
            (Value::Null, false),
        ] {
            let source = build("http", json!({ "listen": "a:1", "ack": ack })).unwrap();
            assert_eq!(source.needs_journal(), needs, "{ack}");
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
