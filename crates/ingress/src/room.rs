//! The room that a request gets for its body, before the body is read.

use std::future::Future;
use std::time::Instant;

use async_std::task;
use futures_lite::future::or;
use millpond_ingest::Lease;
use millpond_queue::Permit;

use crate::OnFull;
use crate::body::{Inflow, Read};
use crate::inflate::Encoding;
use crate::reply::Refused;
use crate::request::{Admitted, LAP, Session, before};

/// How much room a body gets first that does not say its length.
pub(crate) const FIRST: usize = 64 << 10;

/// The part of the budget that bodies which do not say their length may have before it is known that they need more.
///
/// Those that are found to be longer wait for all that they may need while they hold what they had first. Were the budget
/// full of them, none would ever get it: so there are only so many, and the rest of the budget is with those who have
/// all that they need, and come to their end.
const GROWING: usize = 4;

/// How many bytes of the budget of `capacity` bytes may be in the hands of bodies that may have to grow.
pub(crate) fn growing(capacity: usize) -> usize {
    capacity / GROWING
}

/// What a body is paid room for: a buffer in which what it becomes decompressed comes first and then the body as it is
/// sent, and what a decoder and its lines take beside that.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// How long it may be as it is sent.
    pub(crate) bytes: usize,
    /// How long it may become when it is decompressed; 0 if it is not compressed.
    pub(crate) most: usize,
    beside: usize,
}

impl Room {
    /// That of a body of this length.
    fn of(session: &Session, admitted: &Admitted<'_>, bytes: usize) -> Room {
        let limits = &session.door.limits;
        let encoding = admitted.encoding;
        let most = encoding.map_or(0, |_| Encoding::most(limits, bytes));
        let window = encoding.map_or(0, |encoding| encoding.room(most) - most);
        let lines = admitted.format.beside(&admitted.headers, bytes.max(most));
        Room {
            bytes,
            most,
            beside: window + lines,
        }
    }

    fn all(self) -> usize {
        self.most + self.bytes + self.beside
    }

    /// Where the body lies as it is sent.
    fn body(self, lease: &mut Lease) -> &mut [u8] {
        &mut lease.bytes()[self.most..self.most + self.bytes]
    }
}

/// A body that was read to its end.
pub(crate) struct Taken {
    pub(crate) lease: Lease,
    pub(crate) room: Room,
    /// How long it is.
    pub(crate) filled: usize,
}

/// The beginning of a body that turned out to be longer than its first room.
struct Begun {
    lease: Lease,
    room: Room,
    _growing: Permit,
}

impl Session {
    /// Reads a body to its end, into memory that is paid for: for all that a body of its length may become, or for a
    /// little first where it does not say its length.
    pub(crate) async fn read_in(
        &self,
        inflow: &mut Inflow,
        admitted: &Admitted<'_>,
        until: Instant,
    ) -> Result<Taken, Refused> {
        let room = Room::of(self, admitted, admitted.bytes);
        let mut begun = None;
        if let Some(first) = self.first(admitted, room) {
            let growing = self.growing(first.all(), until).await?;
            let mut lease = self.lease(first, until).await?;
            match inflow.read(first.body(&mut lease), 0).await? {
                Read::Whole(filled) => {
                    return Ok(Taken {
                        lease,
                        room: first,
                        filled,
                    });
                }
                Read::Full => {
                    begun = Some(Begun {
                        lease,
                        room: first,
                        _growing: growing,
                    });
                }
            }
        }
        let mut lease = self.lease(room, until).await?;
        let mut filled = 0;
        if let Some(Begun {
            lease: mut had,
            room: first,
            ..
        }) = begun
        {
            filled = first.bytes;
            room.body(&mut lease)[..filled].copy_from_slice(first.body(&mut had));
        }
        match inflow.read(room.body(&mut lease), filled).await? {
            Read::Whole(filled) => Ok(Taken {
                lease,
                room,
                filled,
            }),
            Read::Full => Err(Refused::TooLarge(room.bytes)),
        }
    }

    /// What a body gets first that does not say its length, unless that is as much as it may need, or so much of the
    /// budget that it could keep the rest from being had.
    fn first(&self, admitted: &Admitted<'_>, whole: Room) -> Option<Room> {
        if admitted.says_length || whole.bytes <= FIRST {
            return None;
        }
        let first = Room::of(self, admitted, FIRST);
        let growing = growing(self.door.inlet.budget_bytes());
        let fits =
            first.all() <= growing && whole.all() <= self.door.inlet.budget_bytes() - growing;
        fits.then_some(first)
    }

    /// The right to hold so many bytes while it is not known how many are needed.
    async fn growing(&self, bytes: usize, until: Instant) -> Result<Permit, Refused> {
        let growing = &self.door.growing;
        match self.door.on_full {
            OnFull::Shed => growing.try_acquire(bytes).ok_or(Refused::Busy),
            OnFull::Block => self.waiting(until, growing.acquire(bytes)).await,
        }
    }

    /// A permit, and the memory for it.
    async fn lease(&self, room: Room, until: Instant) -> Result<Lease, Refused> {
        let inlet = &self.door.inlet;
        let (bytes, beside) = (room.most + room.bytes, room.beside);
        if room.all() > inlet.budget_bytes() {
            return Err(Refused::TooLarge(inlet.budget_bytes()));
        }
        if self.door.on_full == OnFull::Shed {
            if inlet.is_ended() {
                return Err(Refused::Ended);
            }
            let lease = inlet
                .lease_at_once(bytes, beside)
                .filter(|_| !inlet.is_full());
            return lease.ok_or(Refused::Busy);
        }
        let room = async {
            while inlet.is_full() && !inlet.is_ended() {
                task::sleep(LAP).await;
            }
            inlet.lease_with(bytes, beside).await
        };
        self.waiting(until, room).await?.ok_or(Refused::Ended)
    }

    /// What is waited for, unless it takes too long or the sender goes away.
    async fn waiting<T>(
        &self,
        until: Instant,
        future: impl Future<Output = T>,
    ) -> Result<T, Refused> {
        let comes = async { before(until, future).await.ok_or(Refused::NoRoom) };
        let goes = async {
            self.presence.left().await;
            Err(Refused::Broken("its sender has gone".into()))
        };
        or(comes, goes).await
    }
}
