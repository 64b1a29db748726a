use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use async_std::sync::Mutex;
use async_std::task;
use futures_lite::future::{Future, or};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use hyper::{Method, Request};
use millpond_delivery::Settled;

use super::body::Inflow;
use super::outcome::Outcome;
use super::reply::{self, Refused, Reply};
use super::{Ack, Limits};
use crate::feed::{Feed, Taken};
use crate::inlet::Inlet;

/// The one path there is.
pub(super) const PATH: &str = "/v1/events";

/// The requests of one connection: one after the other, in one partition.
pub(super) struct Session {
    inlet: Inlet,
    limits: Limits,
    ack: Ack,
    feed: Mutex<Feed>,
    asked: AtomicBool,
    unread: AtomicBool,
}

impl Session {
    pub(super) fn new(inlet: Inlet, limits: Limits, ack: Ack) -> Self {
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
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether a request was answered that had not been read to its end.
    pub(super) fn left_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Takes the events of a request in and answers when they are acknowledged, or cannot be.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Reply {
        self.asked.store(true, Ordering::Relaxed);
        let until = Instant::now() + self.limits.timeout;
        let admitted = self.admit(&request);
        let mut inflow = Inflow::new(request.into_body(), until, self.inlet.ended());
        let taken = match admitted {
            Ok(bytes) => self.take(&mut inflow, bytes, until).await,
            Err(refused) => Err(refused),
        };
        let refused = match taken {
            Ok(taken) => return reply::accepted(taken, self.ack),
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

    /// Judges a request by its head: how many bytes its body has, or may have where it does not say.
    fn admit(&self, request: &Request<Incoming>) -> Result<usize, Refused> {
        let path = request.uri().path();
        if path != PATH {
            return Err(Refused::Path(path.to_owned()));
        }
        if request.method() != Method::POST {
            return Err(Refused::Method(request.method().to_string()));
        }
        format(request.headers())?;
        let max = self.max_body();
        match request.body().size_hint().exact() {
            Some(0) => Err(Refused::Empty),
            Some(bytes) => match usize::try_from(bytes) {
                Ok(bytes) if bytes <= max => Ok(bytes),
                _ => Err(Refused::TooLarge(max)),
            },
            None => Ok(max),
        }
    }

    async fn take(
        &self,
        inflow: &mut Inflow,
        bytes: usize,
        until: Instant,
    ) -> Result<Taken, Refused> {
        let lease = before(until, self.inlet.lease(bytes)).await;
        let mut lease = lease.ok_or(Refused::NoRoom)?.ok_or(Refused::Ended)?;
        let filled = inflow.read(&mut lease, bytes).await?;
        self.inlet.ledger().add_bytes(filled as u64);
        let outcome = (self.ack != Ack::Received).then(|| Arc::new(Outcome::new(self.ack)));
        let listener = outcome.clone().map(|outcome| outcome as Arc<dyn Settled>);
        let mut feed = self.feed.lock().await;
        let taken = feed.take_for(lease, filled, true, listener).await;
        drop(feed);
        let taken = taken.map_err(|_| Refused::Ended)?;
        if taken.events == 0 {
            return Err(Refused::Empty);
        }
        if let Some(outcome) = outcome {
            let reached = before(until, outcome.reached(taken.events)).await;
            reached
                .ok_or(Refused::Late(self.ack))?
                .map_err(|_| Refused::Abandoned)?;
        }
        Ok(taken)
    }
}

/// Whether the body is lines of JSON as they are, as far as its head says.
fn format(headers: &HeaderMap) -> Result<(), Refused> {
    let value = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let refused = |name, value: &str, expected| Err(Refused::Format(name, value.into(), expected));
    if let Some(value) = value(&CONTENT_TYPE) {
        let kind = value.split(';').next().unwrap_or(value).trim();
        let known = ["application/x-ndjson", "application/json"];
        if !known.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
            let expected = "application/x-ndjson, application/json or none";
            return refused("content-type", value, expected);
        }
    }
    match value(&CONTENT_ENCODING) {
        Some(value) if !value.eq_ignore_ascii_case("identity") => {
            refused("content-encoding", value, "none")
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
