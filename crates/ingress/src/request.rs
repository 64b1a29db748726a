use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use async_std::sync::Mutex;
use async_std::task;
use futures_lite::future::{Future, or};
use hyper::body::{Body, Incoming};
use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use hyper::{Request, Version};
use millpond_delivery::Settled;
use millpond_ingest::{Lease, unix_micros};
use millpond_ingress_formats::{Context, Decoded, Lines, Refused as SetAside, Summary};

use crate::Ack;
use crate::auth::{Guest, Key};
use crate::body::Inflow;
use crate::feeds::Feeds;
use crate::format::Format;
use crate::inflate::{Encoding, Expanded};
use crate::memory::Reservation;
use crate::outcome::Outcome;
use crate::presence::Presence;
use crate::pulse::Pulse;
use crate::reply::{Refused, Reply};
use crate::source::Door;

/// Bodies that are longer than this are decompressed where they hold nobody up.
const LONG: usize = 64 << 10;
/// How often it is looked whether a full journal has room again.
pub(crate) const LAP: Duration = Duration::from_millis(20);

/// The requests of one connection, in one partition.
pub(crate) struct Session {
    pub(crate) door: Arc<Door>,
    pulse: Arc<Pulse>,
    pub(crate) presence: Arc<Presence>,
    feeds: Mutex<Feeds>,
    asked: AtomicBool,
    unread: AtomicBool,
}

/// What the head of a request says.
pub(crate) struct Admitted<'a> {
    pub(crate) format: Format,
    pub(crate) headers: HeaderMap,
    guest: Guest<'a>,
    pub(crate) encoding: Option<Encoding>,
    /// How long the body is, or may be where that is not said.
    pub(crate) bytes: usize,
    pub(crate) says_length: bool,
}

/// A body that was read.
struct Whole {
    lease: Lease,
    /// How much of it is filled.
    filled: usize,
    /// What its signature was reserved by.
    signature: Option<Reservation>,
}

impl Session {
    pub(crate) fn new(door: Arc<Door>, pulse: Arc<Pulse>, presence: Arc<Presence>) -> Self {
        Session {
            feeds: Mutex::new(Feeds::new(&door)),
            door,
            pulse,
            presence,
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
        let _answering = self.pulse.begin();
        self.asked.store(true, Ordering::Relaxed);
        let (head, body) = request.into_parts();
        let version = head.version;
        let origin = match self.door.cors.origin(&head.headers) {
            Ok(origin) => origin,
            Err(refused) => return self.refuse(&refused, !body.is_end_stream(), version),
        };
        let preflight = origin
            .as_ref()
            .and_then(|_| self.door.cors.preflight(&head.method, &head.headers));
        let mut reply = match preflight {
            Some(reply) => reply,
            None => self.answer_to(head, body).await,
        };
        if let Some(origin) = origin {
            self.door.cors.allow(origin, &mut reply);
        }
        reply
    }

    async fn answer_to(&self, head: Parts, body: Incoming) -> Reply {
        let door = &*self.door;
        let until = Instant::now() + door.limits.timeout;
        let version = head.version;
        let admitted = self.admit(head, &body);
        let mut inflow = Inflow::new(body, door.limits.stall, until, door.inlet.ended());
        let answered = match admitted {
            Ok(admitted) => self.take(&mut inflow, admitted, until).await,
            Err(refused) => Err(refused),
        };
        match answered {
            Ok(reply) => reply,
            Err(refused) => self.refuse(&refused, inflow.is_unread(), version),
        }
    }

    /// Counts a refusal and says it. `unread`: some of the body is.
    fn refuse(&self, refused: &Refused, unread: bool, version: Version) -> Reply {
        let door = &*self.door;
        tracing::debug!(
            source = &**door.inlet.name(),
            ?refused,
            "a request was refused"
        );
        door.inlet.ledger().add_refused(refused.reason());
        // A stream of HTTP/2 ends alone.
        let closes = version < Version::HTTP_2 && (unread || refused.is_the_last());
        if unread {
            self.unread.store(true, Ordering::Relaxed);
        }
        let again = || door.drain.seconds(&door.inlet, Instant::now());
        refused.reply(closes, again, &door.auth)
    }

    /// Judges a request by its head.
    fn admit(&self, head: Parts, body: &Incoming) -> Result<Admitted<'_>, Refused> {
        let door = &*self.door;
        let headers = head.headers;
        let guest = door
            .auth
            .judge(&headers, SystemTime::now())
            .map_err(Refused::Denied)?;
        if let Guest::Known(key) = guest {
            may_send(key)?;
        }
        if headers.len() > door.limits.max_headers || size(&headers) > door.limits.max_header_bytes
        {
            return Err(Refused::Headers);
        }
        let format = Format::of(&head.method, &head.uri, &headers)?;
        let encoding = Encoding::of(&headers)?;
        let max = door.limits.max_body.min(door.inlet.budget_bytes());
        let max = format.max_body().map_or(max, |most| most.min(max));
        let length = body.size_hint().exact();
        let bytes = match length {
            Some(0) if format.needs_body() => return Err(Refused::Empty),
            Some(bytes) => usize::try_from(bytes).ok().filter(|&bytes| bytes <= max),
            None => Some(max),
        };
        Ok(Admitted {
            format,
            guest,
            encoding,
            bytes: bytes.ok_or(Refused::TooLarge(max))?,
            says_length: length.is_some(),
            headers,
        })
    }

