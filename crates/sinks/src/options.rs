use bytesize::ByteSize;
use millpond_queue::Limits;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::config::parse;
use crate::{ConfigError, RetryOptions};

/// The keys of [`SinkOptions`].
const KEYS: [&str; 4] = ["required", "on_full", "queue", "retry"];

/// The settings that every sink has, whatever its kind.
///
/// ```toml
/// [sinks.features]
/// type = "file"
/// path = "out/features.ndjson"
/// required = true                                 # default
/// on_full = "block"                               # default; or "drop"
/// queue = { events = 65536, bytes = "16MiB" }     # default
/// retry = { first = "100ms", longest = "60s", attempts = 0, open_after = 5 } # default
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SinkOptions {
    /// Whether an input counts as delivered only once this sink has confirmed its rows. A
    /// best-effort sink never holds an input open.
    pub required: bool,
    /// What happens to rows that find the sink's room full.
    pub on_full: OnFull,
    /// The bounds of the room in front of the sink.
    pub queue: QueueOptions,
    /// What happens when the destination fails.
    pub retry: RetryOptions,
}

impl Default for SinkOptions {
    fn default() -> Self {
        SinkOptions {
            required: true,
            on_full: OnFull::Block,
            queue: QueueOptions::default(),
            retry: RetryOptions::default(),
        }
    }
}

impl SinkOptions {
    /// Takes the common settings out of a sink's table and leaves the sink's own in it.
    ///
    /// # Errors
    /// [`ConfigError`] for a value that does not fit, naming its key.
    pub fn take(table: &mut Map<String, Value>) -> Result<Self, ConfigError> {
        let common: Map<String, Value> = KEYS
            .iter()
            .filter_map(|key| table.remove_entry(*key))
            .collect();
        let options: SinkOptions = parse(Value::Object(common), &[])?;
        for (key, zero) in [
            ("queue.events", options.queue.events == 0),
            ("queue.bytes", options.queue.bytes.as_u64() == 0),
        ] {
            if zero {
                return Err(ConfigError::new(
                    key,
                    "0 lets nothing through, expected at least 1",
                ));
            }
        }
        options.retry.validate()?;
        Ok(options)
    }

    /// The JSON Schema of these settings.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(SinkOptions)
    }

    pub(crate) fn keys() -> &'static [&'static str] {
        &KEYS
    }
}

/// What happens to rows that find a sink's room full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum OnFull {
    /// They wait, and in the end so do the sources.
    #[default]
    Block,
    /// They are dropped and counted.
    Drop,
}

impl<'de> Deserialize<'de> for OnFull {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "block" => Ok(OnFull::Block),
            "drop" => Ok(OnFull::Drop),
            "buffer" => Err(D::Error::custom(
                "\"buffer\" needs a disk buffer, which this release does not have, \
                 expected \"block\" or \"drop\"",
            )),
            other => Err(D::Error::custom(format!(
                "{other:?} is no way to deal with a full queue, expected \"block\" or \"drop\""
            ))),
        }
    }
}

/// The bounds of the room in front of a sink; both hold.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QueueOptions {
    /// At most this many rows.
    pub events: u64,
    /// At most this many bytes, such as `"16MiB"`.
    #[schemars(with = "String")]
    pub bytes: ByteSize,
}

impl Default for QueueOptions {
    fn default() -> Self {
        QueueOptions {
            events: 65_536,
            bytes: ByteSize::mib(16),
        }
    }
}

impl QueueOptions {
    /// The same as the limits of a room.
    pub fn limits(&self) -> Limits {
        Limits {
            events: self.events,
            bytes: self.bytes.as_u64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn take(table: Value) -> Result<SinkOptions, ConfigError> {
        let Value::Object(mut table) = table else {
            panic!("a table")
        };
        SinkOptions::take(&mut table)
    }

    #[test]
    fn a_sink_without_options_is_required_and_blocks() {
        let mut table = Map::from_iter([("path".to_owned(), json!("x"))]);
        let options = SinkOptions::take(&mut table).expect("valid");
        assert_eq!(options, SinkOptions::default());
        assert!(options.required);
        assert_eq!(table.len(), 1, "the sink's own keys stay");
    }

    #[test]
    fn options_are_read_and_removed() {
        let mut table = Map::from_iter([
            ("required".to_owned(), json!(false)),
            ("on_full".to_owned(), json!("drop")),
            ("queue".to_owned(), json!({ "bytes": "1MiB" })),
        ]);
        let options = SinkOptions::take(&mut table).expect("valid");
        assert!(table.is_empty());
        assert!(!options.required);
        assert_eq!(options.on_full, OnFull::Drop);
        assert_eq!(options.queue.limits().bytes, 1 << 20);
        assert_eq!(options.queue.limits().events, 65_536);
    }

    #[test]
    fn a_bad_option_names_its_key_and_what_was_expected() {
        for (table, key, part) in [
            (json!({ "on_full": "buffer" }), "on_full", "disk buffer"),
            (
                json!({ "on_full": "shed" }),
                "on_full",
                "expected \"block\"",
            ),
            (
                json!({ "required": "yes" }),
                "required",
                "expected a boolean",
            ),
            (
                json!({ "queue": { "byte": 1 } }),
                "queue.byte",
                "did you mean \"bytes\"?",
            ),
            (json!({ "queue": { "events": -1 } }), "queue.events", "-1"),
            (
                json!({ "queue": { "events": 0 } }),
                "queue.events",
                "at least 1",
            ),
            (
                json!({ "retry": { "first": "0s" } }),
                "retry.first",
                "at least 1ms",
            ),
            (
                json!({ "retry": { "longest": "50ms" } }),
                "retry.longest",
                "at least 100ms",
            ),
            (
                json!({ "retry": { "open_after": 0 } }),
                "retry.open_after",
                "at least 1",
            ),
            (
                json!({ "retry": { "attempt": 1 } }),
                "retry.attempt",
                "did you mean \"attempts\"?",
            ),
            (
                json!({ "queue": { "bytes": "much" } }),
                "queue.bytes",
                "much",
            ),
        ] {
            let error = take(table.clone()).expect_err("refused");
            assert_eq!(error.key, key, "{table}");
            assert!(error.message.contains(part), "{error}");
        }
    }
}
