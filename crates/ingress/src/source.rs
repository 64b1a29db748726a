use std::net::SocketAddr;
use std::time::Duration;

use async_std::net::TcpListener;
use millpond_ingest::{BoxFuture, Inlet, Opened, Source, SourceError, listener};

use crate::Ack;
use crate::connection::Connection;

/// The source as it is configured.
pub(crate) struct Http {
    pub(crate) address: String,
    pub(crate) max_connections: u64,
    pub(crate) limits: Limits,
    pub(crate) ack: Option<Ack>,
}

/// What a request may cost.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_line: usize,
    pub(crate) max_body: usize,
    pub(crate) idle: Option<Duration>,
    pub(crate) timeout: Duration,
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