    /// Reads a body, hands its events on, and answers once they are acknowledged.
    async fn take(
        &self,
        inflow: &mut Inflow,
        admitted: Admitted<'_>,
        until: Instant,
    ) -> Result<Reply, Refused> {
        let door = &*self.door;
        let (format, ack) = (admitted.format, door.ack);
        let (whole, key) = self.read(inflow, &admitted, until).await?;
        let Whole {
            mut lease,
            filled,
            signature,
        } = whole;
        if let Some(most) = format.max_body().filter(|most| filled > *most) {
            return Err(Refused::Expands(most));
        }
        let context = Context {
            now_micros: unix_micros(),
            max_event: door.limits.max_line,
            check: door.limits.check.of(filled),
        };
        let body = &mut lease.bytes()[..filled];
        let Decoded {
            lines,
            rejects,
            refused,
            ids,
            ..
        } = format.decode(&admitted.headers, body, &context)?;
        let mut filled = filled;
        if let Lines::Built(lines) = lines {
            filled = lines.len();
            lease = lease.holding(lines);
        }
        let mut duplicates = None;
        let mut reservations: Vec<Reservation> = signature.into_iter().collect();
        if let Some(dedupe) = &door.dedupe {
            let ids = (!ids.is_empty()).then(|| ids.iter().map(|id| id.map(|id| id.0)).collect());
            let fresh = dedupe.fresh(&mut lease.bytes()[..filled], ids, Instant::now());
            let fresh = fresh.map_err(|_| Refused::UnderWay)?;
            filled = fresh.filled;
            duplicates = Some(fresh.duplicates);
            reservations.push(fresh.reservation);
        }
        let outcome = Arc::new(Outcome::new(ack, reservations));
        let branch = key.and_then(Key::branch);
        let events = self
            .hand_on(branch, lease, filled, refused, &outcome)
            .await?;
        if let Some(key) = key {
            key.sent(events, Instant::now());
        }
        let reached = before(until, outcome.reached(events)).await;
        reached
            .ok_or(Refused::Late(ack))?
            .map_err(|_| Refused::Abandoned)?;
        door.inlet.ledger().add_request(duplicates.unwrap_or(0));
        let summary = Summary {
            accepted: events.saturating_sub(rejects.count()),
            duplicates,
            rejects: &rejects,
        };
        Ok(format.answer(&summary, ack))
    }

