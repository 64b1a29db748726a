use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_executor::{Executor, Task};
use async_std::future::timeout;
use async_std::net::{TcpListener, TcpStream};
use http_body_util::Either;
use hyper::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use smol_hyper::rt::{FuturesIo, SmolTimer};

use crate::AdminError;
use crate::host::Hosts;
use crate::observed::Observed;
use crate::pace::Pace;
use crate::router::Router;

/// How many connections may be open; the oldest gives way to one more: of those that were granted nothing if there is
/// one, else of those that listen to nothing.
const CONNECTIONS: usize = 64;

/// A client has this long to send a request's head, the wait for its next request included.
const HEAD: Duration = Duration::from_secs(10);

/// After this long a connection takes no further request, unless it listens to an answer that goes on.
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
    names: Vec<String>,
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
        Ok(Admin {
            listener,
            address,
            names: Vec::new(),
        })
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

    /// Answers to these names, too, beside those of loopback: what a proxy in front calls it, say.
    #[must_use]
    pub fn known_as(self, names: Vec<String>) -> Self {
        Admin { names, ..self }
    }

    /// Answers requests until the future is dropped, which closes all connections.
    pub async fn serve(self, observed: Arc<Observed>) {
        let hosts = Hosts::new(self.address.ip(), self.names);
        let router = Arc::new(Router::new(observed, hosts));
        let tasks = Executor::new();
        let recording = router.clone();
        let recording = tasks.spawn(async move { recording.record().await });
        tasks.run(accept(&self.listener, &router, &tasks)).await;
        drop(recording);
    }
}

/// A connection that is open.
struct Open {
    task: Task<()>,
    listens: Arc<AtomicBool>,
    granted: Arc<AtomicBool>,
}

async fn accept(listener: &TcpListener, router: &Arc<Router>, tasks: &Executor<'static>) {
    let mut open: VecDeque<Open> = VecDeque::new();
    let pace = Arc::new(Pace::new());
    loop {
        // For connections of whom nothing came but what is refused, or nothing at all.
        let owed = pace.owed(Instant::now());
        if !owed.is_zero() {
            async_std::task::sleep(owed).await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let until = pace.count(Instant::now());
                open.retain(|one| !one.task.is_finished());
                if open.len() >= CONNECTIONS {
                    let useless = |one: &Open| !one.granted.load(Ordering::Relaxed);
                    let idle = |one: &Open| !one.listens.load(Ordering::Relaxed);
                    let oldest = open.iter().position(useless);
                    let oldest = oldest.or_else(|| open.iter().position(idle));
                    // Dropping its task closes the connection.
                    open.remove(oldest.unwrap_or(0));
                }
                let listens = Arc::new(AtomicBool::new(false));
                let granted = Arc::new(AtomicBool::new(false));
                let visit = Visit {
                    pace: pace.clone(),
                    until,
                    granted: granted.clone(),
                };
                let talk = converse(stream, router.clone(), listens.clone(), visit);
                let task = tasks.spawn(talk);
                open.push_back(Open {
                    task,
                    listens,
                    granted,
                });
            }
            Err(error) => {
                tracing::warn!(%error, "admin connection not accepted");
                async_std::task::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

/// A connection, which counted as refused when it was taken, until something is granted over it.
struct Visit {
    pace: Arc<Pace>,
    /// When that will be paid off.
    until: Instant,
    granted: Arc<AtomicBool>,
}

impl Visit {
    /// Counts a refused request, and waits until its answer may go.
    async fn judge(&self, status: StatusCode) {
        if !status.is_client_error() {
            if !self.granted.swap(true, Ordering::Relaxed) {
                self.pace.forgive(Instant::now(), self.until);
            }
            return;
        }
        self.pace.count(Instant::now());
        let owed = self.pace.owed(Instant::now());
        if !owed.is_zero() {
            async_std::task::sleep(owed).await;
        }
    }
}

async fn converse(stream: TcpStream, router: Arc<Router>, listens: Arc<AtomicBool>, visit: Visit) {
    let visit = &visit;
    let service = service_fn(|request| {
        let (router, listens) = (router.clone(), &listens);
        async move {
            let reply = router.answer(request).await;
            visit.judge(reply.status()).await;
            listens.store(matches!(reply.body(), Either::Right(_)), Ordering::Relaxed);
            Ok::<_, Infallible>(reply)
        }
    });
    let connection = http1::Builder::new()
        .timer(SmolTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(FuturesIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = match timeout(LIFE, connection.as_mut()).await {
        Ok(ended) => Some(ended),
        Err(_) if listens.load(Ordering::Relaxed) => Some(connection.await),
        Err(_) => {
            connection.as_mut().graceful_shutdown();
            timeout(GRACE, connection).await.ok()
        }
    };
    if let Some(Err(error)) = ended {
        tracing::debug!(%error, "admin connection failed");
    }
}
