use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_std::net::{TcpListener, TcpStream};
use futures_lite::future::or;
use millpond_ingest::{BoxFuture, Branch, Inlet, Opened, Source, SourceError, listener};
use millpond_queue::Budget;

use crate::auth::{Auth, KeyConfig};
use crate::config::exposed;
use crate::connection::Connection;
use crate::cors::Cors;
use crate::dedupe::Dedupe;
use crate::drain::Drain;
use crate::memory::Memory;
use crate::peers::Peers;
use crate::room::growing;
use crate::tls::{Tls, TlsConfig};
use crate::{Ack, Check, OnFull};

/// How many signatures are remembered, so that none is used twice.
const SIGNATURES: usize = 100_000;

/// The source as it is configured.
pub(crate) struct Http {
    pub(crate) address: String,
    pub(crate) max_connections: u64,
    pub(crate) peers: Peers,
    pub(crate) limits: Limits,
    pub(crate) ack: Option<Ack>,
    pub(crate) on_full: OnFull,
    pub(crate) tls: Option<TlsConfig>,
    pub(crate) auth: Vec<KeyConfig>,
    /// Whether it may be reached from elsewhere.
    pub(crate) is_private: bool,
    pub(crate) cors: Cors,
    pub(crate) dedupe: Option<Dedupe>,
}

/// What a request may cost.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) check: Check,
    pub(crate) max_line: usize,
    pub(crate) max_body: usize,
    pub(crate) max_decompressed: usize,
    pub(crate) max_ratio: usize,
    pub(crate) max_headers: usize,
    pub(crate) max_header_bytes: usize,
    pub(crate) handshake_timeout: Duration,
    pub(crate) header_timeout: Duration,
    pub(crate) stall: Duration,
    pub(crate) idle: Option<Duration>,
    pub(crate) timeout: Duration,
}

/// What all connections of the source go through.
pub(crate) struct Door {
    pub(crate) inlet: Inlet,
    pub(crate) limits: Limits,
    pub(crate) ack: Ack,
    pub(crate) on_full: OnFull,
    pub(crate) tls: Option<Tls>,
    pub(crate) auth: Auth,
    pub(crate) cors: Cors,
    pub(crate) dedupe: Option<Dedupe>,
    /// Signatures that were used.
    pub(crate) signatures: Memory,
    pub(crate) drain: Arc<Drain>,
    /// Of the inlet's budget, what bodies may have that may have to grow.
    pub(crate) growing: Budget,
}

impl Source for Http {
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Opened>, SourceError>> {
        Box::pin(async move {
            let mut http = *self;
            let unusable = |key| move |message| SourceError::Setting { key, message };
            let auth = Auth::open(std::mem::take(&mut http.auth)).map_err(unusable("auth"))?;
            let tls = http.tls.take().map(Tls::open).transpose();
            let tls = tls.map_err(unusable("tls"))?;
            let (local, listener) = listener::bind(http.address.clone()).await?;
            if !http.is_private && !local.ip().is_loopback() {
                // A name, which was looked up only now.
                return Err(unusable("listen")(exposed(&http.address)));
            }
            Ok(Box::new(Bound {
                local,
                listener,
                http,
                auth,
                tls,
            }) as Box<dyn Opened>)
        })
    }

    fn branches(&self) -> Vec<Branch> {
        let bound = self.auth.iter().filter(|key| !key.pipelines.is_empty());
        let branch = |key: &KeyConfig| Branch {
            name: key.name.clone(),
            pipelines: key.pipelines.clone(),
        };
        bound.map(branch).collect()
    }

    fn needs_journal(&self) -> bool {
        self.ack == Some(Ack::Durable)
    }
}

struct Bound {
    local: SocketAddr,
    listener: TcpListener,
    http: Http,
    auth: Auth,
    tls: Option<Tls>,
}

impl Opened for Bound {
    fn local_addr(&self) -> Option<SocketAddr> {
        Some(self.local)
    }

    fn run(self: Box<Self>, inlet: Inlet) -> BoxFuture<'static, Result<(), SourceError>> {
        let Bound {
            listener,
            http,
            auth,
            tls,
            ..
        } = *self;
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
            auth.belongs_to(inlet.name());
            if let Some(tls) = &tls {
                tls.belongs_to(inlet.name());
            }
            // A signature may be from the future by as much as it may be old.
            let window = auth.longest_window().unwrap_or_default() * 2;
            let drain = Arc::new(Drain::new(Instant::now()));
            let door = Arc::new(Door {
                inlet: inlet.clone(),
                limits: http.limits,
                ack,
                on_full: http.on_full,
                tls,
                auth,
                cors: http.cors,
                dedupe: http.dedupe,
                signatures: Memory::new(SIGNATURES, window),
                drain: drain.clone(),
                growing: Budget::new(growing(inlet.budget_bytes())),
            });
            let peers = http.peers;
            let serve = move |stream: TcpStream| {
                let peer = stream
                    .peer_addr()
                    .ok()
                    .map(|address| peers.enter(address.ip()));
                let connection = match peer {
                    Some(Some(peer)) => Some(Connection::new(stream, peer, door.clone())),
                    Some(None) => {
                        door.inlet.ledger().add_closed("peer_limit");
                        None
                    }
                    // It is gone already.
                    None => None,
                };
                async move {
                    if let Some(connection) = connection {
                        connection.run().await;
                    }
                }
            };
            let listens = listener::run(listener, http.max_connections, inlet.clone(), serve);
            or(listens, drain.watch(&inlet)).await;
            Ok(())
        })
    }
}