    /// Reads a body to its end and decompresses it; says whose it is.
    async fn read<'a>(
        &'a self,
        inflow: &mut Inflow,
        admitted: &Admitted<'a>,
        until: Instant,
    ) -> Result<(Whole, Option<&'a Key>), Refused> {
        let door = &*self.door;
        let taken = self.read_in(inflow, admitted, until).await?;
        let (mut lease, filled, most) = (taken.lease, taken.filled, taken.room.most);
        door.inlet.ledger().add_bytes(filled as u64);
        let body = &lease.bytes()[most..most + filled];
        let (mut key, mut signature) = (None, None);
        match &admitted.guest {
            Guest::Anybody => {}
            Guest::Known(known) => key = Some(*known),
            Guest::Signed(signed) => {
                let signer = door.auth.verify(signed, body, SystemTime::now());
                let signer = signer.map_err(Refused::Denied)?;
                may_send(signer)?;
                let used = door
                    .signatures
                    .reserve([Some(signed.fingerprint())], Instant::now());
                let (reservation, fresh) = used.map_err(|_| Refused::UnderWay)?;
                if fresh != [true] {
                    return Err(Refused::Used);
                }
                (key, signature) = (Some(signer), Some(reservation));
            }
        }
        let (lease, filled) = match admitted.encoding {
            None => (lease, filled),
            Some(encoding) => self.expand(encoding, lease, most, filled).await?,
        };
        let whole = Whole {
            lease,
            filled,
            signature,
        };
        Ok((whole, key))
    }

    /// Decompresses a body that lies behind the room for what it may become.
    async fn expand(
        &self,
        encoding: Encoding,
        mut lease: Lease,
        most: usize,
        filled: usize,
    ) -> Result<(Lease, usize), Refused> {
        let expand = move || {
            let (room, body) = lease.bytes().split_at_mut(most);
            let expanded = encoding.expand(&body[..filled], room);
            (lease, expanded)
        };
        let (lease, expanded) = if filled > LONG {
            task::spawn_blocking(expand).await
        } else {
            expand()
        };
        match expanded {
            Ok(filled) => Ok((lease, filled)),
            Err(Expanded::Broken(error)) => Err(Refused::Broken(error)),
            Err(Expanded::TooFar) if most < self.door.limits.max_decompressed => {
                Err(Refused::Ratio(self.door.limits.max_ratio))
            }
            Err(Expanded::TooFar) => Err(Refused::Expands(most)),
        }
    }

    /// Hands on what was read of a body, in one go, and says how many events that was.
    async fn hand_on(
        &self,
        branch: Option<&str>,
        lease: Lease,
        filled: usize,
        set_aside: Vec<SetAside>,
        outcome: &Arc<Outcome>,
    ) -> Result<u64, Refused> {
        let waits = self.door.ack != Ack::Received;
        let listener = || waits.then(|| outcome.clone() as Arc<dyn Settled>);
        let mut feeds = self.feeds.lock().await;
        let feed = feeds.of(&self.door, branch).ok_or(Refused::Ended)?;
        let refused = set_aside.len() as u64;
        for event in set_aside {
            let SetAside {
                reason,
                detail,
                original,
                ..
            } = event;
            let refused = feed.refuse(original, reason, detail, listener()).await;
            refused.map_err(|_| Refused::Ended)?;
        }
        let taken = feed.take_for(lease, filled, true, listener()).await;
        let taken = taken.map_err(|_| Refused::Ended)?;
        Ok(taken.events + refused)
    }
}

fn may_send(key: &Key) -> Result<(), Refused> {
    match key.wait(Instant::now()) {
        None => Ok(()),
        Some(wait) => Err(Refused::Rate(wait)),
    }
}

/// What headers take on the wire, or would in HTTP/1.1.
fn size(headers: &HeaderMap) -> usize {
    let one = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        name.as_str().len() + value.len() + ": \r\n".len()
    };
    headers.iter().map(one).sum()
}

/// What comes of `future`, unless it takes too long. A timer is set only if it has to wait.
pub(crate) async fn before<T>(until: Instant, future: impl Future<Output = T>) -> Option<T> {
    let too_late = async {
        task::sleep(until.saturating_duration_since(Instant::now())).await;
        None
    };
    or(async { Some(future.await) }, too_late).await
}
