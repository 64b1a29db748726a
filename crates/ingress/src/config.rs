use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytesize::ByteSize;
use millpond_event::KeyPath;
use millpond_ingest::settings::{addressable, default_max_line, max_line, read, schema};
use millpond_ingest::{ConfigError, Kind, Source, listener};
use millpond_ingress_formats as formats;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::KeyConfig;
use crate::cors::{Cors, CorsConfig};
use crate::dedupe::Dedupe;
use crate::memory::Memory;
use crate::peers::Peers;
use crate::source::{Http, Limits};
use crate::tls::TlsConfig;

/// The longest body whose events are looked at closely unless told otherwise.
const SHORT: usize = 64 << 10;

/// The kind `http`, for whoever composes the kinds of sources.
pub const KIND: Kind = Kind {
    name: "http",
    summary: "events from the bodies of HTTP requests, acknowledged",
    schema: schema::<HttpConfig>,
    build: |params| read::<HttpConfig>(params)?.checked(),
};

/// Events from the bodies of HTTP requests: `type = "http"`.
///
/// ```toml
/// [sources.web]
/// type = "http"
/// listen = "127.0.0.1:7070"
/// ack = "delivered"         # received, durable or delivered
/// ```
///
/// Each connection is a partition, and its events keep their order. A request is all or nothing up to the hand-over:
/// its body is read whole, under a permit for all that it may need, before any of it goes on. The answer comes when
/// [`Ack`] is reached; any answer but 200 means that the sender should send again, or that it never can.
///
/// Connections that the source closes by itself are counted by reason: `connection_limit`, `peer_limit`, `idle`,
/// `slow_header`, `tls_timeout`, `tls_failed`; and so are requests that it refuses.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The address to listen on, with its port; port 0 picks a free one.
    pub listen: String,
    /// What has to be true of the events before a request is answered: `durable` where there is a journal and
    /// `received` where there is none, unless told otherwise.
    #[serde(default)]
    pub ack: Option<Ack>,
    /// What becomes of a request for which there is no room.
    #[serde(default)]
    pub on_full: OnFull,
    /// How closely events are looked at before a request is answered, where their format does not ask for more.
    #[serde(default)]
    pub check: Check,
    /// TLS.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
    /// Who may send; whoever can connect, if that is empty.
    #[serde(default)]
    pub auth: Vec<KeyConfig>,
    /// Listens beyond loopback without TLS or without authentication.
    #[serde(default)]
    pub allow_insecure: bool,
    /// Which pages in browsers may send.
    #[serde(default)]
    pub cors: Option<CorsConfig>,
    /// What was taken in lately is not taken in again.
    #[serde(default)]
    pub dedupe: Option<DedupeConfig>,
    /// The most connections at a time.
    #[serde(default = "default_max_connections")]
    pub max_connections: u64,
    /// The most connections of one peer at a time.
    #[serde(default = "default_max_connections_per_peer")]
    pub max_connections_per_peer: u64,
    /// The longest line in bytes, its newline not counted.
    #[serde(default = "default_max_line")]
    #[schemars(with = "String")]
    pub max_line: ByteSize,
    /// The largest body of a request, as it is sent.
    #[serde(default = "default_max_body")]
    #[schemars(with = "String")]
    pub max_body: ByteSize,
    /// The largest body of a request, decompressed; as large as `max_body` unless told otherwise.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub max_decompressed: Option<ByteSize>,
    /// The most that a body of more than 64 KiB may grow by as it is decompressed.
    #[serde(default = "default_max_ratio")]
    pub max_ratio: usize,
    /// The most headers of a request.
    #[serde(default = "default_max_headers")]
    pub max_headers: usize,
    /// The most bytes of the head of a request.
    #[serde(default = "default_max_header_bytes")]
    #[schemars(with = "String")]
    pub max_header_bytes: ByteSize,
    /// How long a TLS handshake may take.
    #[serde(default = "default_short", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub handshake_timeout: Duration,
    /// How long a head may take, once it has begun.
    #[serde(default = "default_short", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub header_timeout: Duration,
    /// How long the sender of a body may be silent.
    #[serde(default = "default_stall", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub stall: Duration,
    /// How long a connection may ask nothing; zero for ever.
    #[serde(default = "default_idle", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub idle: Duration,
    /// How long a request may take, from its head to its answer.
    #[serde(default = "default_timeout", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub timeout: Duration,
}

/// What becomes of a request for which there is no room: the budget is spent, or the journal is full.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnFull {
    /// It waits for as long as it may take.
    #[default]
    Block,
    /// It is told at once when to come again, before its body is read.
    Shed,
}

/// How closely events are looked at before a request is answered.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// As `strict` in bodies of up to 64 KiB, which cost more than their events do; as `shape` in longer ones.
    #[default]
    Auto,
    /// That each is strict JSON: the answer names every one that is not.
    Strict,
    /// That each begins and ends as an object does; what is broken inside is found, and set aside, later.
    Shape,
}

impl Check {
    /// How the events of a body of so many bytes are looked at.
    pub(crate) fn of(self, bytes: usize) -> formats::Check {
        match self {
            Check::Auto if bytes > SHORT => formats::Check::Shape,
            Check::Auto | Check::Strict => formats::Check::Strict,
            Check::Shape => formats::Check::Shape,
        }
    }
}

/// Ids by which it is told what was taken in already.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DedupeConfig {
    /// Where the id of an event is, such as `id` or `meta.id`, in a format that has no ids of its own.
    #[serde(default)]
    pub field: Option<String>,
    /// How many ids are remembered.
    #[serde(default = "default_dedupe_events")]
    pub events: usize,
    /// For how long.
    #[serde(default = "default_dedupe_window", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub window: Duration,
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

