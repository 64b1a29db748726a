mod connection;
mod halves;
mod turns;

use std::net::SocketAddr;
use std::time::Duration;

use async_std::net::TcpListener;
use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::settings::{default_max_line, max_line};
use crate::{BoxFuture, ConfigError, Opened, Source, SourceError, listener};
use connection::Connection;
use halves::Halves;
use turns::Turns;

/// Newline-framed events from TCP connections: `type = "tcp"`.
///
/// ```toml
/// [sources.feed]
/// type = "tcp"
/// listen = "127.0.0.1:7071"
/// max_connections = 10000   # more are accepted and closed at once
/// max_line = "1MiB"         # longer lines are refused
/// idle = "5m"               # a connection that sends nothing for this long is closed; "0" = never
/// partial = "16MiB"         # for all half-read lines together; the oldest is closed beyond it
/// ```
///
/// Each connection is a partition, and its events keep their order. A connection without input holds
/// no part of the budget. When the budget is used up, connections are not read until some of it
/// comes back, so that their senders wait; nothing is dropped, and the time does not count as idle.
///
/// Connections that the source closes by itself are counted by reason: `connection_limit`, `idle`,
/// `half_line`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpConfig {
    /// The address to listen on, with its port; port 0 picks a free one.
    pub listen: String,
    /// The most connections at a time.
    #[serde(default = "default_max_connections")]
    pub max_connections: u64,
    /// The longest line in bytes, its newline not counted.
    #[serde(default = "default_max_line")]
    #[schemars(with = "String")]
    pub max_line: ByteSize,
    /// How long a connection may send nothing; zero for ever.
    #[serde(default = "default_idle", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub idle: Duration,
    /// Bytes of memory for the half-read lines of all connections.
    #[serde(default = "default_partial")]
    #[schemars(with = "String")]
    pub partial: ByteSize,
}

fn default_max_connections() -> u64 {
    10_000
}

fn default_idle() -> Duration {
    Duration::from_secs(300)
}

fn default_partial() -> ByteSize {
    ByteSize::mib(16)
}

impl TcpConfig {
    pub(crate) fn checked(self) -> Result<Box<dyn Source>, ConfigError> {
        listener::checked(&self.listen)?;
        if self.max_connections == 0 {
            return Err(ConfigError::new(
                "max_connections",
                "0, expected at least 1",
            ));
        }
        Ok(Box::new(Tcp {
            limits: Limits {
                max_connections: self.max_connections,
                max_line: max_line(self.max_line)?,
                idle: (self.idle > Duration::ZERO).then_some(self.idle),
                partial: usize::try_from(self.partial.as_u64()).unwrap_or(usize::MAX),
            },
            address: self.listen,
        }))
    }
}

struct Tcp {
    address: String,
    limits: Limits,
}

#[derive(Clone, Copy)]
struct Limits {
    max_connections: u64,
    max_line: usize,
    idle: Option<Duration>,
    partial: usize,
}

impl Source for Tcp {
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Opened>, SourceError>> {
        Box::pin(async move {
            let (local, listener) = listener::bind(self.address).await?;
            Ok(Box::new(Bound {
                local,
                listener,
                limits: self.limits,
            }) as Box<dyn Opened>)
        })
    }
}

struct Bound {
    local: SocketAddr,
    listener: TcpListener,
    limits: Limits,
}

impl Opened for Bound {
    fn local_addr(&self) -> Option<SocketAddr> {
        Some(self.local)
    }

    fn run(self: Box<Self>, inlet: crate::Inlet) -> BoxFuture<'static, Result<(), SourceError>> {
        let Bound {
            listener, limits, ..
        } = *self;
        let (halves, turns) = (Halves::new(limits.partial), Turns::of_all());
        Box::pin(async move {
            let connection = {
                let inlet = inlet.clone();
                move |stream| Connection::new(stream, limits, inlet.clone(), &halves, &turns).run()
            };
            listener::run(listener, limits.max_connections, inlet, connection).await;
            Ok(())
        })
    }
}
