use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use millpond_ingest::settings::{addressable, default_max_line, max_line, read, schema};
use millpond_ingest::{ConfigError, Kind, Source, listener};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::source::{Http, Limits};

/// The kind `http`, for whoever composes the kinds of sources.
pub const KIND: Kind = Kind {
    name: "http",
    summary: "events from the bodies of HTTP requests, acknowledged",
    schema: schema::<HttpConfig>,
    build: |params| read::<HttpConfig>(params)?.checked(),
};

/// Newline-framed events from the bodies of HTTP requests: `type = "http"`.
///
/// ```toml
/// [sources.web]
/// type = "http"
/// listen = "127.0.0.1:7070"
/// max_connections = 1000    # more are accepted and closed at once
/// max_line = "1MiB"         # longer lines are refused
/// max_body = "8MiB"         # larger requests are answered with 413
/// idle = "1m"               # a connection that asks nothing for this long is closed; "0" = never
/// timeout = "30s"           # a request that took longer is answered with 503
/// ack = "delivered"         # received, durable or delivered
/// ```
///
/// `POST /v1/events` takes lines of JSON. Each connection is a partition, and its events keep their order.
/// A request is all or nothing up to the hand-over: its body is read whole, under a permit for its whole size,
/// before any of it goes on. The answer comes when [`Ack`] is reached; any answer but 200 means that the sender
/// should send again, or that it never can.
///
/// Connections that the source closes by itself are counted by reason: `connection_limit`, `idle`, `slow_body`,
/// `body_too_large`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The address to listen on, with its port; port 0 picks a free one.
    pub listen: String,
    /// The most connections at a time.
    #[serde(default = "default_max_connections")]
    pub max_connections: u64,
    /// The longest line in bytes, its newline not counted.
    #[serde(default = "default_max_line")]
    #[schemars(with = "String")]
    pub max_line: ByteSize,
    /// The largest body of a request.
    #[serde(default = "default_max_body")]
    #[schemars(with = "String")]
    pub max_body: ByteSize,
    /// How long a connection may ask nothing; zero for ever.
    #[serde(default = "default_idle", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub idle: Duration,
    /// How long a request may take, from its head to its answer.
    #[serde(default = "default_timeout", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub timeout: Duration,
    /// What has to be true of the events before a request is answered: `durable` where there is a journal and
    /// `received` where there is none, unless told otherwise.
    #[serde(default)]
    pub ack: Option<Ack>,
}

/// What an answer of 200 says of the events of its request.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// They are in the bounded queues of the process.
    Received,
    /// The journal has them on stable storage.
    Durable,
    /// Each has its outcome: all required sinks have confirmed it, or it was filtered, set aside and so on.
    Delivered,
}

impl fmt::Display for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ack::Received => "received",
            Ack::Durable => "durable",
            Ack::Delivered => "delivered",
        })
    }
}

fn default_max_connections() -> u64 {
    1_000
}

fn default_max_body() -> ByteSize {
    ByteSize::mib(8)
}

fn default_idle() -> Duration {
    Duration::from_secs(60)
}

fn default_timeout() -> Duration {
    Duration::from_secs(30)
}

impl HttpConfig {
    fn checked(self) -> Result<Box<dyn Source>, ConfigError> {
        listener::checked(&self.listen)?;
        if self.max_connections == 0 {
            let message = "0, expected at least 1";
            return Err(ConfigError::new("max_connections", message));
        }
        if self.timeout.is_zero() {
            let message = "0s, expected a time in which a request can be answered";
            return Err(ConfigError::new("timeout", message));
        }
        Ok(Box::new(Http {
            max_connections: self.max_connections,
            limits: Limits {
                max_line: max_line(self.max_line)?,
                max_body: addressable("max_body", self.max_body)?,
                idle: (self.idle > Duration::ZERO).then_some(self.idle),
                timeout: self.timeout,
            },
            ack: self.ack,
            address: self.listen,
        }))
    }
}

#[cfg(test)]
mod tests {
    use millpond_ingest::build_of;
    use serde_json::{Value, json};

    use super::*;

    fn build(params: Value) -> Result<Box<dyn Source>, ConfigError> {
        build_of(&[KIND], "http", params)
    }

    #[test]
    fn a_bad_table_is_refused_with_key_value_and_what_was_expected() {
        let cases = [
            (json!({}), "", "missing field `listen`"),
            (
                json!({ "listen": "nowhere" }),
                "listen",
                "`nowhere`, expected an address with a port",
            ),
            (
                json!({ "listen": "a:1", "max_connections": 0 }),
                "max_connections",
                "expected at least 1",
            ),
            (
                json!({ "listen": "a:1", "max_body": "2GiB" }),
                "max_body",
                "expected 1 B to 1 GiB",
            ),
            (
                json!({ "listen": "a:1", "timeout": "0s" }),
                "timeout",
                "0s, expected a time",
            ),
            (
                json!({ "listen": "a:1", "ack": "soon" }),
                "ack",
                "unknown variant `soon`, expected one of `received`, `durable`, `delivered`",
            ),
        ];
        for (params, key, message) in cases {
            let said = params.to_string();
            let Err(error) = build(params) else {
                panic!("{said} was taken")
            };
            assert_eq!(error.key, key, "{said}: {error}");
            assert!(error.message.contains(message), "{said}: {error}");
        }
    }

    #[test]
    fn a_table_of_defaults_is_enough() {
        let params = json!({ "listen": "127.0.0.1:0", "idle": "0", "ack": "durable" });
        assert!(build(params).is_ok());
    }

    #[test]
    fn a_source_that_acknowledges_what_is_durable_needs_a_journal() {
        for (ack, needs) in [
            (json!("durable"), true),
            (json!("delivered"), false),
            (Value::Null, false),
        ] {
            let source = build(json!({ "listen": "a:1", "ack": ack })).unwrap();
            assert_eq!(source.needs_journal(), needs, "{ack}");
        }
    }
}
