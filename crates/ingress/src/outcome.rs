use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Instant;

use millpond_delivery::{Settled, TicketInfo};

use crate::Ack;
use crate::memory::Reservation;

/// What became of the events of one request, over all chunks that its body was cut into.
pub(crate) struct Outcome {
    ack: Ack,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many events there are, once that is known.
    events: Option<u64>,
    durable: u64,
    settled: u64,
    abandoned: bool,
    waker: Option<Waker>,
    /// Ids to remember once they are acknowledged: that may be after the answer, and then counts all the same.
    reservations: Vec<Reservation>,
}

/// Some of the events were abandoned: nobody can say that they were delivered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Abandoned;

impl Outcome {
    /// Nothing has become of them yet; `ack` is the level that will be waited for.
    pub(crate) fn new(ack: Ack, reservations: Vec<Reservation>) -> Self {
        let state = State {
            reservations,
            ..State::default()
        };
        Outcome {
            ack,
            state: Mutex::new(state),
        }
    }

    /// Waits until all of this many events are acknowledged.
    pub(crate) async fn reached(&self, events: u64) -> Result<(), Abandoned> {
        self.lock().events = Some(events);
        poll_fn(|context| {
            let mut state = self.lock();
            if state.is_reached(self.ack) {
                let kept = std::mem::take(&mut state.reservations);
                drop(state);
                keep(kept);
                return Poll::Ready(Ok(()));
            }
            if state.abandoned {
                return Poll::Ready(Err(Abandoned));
            }
            let before = state.waker.replace(context.waker().clone());
            // A waker that goes may take a task with it, and that task this very outcome.
            drop(state);
            drop(before);
            Poll::Pending
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, change: impl FnOnce(&mut State)) {
        let (waker, kept) = {
            let mut state = self.lock();
            change(&mut state);
            let reached = state.is_reached(self.ack);
            let kept = if reached {
                std::mem::take(&mut state.reservations)
            } else {
                Vec::new()
            };
            (state.waker.take(), kept)
        };
        keep(kept);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl State {
    fn is_reached(&self, ack: Ack) -> bool {
        self.events.is_some_and(|events| match ack {
            Ack::Received => true,
            // What is durable stays so, whatever becomes of it in this process.
            Ack::Durable => self.durable >= events,
            Ack::Delivered => self.settled >= events && !self.abandoned,
        })
    }
}

fn keep(reservations: Vec<Reservation>) {
    for reservation in reservations {
        reservation.keep(Instant::now());
    }
}

impl Settled for Outcome {
    fn durable(&self, ticket: &TicketInfo) {
        self.tell(|state| state.durable += ticket.events);
    }

    fn waits_for_the_end(&self) -> bool {
        self.ack == Ack::Delivered
    }

    fn settled(&self, ticket: &TicketInfo, retry: bool) {
        self.tell(|state| {
            state.settled += ticket.events;
            state.abandoned |= retry;
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{block_on, poll_once};

    use super::*;

    fn chunk(events: u64) -> TicketInfo {
        TicketInfo {
            events,
            ..TicketInfo::default()
        }
    }

    #[test]
    fn half_a_body_that_is_settled_acknowledges_nothing() {
        for (ack, say) in [
            (Ack::Durable, Settled::durable as fn(&_, &_)),
            (Ack::Delivered, |outcome: &Outcome, ticket: &_| {
                outcome.settled(ticket, false);
            }),
        ] {
            let outcome = Outcome::new(ack, Vec::new());
            say(&outcome, &chunk(3));
            assert_eq!(block_on(poll_once(outcome.reached(5))), None, "{ack}");
            say(&outcome, &chunk(2));
            assert_eq!(block_on(outcome.reached(5)), Ok(()), "{ack}");
        }
    }

    #[test]
    fn what_is_delivered_before_it_is_durable_is_not_yet_durable() {
        let outcome = Outcome::new(Ack::Durable, Vec::new());
        outcome.settled(&chunk(5), false);
        assert_eq!(block_on(poll_once(outcome.reached(5))), None);
    }

    #[test]
    fn one_abandoned_chunk_spoils_the_request_and_wakes_who_waits_for_the_others() {
        let outcome = std::sync::Arc::new(Outcome::new(Ack::Delivered, Vec::new()));
        let (told, heard) = std::sync::mpsc::channel();
        std::thread::spawn({
            let outcome = outcome.clone();
            move || told.send(block_on(outcome.reached(1_000)))
        });
        outcome.settled(&chunk(1), true);
        let patience = std::time::Duration::from_secs(20);
        assert_eq!(heard.recv_timeout(patience), Ok(Err(Abandoned)));
    }
}