impl HttpConfig {
    fn checked(self) -> Result<Box<dyn Source>, ConfigError> {
        listener::checked(&self.listen)?;
        let at_least_one = [
            ("max_connections", self.max_connections),
            ("max_connections_per_peer", self.max_connections_per_peer),
            ("max_ratio", self.max_ratio as u64),
            ("max_headers", self.max_headers as u64),
            (
                "dedupe.events",
                self.dedupe
                    .as_ref()
                    .map_or(1, |dedupe| dedupe.events as u64),
            ),
        ];
        for (key, number) in at_least_one {
            if number == 0 {
                return Err(ConfigError::new(key, "0, expected at least 1"));
            }
        }
        let some_time = [
            ("timeout", self.timeout),
            ("handshake_timeout", self.handshake_timeout),
            ("header_timeout", self.header_timeout),
            ("stall", self.stall),
        ];
        for (key, time) in some_time {
            if time.is_zero() {
                return Err(ConfigError::new(
                    key,
                    "0s, expected a time in which it can be done",
                ));
            }
        }
        self.keys_are_told_apart()?;
        let is_private = self.is_private();
        if !is_private && beyond_loopback(&self.listen) {
            return Err(ConfigError::new("listen", exposed(&self.listen)));
        }
        let cors = self.cors.as_ref().map(Cors::checked).transpose()?;
        let dedupe = self.dedupe.map(|dedupe| {
            let field = dedupe.field.map(|field| {
                KeyPath::parse(&field)
                    .map_err(|error| ConfigError::new("dedupe.field", error.to_string()))
            });
            let field = field.transpose()?;
            let (most, window) = (dedupe.events, dedupe.window);
            Ok(Dedupe {
                field,
                memory: Memory::new(most, window),
            })
        });
        Ok(Box::new(Http {
            max_connections: self.max_connections,
            peers: Peers::new(self.max_connections_per_peer),
            limits: Limits {
                check: self.check,
                max_line: max_line(self.max_line)?,
                max_body: addressable("max_body", self.max_body)?,
                max_decompressed: addressable(
                    "max_decompressed",
                    self.max_decompressed.unwrap_or(self.max_body),
                )?,
                max_ratio: self.max_ratio,
                max_headers: self.max_headers,
                max_header_bytes: addressable("max_header_bytes", self.max_header_bytes)?,
                handshake_timeout: self.handshake_timeout,
                header_timeout: self.header_timeout,
                stall: self.stall,
                idle: (self.idle > Duration::ZERO).then_some(self.idle),
                timeout: self.timeout,
            },
            ack: self.ack,
            on_full: self.on_full,
            tls: self.tls,
            auth: self.auth,
            is_private,
            cors: cors.unwrap_or_default(),
            dedupe: dedupe.transpose()?,
            address: self.listen,
        }))
    }

    fn keys_are_told_apart(&self) -> Result<(), ConfigError> {
        for (index, key) in self.auth.iter().enumerate() {
            let at = |field: &str| format!("auth[{index}].{field}");
            if !is_name(&key.name) {
                let message = format!(
                    "{:?}, expected 1 to 64 letters, digits, `_` and `-`",
                    key.name
                );
                return Err(ConfigError::new(at("name"), message));
            }
            if self.auth[..index]
                .iter()
                .any(|other| other.name == key.name)
            {
                let message = format!("`{}` is the name of another key", key.name);
                return Err(ConfigError::new(at("name"), message));
            }
            if key.rate == Some(0) {
                return Err(ConfigError::new(at("rate"), "0, expected at least 1"));
            }
            if key.window.is_zero() {
                return Err(ConfigError::new(
                    at("window"),
                    "0s, expected a time above that",
                ));
            }
        }
        Ok(())
    }

    /// Whether nobody but those with a key is let in, and nobody else can read what they send; or that was waived.
    fn is_private(&self) -> bool {
        let knows =
            !self.auth.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        self.allow_insecure || (knows && self.tls.is_some())
    }
}

fn is_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(known)
}

/// Whether an address is one that others can reach, as far as it can be told without looking it up.
fn beyond_loopback(listen: &str) -> bool {
    listen
        .parse::<SocketAddr>()
        .is_ok_and(|address| !address.ip().is_loopback())
}

/// What is wrong with an address that others can reach.
pub(crate) fn exposed(address: &str) -> String {
    format!(
        "`{address}` can be reached from elsewhere: expected `tls` and `auth` (or `tls.client_ca`), an address of this \
         machine alone such as `127.0.0.1:7070`, or `allow_insecure = true`"
    )
}

fn default_max_connections() -> u64 {
    1_000
}

fn default_max_connections_per_peer() -> u64 {
    256
}

fn default_max_body() -> ByteSize {
    ByteSize::mib(8)
}

fn default_max_ratio() -> usize {
    200
}

fn default_max_headers() -> usize {
    100
}

fn default_max_header_bytes() -> ByteSize {
    ByteSize::kib(16)
}

fn default_short() -> Duration {
    Duration::from_secs(10)
}

fn default_stall() -> Duration {
    Duration::from_secs(5)
}

fn default_idle() -> Duration {
    Duration::from_secs(60)
}

fn default_timeout() -> Duration {
    Duration::from_secs(30)
}

fn default_dedupe_events() -> usize {
    100_000
}

fn default_dedupe_window() -> Duration {
    Duration::from_secs(600)
}

#[cfg(test)]
mod tests;
