use std::convert::Infallible;
use std::future::poll_fn;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_std::future::timeout;
use async_std::net::TcpStream;
use async_std::task;
use futures_lite::future::{Future, or};
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use hyper::Request;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use millpond_delivery::OpenGuard;
use millpond_ingest::{BoxFuture, Ended};
use smol_hyper::rt::FuturesIo;

use crate::framing::Ambiguous;
use crate::peers::Peer;
use crate::presence::Presence;
use crate::pulse::{Deadlines, Pulse};
use crate::reply::{self, Reply};
use crate::request::Session;
use crate::source::Door;
use crate::stream::Watched;

/// What a client says first that speaks HTTP/2 without asking.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How many bytes of a stream, and of a connection, HTTP/2 reads ahead of the budget.
const WINDOW: (u32, u32) = (64 << 10, 128 << 10);
/// The most requests at a time on a connection of HTTP/2.
const STREAMS: u32 = 100;
/// How many bytes HTTP/1 reads ahead of the budget, whatever a head may have.
const AHEAD_BYTES: usize = 32 << 10;
/// The number of headers that hyper keeps without asking for memory.
const FREE_HEADERS: usize = 100;
/// How long what is left of a body is read and thrown away, so that its sender sees the answer.
const LINGER: Duration = Duration::from_secs(1);
/// How long a connection that answers nothing stays once the source should end.
const GRACE: Duration = Duration::from_millis(500);
/// One connection and its requests.
pub(crate) struct Connection {
    stream: TcpStream,
    door: Arc<Door>,
    pulse: Arc<Pulse>,
    presence: Arc<Presence>,
    session: Arc<Session>,
    deadlines: Deadlines,
    ended: Ended,
    _open: OpenGuard,
    _peer: Peer,
}

/// How a connection came to its end.
enum End {
    /// Its peer, or both of them, wanted it.
    Done,
    /// The source ends and nobody waits for an answer.
    Ended,
    /// One of its deadlines has passed.
    Late(&'static str),
    Failed(hyper::Error),
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, peer: Peer, door: Arc<Door>) -> Self {
        let pulse = Arc::new(Pulse::new());
        let presence = Arc::new(Presence::new(stream.clone(), door.tls.is_some()));
        let limits = &door.limits;
        Connection {
            stream,
            deadlines: Deadlines::new(pulse.clone(), limits.header_timeout, limits.idle),
            ended: door.inlet.ended(),
            session: Arc::new(Session::new(door.clone(), pulse.clone(), presence.clone())),
            presence,
            _open: door.inlet.ledger().open(),
            _peer: peer,
            pulse,
            door,
        }
    }

    /// Answers requests until the peer, the source or a limit ends it.
    pub(crate) async fn run(mut self) {
        // Answers are short: none of them may wait for the acknowledgement of another.
        let _ = self.stream.set_nodelay(true);
        let stream = self.stream.clone();
        let door = self.door.clone();
        match &door.tls {
            Some(tls) => {
                let greeted = tls.acceptor().accept(stream);
                let limit = door.limits.handshake_timeout;
                let Some(greeted) = self.within(limit, greeted, "tls_timeout").await else {
                    return;
                };
                match greeted {
                    Ok(stream) => {
                        let second = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        self.serve(stream, Vec::new(), second).await;
                    }
                    Err(error) => {
                        self.closed("tls_failed");
                        tracing::debug!(source = &**door.inlet.name(), %error, "a handshake failed");
                    }
                }
            }
            None => {
                let mut first = stream.clone();
                let limit = door.limits.idle.unwrap_or(Duration::MAX);
                let preface = preface(&mut first);
                if let Some(Ok((ahead, second))) = self.within(limit, preface, "idle").await {
                    self.serve(stream, ahead, second).await;
                }
            }
        }
    }

    /// What comes of `future`, unless the source ends or it takes too long, which is counted.
    async fn within<T>(
        &mut self,
        limit: Duration,
        future: impl Future<Output = T>,
        late: &'static str,
    ) -> Option<T> {
        enum First<T> {
            Done(T),
            Late,
            Ended,
        }
        let done = async { First::Done(future.await) };
        let ended = async {
            (&mut self.ended).await;
            First::Ended
        };
        let too_late = async {
            if limit == Duration::MAX {
                std::future::pending::<()>().await;
            }
            task::sleep(limit).await;
            First::Late
        };
        match or(done, or(ended, too_late)).await {
            First::Done(done) => Some(done),
            First::Late => {
                self.closed(late);
                None
            }
            First::Ended => None,
        }
    }

    /// Counts it as closed by the source itself.
    fn closed(&self, reason: &'static str) {
        self.door.inlet.ledger().add_closed(reason);
    }

    /// `second`: whether it speaks HTTP/2.
    async fn serve<S>(&mut self, stream: S, ahead: Vec<u8>, second: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = Watched::new(stream, ahead, self.pulse.clone());
        if second {
            self.serve_second(FuturesIo::new(stream)).await;
        } else {
            self.serve_first(FuturesIo::new(stream.framed(self.presence.clone())))
                .await;
        }
    }

    /// What answers each request of the connection.
    fn answers(
        &self,
    ) -> impl Fn(Request<Incoming>) -> BoxFuture<'static, Result<Reply, Infallible>> + 'static {
        let session = self.session.clone();
        move |request| {
            let session = session.clone();
            Box::pin(async move { Ok(session.answer(request).await) })
        }
    }

