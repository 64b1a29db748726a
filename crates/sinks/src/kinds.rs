use schemars::schema_for;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::config::{ConfigError, parse, unknown};
use crate::{BlackholeConfig, FileConfig, HttpConfig, Sink, SinkOptions, StdoutConfig, TcpConfig};

/// A kind of sink that a configuration can name.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The value of `type`.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The JSON Schema of its own settings, without `type` and without [`SinkOptions`].
    pub schema: fn() -> schemars::Schema,
    /// Builds it from its own settings, without `type` and without [`SinkOptions`].
    pub build: fn(Value) -> Result<Box<dyn Sink>, ConfigError>,
}

/// Every kind of sink in this crate. Others come from crates of their own, and whoever composes them
/// passes all to [`build`].
pub fn kinds() -> &'static [Kind] {
    &[
        Kind {
            name: "stdout",
            summary: "writes rows to standard output; ends quietly when its reader is gone",
            schema: || schema_for!(StdoutConfig),
            build: |params| own::<StdoutConfig>(params, |_| Ok(())),
        },
        Kind {
            name: "file",
            summary: "appends rows to a file, with rotation and optional sync",
            schema: || schema_for!(FileConfig),
            build: |params| own(params, FileConfig::validate),
        },
        Kind {
            name: "tcp",
            summary: "sends rows over a TCP connection and connects again when it breaks",
            schema: || schema_for!(TcpConfig),
            build: |params| own(params, TcpConfig::validate),
        },
        Kind {
            name: "http",
            summary: "sends rows in batches as the bodies of POST requests",
            schema: || schema_for!(HttpConfig),
            build: |params| own(params, HttpConfig::validate),
        },
        Kind {
            name: "blackhole",
            summary: "takes rows and keeps nothing; can fail now and then, for tests",
            schema: || schema_for!(BlackholeConfig),
            build: |params| own(params, BlackholeConfig::validate),
        },
    ]
}

/// Builds a sink of one of `kinds` from its table without `type`. The table may still hold the settings of
/// [`SinkOptions`]: they are checked and set aside.
///
/// # Errors
/// [`ConfigError`] for an unknown kind or key, with the nearest known one, or a value that does not
/// fit.
pub fn build(kinds: &[Kind], kind: &str, params: Value) -> Result<Box<dyn Sink>, ConfigError> {
    let mut table = match params {
        Value::Object(table) => table,
        Value::Null => Map::new(),
        other => {
            return Err(ConfigError::new(
                "",
                format!("found {other}, expected a table"),
            ));
        }
    };
    SinkOptions::take(&mut table)?;
    match kinds.iter().find(|known| known.name == kind) {
        Some(known) => (known.build)(Value::Object(table)),
        None => {
            let known: Vec<_> = kinds.iter().map(|kind| kind.name).collect();
            Err(ConfigError::new("type", unknown("sink type", kind, &known)))
        }
    }
}

