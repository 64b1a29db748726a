use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use millpond_delivery::{Fate, Outbound, SinkLedger, TicketInfo};
use millpond_event::Records;
use millpond_queue::{Parcel, RoomReceiver, RoomSender, Spares, Weight, monotonic_nanos};
use millpond_store::{Buffer, Error, Kept};

use super::answers::Answers;
use super::flights::Flights;
use super::record::{Head, Restored};
use super::spill::{Waiting, spill};
use crate::{Rows, SinkControl};

/// How soon to try again what the disk refused.
pub(super) const AGAIN: Duration = Duration::from_secs(1);
/// How long a sink that is left may get nowhere before what it has is put on disk.
const GRACE: Duration = Duration::from_millis(500);
/// A buffer that has grown beyond this is freed rather than used again.
const MOST_SPARE_BYTES: usize = 1 << 20;

/// Moves rows from a room into the one behind it, through memory or by way of the disk, step by step.
///
/// Order is kept by one rule: memory is the way only while everything on disk has been handed on, and
/// before anything is put on disk, so is all that the sink has in memory. So after a crash the disk has
/// every row that is missing before one that it has.
pub(super) struct Feeder {
    pub(super) name: String,
    pub(super) front: RoomReceiver<Outbound<Records>>,
    /// Gone once nothing more is handed on.
    pub(super) back: Option<RoomSender<Outbound<Records>>>,
    pub(super) sink: SinkControl,
    pub(super) spares: Spares<Records>,
    pub(super) ledger: Arc<SinkLedger>,
    pub(super) required: bool,
    pub(super) buffer: Buffer,
    /// The journal that gives rows their places.
    pub(super) journal: Option<u64>,
    pub(super) answers: Arc<Answers>,
    pub(super) flights: Flights,
    /// Taken from the room in front, in order.
    pub(super) waiting: VecDeque<Waiting>,
    /// Read from disk and not handed on.
    pub(super) read: VecDeque<(Kept, Restored)>,
    /// What the disk refused to take in is tried again then.
    pub(super) spill_at: Option<Instant>,
    /// What could not be read is tried again then.
    pub(super) read_at: Option<Instant>,
    /// When anything last got on.
    pub(super) moved_at: Option<Instant>,
}

/// What to do after a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Step,
    /// Nothing to do until the waker is woken, or this time has come.
    Wait(Option<Instant>),
    End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    /// There may be more.
    Open,
    /// The waker is registered.
    Empty,
    Ended,
}

impl Feeder {
    pub(super) fn step(&mut self, now: Instant, context: &mut Context<'_>) -> Next {
        let leaves = self.answers.leaves();
        for at in [&mut self.spill_at, &mut self.read_at] {
            at.take_if(|at| *at <= now);
        }
        let mut moved = self.land(now);
        if !leaves {
            moved |= self.feed(now, context);
        }
        let room = self.take(context);
        moved |= self.pass(context);
        // Where nothing can be passed on, memory is kept for what is in the room.
        let spills = !self.waiting.is_empty()
            && (!self.passes() || room == Room::Open || leaves && room == Room::Ended);
        if spills && self.spill_at.is_none() {
            moved |= self.spill(now);
        }
        if self.spill_at.is_some() {
            moved |= self.give_up(leaves);
        } else if self.read_at.is_none() && self.waiting.is_empty() {
            self.takes();
        }
        if moved {
            self.moved_at = Some(now);
            return Next::Step;
        }
        if room == Room::Ended && self.waiting.is_empty() {
            return self.end(now, leaves);
        }
        Next::Wait(self.retry_at())
    }

    /// Hears what the sink has answered, and lets go of what is done.
    fn land(&mut self, now: Instant) -> bool {
        let heard = self.answers.take();
        let moved = !heard.is_empty();
        for (flight, abandoned) in heard {
            self.flights.answer(flight, abandoned);
        }
        if moved {
            // There may be room now.
            self.spill_at = None;
        }
        if let Some(last) = self.flights.land()
            && let Err(error) = self.buffer.settle(last)
        {
            self.refused(&error);
            self.spill_at = Some(now + AGAIN);
        }
        moved
    }

    /// Takes what waits in front, up to half of what the room may hold.
    fn take(&mut self, context: &mut Context<'_>) -> Room {
        let most = self.front.view().depth().capacity;
        let waiting = self.waiting.iter();
        let (mut held, mut pinned) = waiting.fold((0, 0), |(events, bytes), one| {
            (events + one.events, bytes + one.bytes)
        });
        loop {
            if held >= (most.events / 2).max(1) || pinned >= (most.bytes / 2).max(1) {
                return Room::Open;
            }
            // Each poll is a future of its own: none is kept while this thread does other things.
            match pin!(self.front.recv_async()).poll(context) {
                Poll::Ready(Some(parcel)) => {
                    let Weight { events, bytes } = parcel.weight;
                    (held, pinned) = (held + events, pinned + bytes);
                    let (outbound, permit) = parcel.open();
                    self.waiting.push_back(Waiting {
                        outbound,
                        permit,
                        events,
                        bytes,
                        kept: 0,
                    });
                }
                Poll::Ready(None) => return Room::Ended,
                Poll::Pending => return Room::Empty,
            }
        }
    }

    /// Whether rows may go through memory: nothing is on disk that comes before them.
    fn passes(&self) -> bool {
        let behind = self.back.is_some() && !self.flights.are_halted();
        let begun = self.waiting.front().is_some_and(|one| one.kept > 0);
        behind && !begun && self.read.is_empty() && self.buffer.is_read()
    }

