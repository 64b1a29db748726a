//! Listening: for sources that take connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_std::channel;
use async_std::net::{TcpListener, TcpStream};
use async_std::task;
use futures_lite::future::{Future, or};

use crate::{ConfigError, Inlet, SourceError};

/// How many connections the system may hold that are not accepted yet.
const BACKLOG: i32 = 4096;
/// How long to wait after an accept that failed, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Whether `listen` of a configuration is an address with a port, as far as that can be told without looking it up.
pub fn checked(listen: &str) -> Result<(), ConfigError> {
    let port = listen.rsplit_once(':').map(|(_, port)| port);
    if port.is_none_or(|port| port.parse::<u16>().is_err()) {
        let message =
            format!("`{listen}`, expected an address with a port, such as `127.0.0.1:7071`");
        return Err(ConfigError::new("listen", message));
    }
    Ok(())
}

/// Listens on `address`, and says on which one that is.
pub async fn bind(address: String) -> Result<(SocketAddr, TcpListener), SourceError> {
    // A host name is looked up, which may take its time.
    task::spawn_blocking(move || {
        let bound = std::net::TcpListener::bind(&address).and_then(|listener| {
            rustix::net::listen(&listener, BACKLOG)?;
            Ok((listener.local_addr()?, listener.into()))
        });
        bound.map_err(|source| SourceError::Listen { address, source })
    })
    .await
}

/// Accepts connections until the source should end, then waits for those that are open to end. `serve` counts a
/// connection as open before it returns.
pub async fn run<C>(
    listener: TcpListener,
    max_connections: u64,
    inlet: Inlet,
    serve: impl Fn(TcpStream) -> C,
) where
    C: Future<Output = ()> + Send + 'static,
{
    // Nothing is ever sent: each connection holds a sender, and the last that goes ends the wait.
    let (open, all_gone) = channel::bounded::<()>(1);
    let mut backoff = BACKOFF.0;
    while let Some(accepted) = accept(&listener, &inlet).await {
        match accepted {
            Ok(stream) => {
                backoff = BACKOFF.0;
                if inlet.ledger().open_now() >= max_connections {
                    inlet.ledger().add_closed("connection_limit");
                    continue;
                }
                let connection = serve(stream);
                let open = open.clone();
                task::spawn(async move {
                    connection.await;
                    drop(open);
                });
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                // Out of descriptors or memory: the connection stays in the backlog until there
                // are some again.
                tracing::warn!(source = &**inlet.name(), %error, wait = ?backoff, "cannot accept a connection");
                let wait = async {
                    task::sleep(backoff).await;
                    false
                };
                let ended = async {
                    inlet.ended().await;
                    true
                };
                if or(ended, wait).await {
                    break;
                }
                backoff = (backoff * 2).min(BACKOFF.1);
            }
        }
    }
    drop((listener, open));
    let _ = all_gone.recv().await;
}

async fn accept(listener: &TcpListener, inlet: &Inlet) -> Option<io::Result<TcpStream>> {
    let ended = async {
        inlet.ended().await;
        None
    };
    let accepted = async { Some(listener.accept().await.map(|(stream, _)| stream)) };
    or(ended, accepted).await
}

/// The connection failed before it was accepted; the listener is well.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