/// Reads the settings of a kind and has them validated: what its `build` does.
///
/// # Errors
/// [`ConfigError`] for an unknown key, with the nearest known one, or a value that does not fit.
pub fn own<T: Sink + DeserializeOwned + 'static>(
    params: Value,
    validate: impl FnOnce(&T) -> Result<(), ConfigError>,
) -> Result<Box<dyn Sink>, ConfigError> {
    let config: T = parse(params, SinkOptions::keys())?;
    validate(&config)?;
    Ok(Box::new(config))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_builds_and_has_a_schema() {
        for kind in kinds() {
            let params = match kind.name {
                "file" => json!({ "path": "out.ndjson" }),
                "tcp" => json!({ "address": "127.0.0.1:7000" }),
                "http" => json!({ "url": "http://127.0.0.1:7000/in?token=x" }),
                _ => json!({ "required": false }),
            };
            build(kinds(), kind.name, params)
                .unwrap_or_else(|error| panic!("{}: {error}", kind.name));
            assert_eq!((kind.schema)().get("type"), Some(&json!("object")));
        }
    }

    #[test]
    fn a_bad_sink_names_its_key_and_what_was_expected() {
        let file = |more: Value| {
            let mut table = json!({ "path": "x" });
            table
                .as_object_mut()
                .expect("a table")
                .extend(more.as_object().expect("a table").clone());
            table
        };
        let http = |more: Value| {
            let mut table = json!({ "url": "http://a/" });
            table
                .as_object_mut()
                .expect("a table")
                .extend(more.as_object().expect("a table").clone());
            table
        };
        for (kind, params, key, part) in [
            ("fiel", json!({}), "type", "did you mean \"file\"?"),
            ("kafka", json!({}), "type", "expected one of stdout, file"),
            ("file", json!({}), "", "missing field `path`"),
            ("file", json!("x"), "", "expected a table"),
            ("file", json!({ "path": "" }), "path", "expected"),
            (
                "file",
                file(json!({ "snyc": true })),
                "snyc",
                "did you mean \"sync\"?",
            ),
            (
                "file",
                file(json!({ "requird": true })),
                "requird",
                "did you mean \"required\"?",
            ),
            (
                "file",
                file(json!({ "sync": 1 })),
                "sync",
                "expected a boolean",
            ),
            (
                "file",
                file(json!({ "rotate": {} })),
                "rotate",
                "expected `size` or `every`",
            ),
            (
                "file",
                file(json!({ "rotate": { "size": "1" } })),
                "rotate.size",
                "at least 4",
            ),
            (
                "file",
                file(json!({ "rotate": { "every": "1ms" } })),
                "rotate.every",
                "at least 1s",
            ),
            (
                "file",
                file(json!({ "rotate": { "every": "soon" } })),
                "rotate.every",
                "duration",
            ),
            (
                "file",
                file(json!({ "rotate": { "kep": 1 } })),
                "rotate.kep",
                "did you mean \"keep\"?",
            ),
            (
                "tcp",
                json!({ "address": "nowhere" }),
                "address",
                "expected host:port",
            ),
            (
                "tcp",
                json!({ "address": "a:70000" }),
                "address",
                "expected host:port",
            ),
            (
                "tcp",
                json!({ "address": "a:1", "connect_timeout": "0s" }),
                "connect_timeout",
                "at least",
            ),
            ("http", json!({}), "", "missing field `url`"),
            (
                "http",
                http(json!({ "url": "collector" })),
                "url",
                "expected one such as",
            ),
            (
                "http",
                http(json!({ "url": "ftp://a/b" })),
                "url",
                "no URL of a server",
            ),
            (
                "http",
                http(json!({ "url": "http://a b/" })),
                "url",
                "this is no URL",
            ),
            (
                "http",
                http(json!({ "headers": { "x": 1 } })),
                "headers.x",
                "expected a text or { file",
            ),
            (
                "http",
                http(json!({ "headers": { "x y": "z" } })),
                "headers.x y",
                "no name of a header",
            ),
            (
                "http",
                http(json!({ "headers": { "Content-Type": "text/plain" } })),
                "headers.Content-Type",
                "sets this header itself",
            ),
            (
                "http",
                http(json!({ "batch": { "events": 0 } })),
                "batch.events",
                "at least 1",
            ),
            (
                "http",
                http(json!({ "batch": { "bytes": 0 } })),
                "batch.bytes",
                "at least 1",
            ),
            (
                "http",
                http(json!({ "batch": { "bytes": "2MiB" } })),
                "batch.bytes",
                "at most 1MiB",
            ),
            (
                "http",
                http(json!({ "timeout": "0s" })),
                "timeout",
                "at least 1ms",
            ),
            (
                "http",
                http(json!({ "gzp": true })),
                "gzp",
                "did you mean \"gzip\"?",
            ),
            ("stdout", json!({ "path": "x" }), "path", "unknown key"),
        ] {
            let error = build(kinds(), kind, params.clone()).err().expect("refused");
            assert_eq!(error.key, key, "{kind} {params}: {error}");
            assert!(error.message.contains(part), "{kind} {params}: {error}");
        }
    }

    #[test]
    fn a_secret_is_never_part_of_a_message() {
        for params in [
            json!({ "url": "http://user:hunter22@host/" }),
            json!({ "url": "nowhere://host/?token=hunter22" }),
            json!({ "url": "http://host/", "headers": { "authorization": "hunter22\n" } }),
        ] {
            let error = build(kinds(), "http", params).err().expect("refused");
            assert!(!error.to_string().contains("hunter22"), "{error}");
        }
        let config: HttpConfig = serde_json::from_value(json!({
            "url": "http://host/?token=hunter22",
            "headers": { "authorization": "Bearer hunter22" },
        }))
        .expect("valid");
        assert!(!format!("{config:?}").contains("hunter22"), "{config:?}");
    }
}