    /// Hands on through memory what the room behind has space for.
    fn pass(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while self.passes()
            && let Some(first) = self.waiting.front()
        {
            let Waiting { events, bytes, .. } = *first;
            let weight = Weight { events, bytes };
            if !self.fits(weight, context) {
                break;
            }
            let Some(Waiting {
                outbound, permit, ..
            }) = self.waiting.pop_front()
            else {
                break;
            };
            let Outbound {
                output,
                lane,
                mut receipt,
            } = outbound;
            let head = Head {
                lane: &lane,
                journal: self.journal,
                received_nanos: receipt.received_nanos(),
            };
            let copy = self.flights.spare().of(Rows::of(&output, &lane), head);
            let flight = self.flights.next();
            self.flights.begin(copy, receipt.hold());
            let outbound = Outbound {
                output,
                lane,
                receipt: receipt.watched(info(flight), self.answers.clone()),
            };
            let mut parcel = Parcel::new(outbound, weight);
            if let Some(permit) = permit {
                parcel = parcel.with_shared_permit(permit);
            }
            self.send(parcel);
            self.front.done(events);
            moved = true;
        }
        moved
    }

    /// Whether the room behind has space; if not, the waker is woken when it has.
    pub(super) fn fits(&self, weight: Weight, context: &Context<'_>) -> bool {
        let Some(back) = &self.back else { return false };
        // Nobody else fills that room.
        let fits = || {
            let depth = back.depth();
            depth.events == 0
                || (depth.events + weight.events <= depth.capacity.events
                    && depth.bytes + weight.bytes <= depth.capacity.bytes)
        };
        fits() || {
            back.on_space(context.waker());
            fits()
        }
    }

    pub(super) fn send(&self, parcel: Parcel<Outbound<Records>>) {
        // A sink that is gone abandons it, of which the flight is told: it stays on disk, or goes there.
        if let Some(back) = &self.back {
            drop(back.try_send(parcel));
        }
    }

    /// Puts some of what waits on disk; true when something was.
    fn spill(&mut self, now: Instant) -> bool {
        let (front, spares) = (&self.front, &self.spares);
        let mut moved = false;
        let spilled = spill(
            &mut self.buffer,
            &mut self.flights,
            &mut self.waiting,
            self.journal,
            &self.ledger,
            |one| {
                let Outbound {
                    mut output,
                    receipt,
                    ..
                } = one.outbound;
                receipt.transfer();
                front.done(one.events);
                if output.capacity() <= MOST_SPARE_BYTES {
                    output.clear();
                    let bytes = output.capacity();
                    spares.give(output, bytes);
                }
                moved = true;
            },
        );
        match spilled {
            Ok(spilled) => {
                moved |= spilled;
                self.takes();
            }
            Err(error) => {
                self.refused(&error);
                self.spill_at = Some(now + AGAIN);
            }
        }
        moved
    }

    pub(super) fn refused(&self, error: &Error) {
        let error = error.to_string();
        if self.buffer.view().set_refuses(Some(error.clone())) {
            tracing::warn!(
                sink = self.name,
                error,
                "the buffer takes no rows: they wait"
            );
        }
    }

    fn takes(&self) {
        if self.buffer.view().set_refuses(None) {
            tracing::info!(sink = self.name, "the buffer takes rows again");
        }
    }

    fn retry_at(&self) -> Option<Instant> {
        self.spill_at.into_iter().chain(self.read_at).min()
    }

    /// Answers for what waits and can neither be handed on nor kept, when nobody may wait for it.
    fn give_up(&mut self, leaves: bool) -> bool {
        let fate = match (self.flights.are_halted(), self.required) {
            (true, _) => Fate::Abandoned("sink_closed"),
            (false, false) if leaves => Fate::Dropped("drain"),
            _ => return false,
        };
        let moved = !self.waiting.is_empty();
        for one in self.waiting.drain(..) {
            let Outbound {
                output, receipt, ..
            } = one.outbound;
            let rows = (0..output.len()).map(|row| (output.input(row), fate));
            receipt.settle(monotonic_nanos(), rows);
            self.front.done(one.events);
        }
        moved
    }

    /// Nothing more comes.
    fn end(&mut self, now: Instant, leaves: bool) -> Next {
        let stays = leaves || self.flights.are_halted();
        let handed_on = self.read.is_empty() && self.buffer.is_read();
        if !stays && !handed_on {
            return Next::Wait(self.retry_at());
        }
        if self.flights.are_awaited() {
            if !stays {
                self.back = None;
                return Next::Wait(None);
            }
            let since = *self.moved_at.get_or_insert(now);
            if now.saturating_duration_since(since) < GRACE {
                return Next::Wait(Some(since + GRACE));
            }
        }
        if self.flights.unkept().next().is_some() {
            if self.spill_at.is_none() {
                self.spill(now);
            }
            return match self.spill_at {
                Some(at) => Next::Wait(Some(at)),
                None => Next::Step,
            };
        }
        if !self.flights.is_empty() {
            self.sink.give_up();
        }
        self.back = None;
        let left = self.buffer.held();
        if left.rows > 0 {
            let (rows, bytes) = (left.rows, left.bytes);
            tracing::info!(
                sink = self.name,
                rows,
                bytes,
                "rows stay in the buffer for the next run"
            );
        }
        Next::End
    }
}

pub(super) fn info(flight: u64) -> TicketInfo {
    TicketInfo {
        first_sequence: flight,
        ..TicketInfo::default()
    }
}