    async fn serve_first<S>(&mut self, stream: FuturesIo<Watched<S>>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = &self.door.limits;
        let service = service_fn(self.answers());
        let mut builder = http1::Builder::new();
        builder
            .header_read_timeout(None)
            .max_header_size(limits.max_header_bytes)
            .max_buf_size(AHEAD_BYTES.max(limits.max_header_bytes))
            .half_close(true);
        if limits.max_headers != FREE_HEADERS {
            builder.max_headers(limits.max_headers);
        }
        let mut connection = builder.serve_connection(stream, service);
        let mut ending = None;
        let end = poll_fn(|context| {
            if let Poll::Ready(done) = connection.poll_without_shutdown(context) {
                return Poll::Ready(done.map_or_else(End::Failed, |()| End::Done));
            }
            self.poll_end(context, &mut ending, || {
                Pin::new(&mut connection).graceful_shutdown();
            })
        })
        .await;
        let mut stream = connection.into_parts().io.into_inner();
        match end {
            End::Failed(error) => {
                let ambiguous = self.failed(&error);
                if let Some(ambiguous) = ambiguous {
                    // hyper only knows that it could not read.
                    let answer = reply::unreadable(ambiguous);
                    let _ = timeout(LINGER, stream.write_all(answer.as_bytes())).await;
                }
                let _ = timeout(LINGER, stream.close()).await;
                if ambiguous.is_some() || error.is_parse() {
                    self.linger().await;
                }
            }
            End::Late(reason) => self.closed(reason),
            End::Done | End::Ended => {
                // TLS has a farewell of its own.
                let _ = timeout(LINGER, stream.close()).await;
                if self.session.left_unread() {
                    self.linger().await;
                }
            }
        }
    }

    async fn serve_second<S>(&mut self, stream: FuturesIo<Watched<S>>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = &self.door.limits;
        let service = service_fn(self.answers());
        let headers = u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX);
        let mut connection = Box::pin(
            http2::Builder::new(Spawn)
                .initial_stream_window_size(WINDOW.0)
                .initial_connection_window_size(WINDOW.1)
                .max_concurrent_streams(STREAMS)
                // What is beyond our own limit, but not by much, is refused by us, and so counted.
                .max_header_list_size(headers.saturating_mul(2))
                .serve_connection(stream, service),
        );
        let mut ending = None;
        let end = poll_fn(|context| {
            if let Poll::Ready(done) = connection.as_mut().poll(context) {
                return Poll::Ready(done.map_or_else(End::Failed, |()| End::Done));
            }
            self.poll_end(context, &mut ending, || {
                connection.as_mut().graceful_shutdown();
            })
        })
        .await;
        match end {
            End::Failed(error) => drop(self.failed(&error)),
            End::Late(reason) => self.closed(reason),
            End::Done | End::Ended => {}
        }
    }

    /// Whether the source or a deadline ends it. `ending` is when the source has to be gone; `last` says so to the
    /// peer.
    fn poll_end(
        &mut self,
        context: &mut std::task::Context<'_>,
        ending: &mut Option<BoxFuture<'static, ()>>,
        last: impl FnOnce(),
    ) -> Poll<End> {
        if let Some(over) = ending {
            if over.as_mut().poll(context).is_ready() {
                if !self.pulse.is_answering() {
                    return Poll::Ready(End::Ended);
                }
                *over = grace();
                let _ = over.as_mut().poll(context);
            }
        } else if Pin::new(&mut self.ended).poll(context).is_ready() {
            if !self.session.was_asked() {
                return Poll::Ready(End::Ended);
            }
            last();
            *ending = Some(grace());
            // What was said has to be written, and the timer to be set.
            context.waker().wake_by_ref();
        }
        self.deadlines.poll(context).map(End::Late)
    }

    /// Counts and says why hyper gave a connection up; what was ambiguous, if that is why.
    fn failed(&self, error: &hyper::Error) -> Option<Ambiguous> {
        let mut cause = std::error::Error::source(error);
        let mut ambiguous = None;
        while let Some(inner) = cause {
            let io = inner.downcast_ref::<std::io::Error>();
            let of_ours = io.and_then(std::io::Error::get_ref);
            ambiguous = ambiguous.or(of_ours.and_then(|inner| inner.downcast_ref().copied()));
            cause = inner.source();
        }
        let ledger = self.door.inlet.ledger();
        if error.is_parse_too_large() {
            ledger.add_refused("headers_too_large");
        } else if ambiguous.is_some() {
            ledger.add_refused("ambiguous");
        } else if error.is_parse() {
            ledger.add_refused("malformed");
        }
        let source = &**self.door.inlet.name();
        tracing::debug!(source, %error, ?ambiguous, "a connection failed");
        ambiguous
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

fn grace() -> BoxFuture<'static, ()> {
    Box::pin(task::sleep(GRACE))
}

/// Reads until it is clear which HTTP a client speaks: what was read, and whether it is HTTP/2.
async fn preface(stream: &mut TcpStream) -> std::io::Result<(Vec<u8>, bool)> {
    let mut ahead = vec![0; PREFACE.len()];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut ahead[filled..]).await?;
        filled += read;
        let like = ahead[..filled] == PREFACE[..filled];
        if read == 0 || !like || filled == ahead.len() {
            ahead.truncate(filled);
            return Ok((ahead, like && filled == PREFACE.len()));
        }
    }
}

/// Lets the streams of HTTP/2 run as tasks.
#[derive(Clone, Copy)]
struct Spawn;

impl<F> Executor<F> for Spawn
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        task::spawn(future);
    }
}
