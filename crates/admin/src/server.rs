use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_executor::{Executor, Task};
use async_std::future::timeout;
use async_std::net::{TcpListener, TcpStream};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use smol_hyper::rt::{FuturesIo, SmolTimer};

use crate::AdminError;
use crate::observed::Observed;
use crate::router::Router;

/// How many connections may be open; the oldest gives way to one more.
const CONNECTIONS: usize = 64;

/// A client has this long to send a request's head, the wait for its next request included.
const HEAD: Duration = Duration::from_secs(10);

/// After this long a connection takes no further request.
const LIFE: Duration = Duration::from_secs(120);

/// A client that reads no faster than this loses its last answer.
const GRACE: Duration = Duration::from_secs(10);

/// How long to wait after an error of `accept`, which may last (too many open files).
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// The largest head of a request, in bytes.
const HEAD_BYTES: usize = 16 << 10;

/// A bound admin listener.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

/// Binds the admin listener to a loopback address; port 0 takes a free one.
///
/// # Errors
/// When the address is not a loopback one, or cannot be bound.
pub async fn bind(address: SocketAddr) -> Result<Admin, AdminError> {
    if !address.ip().is_loopback() {
        return Err(AdminError::BeyondLoopback { address });
    }
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Admin { listener, address })
    };
    bound
        .await
        .map_err(|source| AdminError::Bind { address, source })
}

impl Admin {
    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until the future is dropped, which closes all connections.
    pub async fn serve(self, observed: Arc<Observed>) {
        let router = Arc::new(Router::new(observed));
        let tasks = Executor::new();
        tasks.run(accept(&self.listener, &router, &tasks)).await;
    }
}

async fn accept(listener: &TcpListener, router: &Arc<Router>, tasks: &Executor<'static>) {
    let mut open: VecDeque<Task<()>> = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                open.retain(|task| !task.is_finished());
                if open.len() >= CONNECTIONS {
                    // Dropping its task closes the connection.
                    open.pop_front();
                }
                open.push_back(tasks.spawn(converse(stream, router.clone())));
            }
            Err(error) => {
                tracing::warn!(%error, "admin connection not accepted");
                async_std::task::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, router: Arc<Router>) {
    let service = service_fn(|request| {
        let router = router.clone();
        async move { Ok::<_, Infallible>(router.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(SmolTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(FuturesIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = match timeout(LIFE, connection.as_mut()).await {
        Ok(ended) => Some(ended),
        Err(_) => {
            connection.as_mut().graceful_shutdown();
            timeout(GRACE, connection).await.ok()
        }
    };
    if let Some(Err(error)) = ended {
        tracing::debug!(%error, "admin connection failed");
    }
}
