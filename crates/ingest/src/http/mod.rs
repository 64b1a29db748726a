mod body;
mod connection;
mod outcome;
mod reply;
mod request;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use async_std::net::TcpListener;
use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{addressable, default_max_line, max_line};
use crate::{BoxFuture, ConfigError, Inlet, Opened, Source, SourceError, listener};
use connection::Connection;

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
    pub(crate) fn checked(self) -> Result<Box<dyn Source>, ConfigError> {
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

struct Http {
    address: String,
    max_connections: u64,
    limits: Limits,
    ack: Option<Ack>,
}

#[derive(Clone, Copy)]
struct Limits {
    max_line: usize,
    max_body: usize,
    idle: Option<Duration>,
    timeout: Duration,
}

impl Source for Http {
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Opened>, SourceError>> {
        Box::pin(async move {
            let (local, listener) = listener::bind(self.address.clone()).await?;
            Ok(Box::new(Bound {
                local,
                listener,
                http: *self,
            }) as Box<dyn Opened>)
        })
    }

    fn needs_journal(&self) -> bool {
        self.ack == Some(Ack::Durable)
    }
}

struct Bound {
    local: SocketAddr,
    listener: TcpListener,
    http: Http,
}

impl Opened for Bound {
    fn local_addr(&self) -> Option<SocketAddr> {
        Some(self.local)
    }

    fn run(self: Box<Self>, inlet: Inlet) -> BoxFuture<'static, Result<(), SourceError>> {
        let Bound { listener, http, .. } = *self;
        Box::pin(async move {
            let ack = match (http.ack, inlet.has_journal()) {
                (Some(Ack::Durable), false) => {
                    let source_name = inlet.name().to_string();
                    return Err(SourceError::NoJournal { source_name });
                }
                (Some(ack), _) => ack,
                (None, true) => Ack::Durable,
                (None, false) => Ack::Received,
            };
            let connection = {
                let inlet = inlet.clone();
                move |stream| Connection::new(stream, inlet.clone(), http.limits, ack).run()
            };
            listener::run(listener, http.max_connections, inlet, connection).await;
            Ok(())
        })
    }
}
