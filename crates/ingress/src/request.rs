use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use async_std::sync::Mutex;
use async_std::task;
use futures_lite::future::{Future, or};
use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use hyper::http::request::Parts;
use millpond_delivery::Settled;
use millpond_ingest::{Feed, Inlet, Lease};

use crate::Ack;
use crate::body::Inflow;
use crate::format::{Decoded, Format, Reject};
use crate::outcome::Outcome;
use crate::reply::{Refused, Reply};
use crate::source::Limits;

/// What was taken in of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) accepted: u64,
    /// What is set aside from the start.
    pub(crate) rejected: u64,
}

/// What the head of a request says.
struct Admitted {
    format: Format,
    headers: HeaderMap,
    /// How long the body is, or may be where that is not said.
    bytes: usize,
}

/// The requests of one connection: one after the other, in one partition.
pub(crate) struct Session {
    inlet: Inlet,
    limits: Limits,
    ack: Ack,
    feed: Mutex<Feed>,
    asked: AtomicBool,
    unread: AtomicBool,
}

impl Session {
    pub(crate) fn new(inlet: Inlet, limits: Limits, ack: Ack) -> Self {
        Session {
            feed: Mutex::new(Feed::new(inlet.clone(), limits.max_line)),
            inlet,
            limits,
            ack,
            asked: AtomicBool::new(false),
            unread: AtomicBool::new(false),
        }
    }

    /// Whether there was any request.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether a request was answered that had not been read to its end.
    pub(crate) fn left_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Takes the events of a request in and answers when they are acknowledged, or cannot be.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Reply {
        self.asked.store(true, Ordering::Relaxed);
        let until = Instant::now() + self.limits.timeout;
        let (head, body) = request.into_parts();
        let admitted = self.admit(head, &body);
        let mut inflow = Inflow::new(body, until, self.inlet.ended());
        let answered = match admitted {
            Ok(admitted) => self.take(&mut inflow, admitted, until).await,
            Err(refused) => Err(refused),
        };
        let refused = match answered {
            Ok(reply) => return reply,
            Err(refused) => refused,
        };
        tracing::debug!(
            source = &**self.inlet.name(),
            ?refused,
            "a request was refused"
        );
        let unread = inflow.is_unread();
        if unread {
            self.unread.store(true, Ordering::Relaxed);
            if let Some(reason) = refused.closes() {
                self.inlet.ledger().add_closed(reason);
            }
        }
        refused.reply(unread)
    }

    /// The largest body that can be taken in: the budget has to cover it.
    fn max_body(&self) -> usize {
        self.limits.max_body.min(self.inlet.budget_bytes())
    }

    /// Judges a request by its head.
    fn admit(&self, head: Parts, body: &Incoming) -> Result<Admitted, Refused> {
        let format = Format::of(&head.method, &head.uri, &head.headers)?;
        not_encoded(&head.headers)?;
        let max = self.max_body();
        let bytes = match body.size_hint().exact() {
            Some(0) => return Err(Refused::Empty),
            Some(bytes) => usize::try_from(bytes).ok().filter(|&bytes| bytes <= max),
            None => Some(max),
        };
        Ok(Admitted {
            format,
            bytes: bytes.ok_or(Refused::TooLarge(max))?,
            headers: head.headers,
        })
    }

    /// Reads a body, hands its events on, and answers once they are acknowledged.
    async fn take(
        &self,
        inflow: &mut Inflow,
        admitted: Admitted,
        until: Instant,
    ) -> Result<Reply, Refused> {
        let Admitted {
            format,
            headers,
            bytes,
        } = admitted;
        let need = bytes + format.beside(&headers, bytes);
        let lease = before(until, self.inlet.lease(need)).await;
        let mut lease = lease.ok_or(Refused::NoRoom)?.ok_or(Refused::Ended)?;
        let filled = inflow.read(&mut lease, bytes).await?;
        self.inlet.ledger().add_bytes(filled as u64);
        let decoded = format.decode(&headers, &lease.bytes()[..filled])?;
        let outcome = (self.ack != Ack::Received).then(|| Arc::new(Outcome::new(self.ack)));
        let taken = self.hand_on(lease, filled, decoded, &outcome).await?;
        let events = taken.accepted + taken.rejected;
        if events == 0 {
            return Err(Refused::Empty);
        }
        if let Some(outcome) = outcome {
            let reached = before(until, outcome.reached(events)).await;
            reached
                .ok_or(Refused::Late(self.ack))?
                .map_err(|_| Refused::Abandoned)?;
        }
        Ok(format.accepted(taken, self.ack))
    }

    /// Hands on what was read of a body, in one go.
    async fn hand_on(
        &self,
        lease: Lease,
        filled: usize,
        decoded: Decoded,
        outcome: &Option<Arc<Outcome>>,
    ) -> Result<Taken, Refused> {
        let listener = || outcome.clone().map(|outcome| outcome as Arc<dyn Settled>);
        let (lease, filled) = match decoded.lines {
            Some(lines) => {
                let filled = lines.len();
                (lease.holding(lines), filled)
            }
            None => (lease, filled),
        };
        let mut feed = self.feed.lock().await;
        // What is set aside is copied and charged first: `lease` may end with the last line.
        let rejected = decoded.rejects.len() as u64;
        for reject in decoded.rejects {
            let Reject {
                bytes,
                reason,
                detail,
            } = reject;
            let refused = feed.refuse(&bytes, reason, detail, listener()).await;
            refused.map_err(|_| Refused::Ended)?;
        }
        let taken = feed.take_for(lease, filled, true, listener()).await;
        let taken = taken.map_err(|_| Refused::Ended)?;
        Ok(Taken {
            accepted: taken.events - taken.refused,
            rejected: taken.refused + rejected,
        })
    }
}

fn not_encoded(headers: &HeaderMap) -> Result<(), Refused> {
    match headers
        .get(CONTENT_ENCODING)
        .map(|value| value.to_str().unwrap_or("?"))
    {
        Some(value) if !value.eq_ignore_ascii_case("identity") => {
            Err(Refused::Format("content-encoding", value.into(), "none"))
        }
        _ => Ok(()),
    }
}

/// What comes of `future`, unless it takes too long. A timer is set only if it has to wait.
async fn before<T>(until: Instant, future: impl Future<Output = T>) -> Option<T> {
    let too_late = async {
        task::sleep(until.saturating_duration_since(Instant::now())).await;
        None
    };
    or(async { Some(future.await) }, too_late).await
}
