use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_std::net::TcpStream;
use async_std::task;
use futures_lite::AsyncRead;
use futures_lite::future::{Future, or, poll_once};
use millpond_delivery::OpenGuard;

use super::Limits;
use super::halves::{Half, Halves};
use super::turns::{Share, Turns};
use crate::feed::Feed;
use crate::flag::Raised;
use crate::idle::Idle;
use crate::inlet::{Ended, Inlet};
use crate::lease::Lease;

/// Reads of fewer bytes than this are followed by a pause.
const LITTLE: usize = 16 << 10;
/// How long that is: far below the latency that a reader of the output would notice.
const GATHER: Duration = Duration::from_micros(250);

/// One connection: reads when there is something to read *and* a permit for it, and holds neither a
/// permit nor a buffer while it waits for its peer.
pub(super) struct Connection {
    stream: TcpStream,
    feed: Feed,
    half: Half,
    share: Share,
    ended: Ended,
    evicted: Raised,
    idle: Option<Idle>,
    _open: OpenGuard,
}

/// What came first.
enum Turn {
    /// Some bytes were read behind the headroom; none at the end of the input.
    Read(Lease, usize),
    /// The budget has no room now.
    NoRoom,
    /// The source should end.
    Ended,
    /// The connection has to go, and why.
    Close(&'static str),
    Failed(io::Error),
}

impl Connection {
    pub(super) fn new(
        stream: TcpStream,
        limits: Limits,
        inlet: Inlet,
        halves: &Halves,
        turns: &Turns,
    ) -> Self {
        let half = halves.open();
        Connection {
            stream,
            evicted: half.evicted().raised(),
            half,
            share: turns.open(),
            ended: inlet.ended(),
            idle: limits.idle.map(Idle::new),
            _open: inlet.ledger().open(),
            feed: Feed::new(inlet, limits.max_line),
        }
    }

    /// Reads until the peer, the source or a limit ends it.
    pub(super) async fn run(mut self) {
        let mut lease = None;
        loop {
            match poll_fn(|context| self.turn(context, &mut lease)).await {
                Turn::Read(lease, read) => {
                    if !self.read_on(lease, read).await {
                        return;
                    }
                }
                Turn::NoRoom => match self.wait_for_room().await {
                    Some(granted) => lease = Some(granted),
                    None => return,
                },
                Turn::Ended => return,
                Turn::Close(reason) => {
                    self.feed.inlet().ledger().add_closed(reason);
                    return;
                }
                Turn::Failed(error) => {
                    let source = &**self.feed.inlet().name();
                    tracing::debug!(source, %error, "a connection failed");
                    return;
                }
            }
        }
    }

    /// Tries to read, with the permit in hand or one that the budget has to spare. Cancel-safe: what
    /// is not returned was not read.
    fn turn(&mut self, context: &mut Context<'_>, lease: &mut Option<Lease>) -> Poll<Turn> {
        if Pin::new(&mut self.ended).poll(context).is_ready() {
            return Poll::Ready(Turn::Ended);
        }
        if Pin::new(&mut self.evicted).poll(context).is_ready() {
            return Poll::Ready(Turn::Close("half_line"));
        }
        let inlet = self.feed.inlet();
        let Some(mut held) = lease.take().or_else(|| inlet.try_lease(self.feed.need())) else {
            return Poll::Ready(Turn::NoRoom);
        };
        let room = &mut held.bytes()[self.feed.headroom()..];
        match Pin::new(&mut self.stream).poll_read(context, room) {
            Poll::Ready(Ok(read)) => Poll::Ready(Turn::Read(held, read)),
            Poll::Ready(Err(error)) => Poll::Ready(Turn::Failed(error)),
            Poll::Pending => {
                drop(held);
                // The last read may have filled its buffer with all that there was.
                self.share.rest();
                match &mut self.idle {
                    Some(idle) => idle.poll(context).map(|()| Turn::Close("idle")),
                    None => Poll::Pending,
                }
            }
        }
    }

    /// Reads what else there is at once, as far as the buffer goes, and hands it on. False when the
    /// connection is over.
    async fn read_on(&mut self, mut lease: Lease, read: usize) -> bool {
        let head = self.feed.headroom();
        let mut filled = head + read;
        let mut end = read == 0;
        let mut failed = None;
        while !end && filled < lease.capacity() {
            let room = &mut lease.bytes()[filled..];
            let more = poll_once(poll_fn(|context| {
                Pin::new(&mut self.stream).poll_read(context, room)
            }));
            match more.await {
                None => break,
                Some(Ok(read)) => {
                    end = read == 0;
                    filled += read;
                }
                Some(Err(error)) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let (full, little) = (filled == lease.capacity(), filled - head < LITTLE);
        let taken = self.feed.take(lease, filled, end).await;
        let lines = self.feed.lines();
        self.half.hold(lines.offset(), lines.held());
        let inlet = self.feed.inlet();
        inlet.ledger().add_bytes((filled - head) as u64);
        if let Some(error) = failed {
            let source = &**inlet.name();
            tracing::debug!(source, %error, "a connection failed");
            return false;
        }
        if taken.is_err() || end {
            return false;
        }
        self.touch();
        if full {
            // A peer that is always ready must not keep the others from their turn.
            if self.share.filled() {
                task::yield_now().await;
            }
            return true;
        }
        self.share.rest();
        if little {
            // It was handed on without delay; what comes next may gather, or each few events would cost a wake-up of
            // every thread on their way.
            task::sleep(GATHER).await;
        }
        true
    }

    /// Waits for the budget; `None` when the connection is over.
    async fn wait_for_room(&mut self) -> Option<Lease> {
        let evicted = async {
            (&mut self.evicted).await;
            self.feed.inlet().ledger().add_closed("half_line");
            None
        };
        let lease = or(evicted, self.feed.inlet().lease(self.feed.need())).await;
        self.share.waited();
        self.touch();
        lease
    }

    fn touch(&mut self) {
        if let Some(idle) = &mut self.idle {
            idle.touch();
        }
    }
}
