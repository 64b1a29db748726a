use std::io;
use std::time::Duration;

use async_std::channel;
use async_std::net::{TcpListener, TcpStream};
use async_std::task;
use futures_lite::future::or;

use super::Limits;
use super::connection::Connection;
use super::halves::Halves;
use crate::{Inlet, SourceError};

/// How long to wait after an accept that failed, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Accepts connections until the source should end, then waits for those that are open to end.
pub(super) async fn run(
    listener: TcpListener,
    limits: Limits,
    inlet: Inlet,
) -> Result<(), SourceError> {
    let halves = Halves::new(limits.partial);
    // Nothing is ever sent: each connection holds a sender, and the last that goes ends the wait.
    let (open, all_gone) = channel::bounded::<()>(1);
    let mut backoff = BACKOFF.0;
    while let Some(accepted) = accept(&listener, &inlet).await {
        match accepted {
            Ok(stream) => {
                backoff = BACKOFF.0;
                if inlet.ledger().open_now() >= limits.max_connections {
                    inlet.ledger().add_closed("connection_limit");
                    continue;
                }
                let connection = Connection::new(stream, limits, inlet.clone(), &halves);
                let open = open.clone();
                task::spawn(async move {
                    connection.run().await;
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
    Ok(())
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
