use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::task::Waker;

use millpond_delivery::{Fate, Outbound};
use millpond_queue::{Parcel, TrySendError, monotonic_nanos};

use crate::codec::Codec;
use crate::exit::{Exit, OnFull};
use crate::view::Counts;

/// Output that waits for space in a sink's room, in order.
pub(crate) struct Outbox<O> {
    waiting: VecDeque<(usize, Parcel<Outbound<O>>)>,
    /// Something was put into a room whose sink has not been woken for it.
    put: bool,
}

impl<O> Outbox<O> {
    pub(crate) fn new() -> Self {
        Outbox {
            waiting: VecDeque::new(),
            put: false,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn push(&mut self, exit: usize, parcel: Parcel<Outbound<O>>, counts: &Counts) {
        counts
            .outbox_rows
            .fetch_add(parcel.weight.events, Ordering::SeqCst);
        self.waiting.push_back((exit, parcel));
    }

    /// Whether something was put into a room since the last time this was asked: its sink is to be woken.
    pub(crate) fn take_put(&mut self) -> bool {
        std::mem::take(&mut self.put)
    }

    /// Puts what the rooms have space for into them; true when nothing is left. Wakes no sink: see
    /// [`take_put`](Self::take_put). `waker` is woken when a room that was full has space. What waits for one sink
    /// never overtakes itself, and does not hold up what goes to another.
    pub(crate) fn flush<C: Codec<Output = O>>(
        &mut self,
        codec: &C,
        exits: &[Exit<O>],
        counts: &Counts,
        waker: &Waker,
    ) -> bool {
        // By exit; empty while none is full.
        let mut full = Vec::new();
        for _ in 0..self.waiting.len() {
            let Some((at, parcel)) = self.waiting.pop_front() else {
                break;
            };
            let rows = parcel.weight.events;
            let kept = if full.get(at) == Some(&true) {
                Some(parcel)
            } else {
                hand_over(codec, &exits[at], parcel, waker)
            };
            match kept {
                Some(parcel) => {
                    full.resize(exits.len(), false);
                    full[at] = true;
                    self.waiting.push_back((at, parcel));
                }
                None => {
                    self.put = true;
                    counts.outbox_rows.fetch_sub(rows, Ordering::SeqCst);
                }
            }
        }
        self.is_empty()
    }
}

/// Puts a parcel into its sink's room, or ends it where it can go no further; gives it back when it
/// has to wait.
fn hand_over<C: Codec>(
    codec: &C,
    exit: &Exit<C::Output>,
    parcel: Parcel<Outbound<C::Output>>,
    waker: &Waker,
) -> Option<Parcel<Outbound<C::Output>>> {
    #[cfg(any(
        millpond_seed_bug = "dropped_ticket",
        millpond_seed_bug = "dropped_ticket_counts_as_delivered"
    ))]
    if is_to_be_dropped() {
        return None;
    }
    let send = |parcel| match exit.given_up.get() {
        Some(reason) => {
            give_up(codec, parcel, Fate::Dropped(reason));
            Ok(())
        }
        None => exit.room.put(parcel),
    };
    let parcel = match send(parcel) {
        Ok(()) => return None,
        Err(TrySendError::Closed(parcel)) => {
            return give_up(codec, parcel, Fate::Abandoned("sink_closed"));
        }
        Err(TrySendError::Full(parcel)) => parcel,
    };
    if exit.on_full == OnFull::Drop {
        return give_up(codec, parcel, Fate::Dropped("sink_full"));
    }
    // Space may come between the refusal and the registration, or the sink be given up: so look again
    // afterwards.
    exit.room.on_space(waker);
    match send(parcel) {
        Ok(()) => None,
        Err(TrySendError::Closed(parcel)) => give_up(codec, parcel, Fate::Abandoned("sink_closed")),
        Err(TrySendError::Full(parcel)) => Some(parcel),
    }
}

/// One parcel in a thousand is dropped without an answer, as if its holder had panicked. By itself that costs a
/// replay and the order of its keys; the proof has to tell whether it costs events.
#[cfg(any(
    millpond_seed_bug = "dropped_ticket",
    millpond_seed_bug = "dropped_ticket_counts_as_delivered"
))]
fn is_to_be_dropped() -> bool {
    use std::sync::atomic::AtomicU64;
    static HANDED_OVER: AtomicU64 = AtomicU64::new(0);
    HANDED_OVER.fetch_add(1, Ordering::Relaxed) % 1_000 == 999
}

/// Answers for rows that no sink will get.
fn give_up<C: Codec>(
    codec: &C,
    parcel: Parcel<Outbound<C::Output>>,
    fate: Fate,
) -> Option<Parcel<Outbound<C::Output>>> {
    let Outbound {
        output, receipt, ..
    } = parcel.open().0;
    let rows = codec.rows(&output);
    receipt.settle(
        monotonic_nanos(),
        (0..rows).map(|row| (codec.input(&output, row), fate)),
    );
    None
}
