use std::path::PathBuf;

use bytesize::ByteSize;
use millpond_queue::Limits;
use millpond_store::buffer::LEAST;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::config::parse;
use crate::{ConfigError, RetryOptions};

/// The keys of [`SinkOptions`].
const KEYS: [&str; 5] = ["required", "on_full", "buffer", "queue", "retry"];

/// The settings that every sink has, whatever its kind.
///
/// ```toml
/// [sinks.features]
/// type = "file"
/// path = "out/features.ndjson"
/// required = true                                 # default
/// on_full = "block"                               # default; or "drop", or "buffer" with a `buffer`
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
    /// Where rows are kept with `on_full = "buffer"`.
    pub buffer: Option<BufferOptions>,
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
            buffer: None,
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
        match (options.on_full, &options.buffer) {
            (OnFull::Buffer, Some(buffer)) => buffer.validate()?,
            (OnFull::Buffer, None) => {
                let message = "\"buffer\" says where rows go, expected buffer = { dir = \"data/NAME\" } beside it";
                return Err(ConfigError::new("on_full", message));
            }
            (_, Some(_)) => {
                let message = "is used with on_full = \"buffer\" alone, expected that beside it";
                return Err(ConfigError::new("buffer", message));
            }
            (_, None) => {}
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
    /// They go to disk, and those behind them too, until the sink has taken all of them.
    Buffer,
}

impl<'de> Deserialize<'de> for OnFull {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "block" => Ok(OnFull::Block),
            "drop" => Ok(OnFull::Drop),
            "buffer" => Ok(OnFull::Buffer),
            other => Err(D::Error::custom(format!(
                "{other:?} is no way to deal with a full queue, expected \"block\", \"drop\" or \"buffer\""
            ))),
        }
    }
}

/// The disk buffer of a sink.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BufferOptions {
    /// The folder to keep it in; made if it is not there. It is this sink's alone.
    pub dir: PathBuf,
    /// What it may take up on disk, such as `"10GiB"`; at least 16 MiB. When it is full, rows wait.
    #[serde(default = "ten_gib")]
    #[schemars(with = "String")]
    pub max: ByteSize,
}

fn ten_gib() -> ByteSize {
    ByteSize::gib(10)
}

impl BufferOptions {
    fn validate(&self) -> Result<(), ConfigError> {
        if self.dir.as_os_str().is_empty() {
            let message = "\"\" is no folder, expected a path";
            return Err(ConfigError::new("buffer.dir", message));
        }
        if self.max.as_u64() < LEAST {
            let message = format!(
                "{} is too small, expected at least {}",
                self.max,
                ByteSize(LEAST)
            );
            return Err(ConfigError::new("buffer.max", message));
        }
        Ok(())
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
            (
                json!({ "on_full": "buffer" }),
                "on_full",
                "expected buffer = {",
            ),
            (
                json!({ "buffer": { "dir": "b" } }),
                "buffer",
                "expected that beside it",
            ),
            (
                json!({ "on_full": "buffer", "buffer": { "max": "1GiB" } }),
                "buffer",
                "dir",
            ),
            (
                json!({ "on_full": "buffer", "buffer": { "dir": "" } }),
                "buffer.dir",
                "expected a path",
            ),
            (
                json!({ "on_full": "buffer", "buffer": { "dir": "b", "max": "1MiB" } }),
                "buffer.max",
                "at least 16.0 MiB",
            ),
            (
                json!({ "on_full": "buffer", "buffer": { "dir": "b", "min": 1 } }),
                "buffer.min",
                "did you mean \"dir\"?",
            ),
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
