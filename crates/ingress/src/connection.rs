use std::convert::Infallible;
use std::future::poll_fn;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_std::future::timeout;
use async_std::io::ReadExt;
use async_std::net::TcpStream;
use futures_lite::future::Future;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use millpond_delivery::OpenGuard;
use millpond_ingest::{BoxFuture, Ended, Inlet};
use smol_hyper::rt::{FuturesIo, SmolTimer};

use crate::Ack;
use crate::request::Session;
use crate::source::Limits;

/// The most bytes of a connection that are read ahead of the budget.
const AHEAD_BYTES: usize = 32 << 10;
/// How long what is left of a body is read and thrown away, so that its sender sees the answer.
const LINGER: Duration = Duration::from_secs(1);

/// One connection and its requests.
pub(crate) struct Connection {
    stream: TcpStream,
    inlet: Inlet,
    session: Arc<Session>,
    limits: Limits,
    ended: Ended,
    _open: OpenGuard,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, inlet: Inlet, limits: Limits, ack: Ack) -> Self {
        Connection {
            stream,
            ended: inlet.ended(),
            _open: inlet.ledger().open(),
            session: Arc::new(Session::new(inlet.clone(), limits, ack)),
            inlet,
            limits,
        }
    }

    /// Answers requests until the peer, the source or a limit ends it.
    pub(crate) async fn run(mut self) {
        // Answers are short: none of them may wait for the acknowledgement of another.
        let _ = self.stream.set_nodelay(true);
        let session = self.session.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let session = session.clone();
            let answer = async move { Ok::<_, Infallible>(session.answer(request).await) };
            Box::pin(answer) as BoxFuture<'static, _>
        });
        let mut connection = http1::Builder::new()
            .timer(SmolTimer::new())
            .header_read_timeout(self.limits.idle)
            .max_buf_size(AHEAD_BYTES)
            .half_close(true)
            .serve_connection(FuturesIo::new(self.stream.clone()), service);
        let mut ending = false;
        let done = poll_fn(|context| {
            if !ending && Pin::new(&mut self.ended).poll(context).is_ready() {
                ending = true;
                if !self.session.was_asked() {
                    return Poll::Ready(Ok(()));
                }
                Pin::new(&mut connection).graceful_shutdown();
            }
            connection.poll_without_shutdown(context)
        })
        .await;
        drop(connection);
        if let Err(error) = done {
            if error.is_timeout() {
                self.inlet.ledger().add_closed("idle");
            }
            tracing::debug!(source = &**self.inlet.name(), %error, "a connection failed");
        } else if self.session.left_unread() {
            self.linger().await;
        }
    }

    /// Ends the connection on our side and reads on for a moment: a peer that still sends would be reset, and might
    /// never see its answer.
    async fn linger(&mut self) {
        let mut sink = [0; 8 << 10];
        let rest = async {
            self.stream.shutdown(Shutdown::Write)?;
            while self.stream.read(&mut sink).await? > 0 {}
            Ok::<_, std::io::Error>(())
        };
        let _ = timeout(LINGER, rest).await;
    }
}
