use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::depth::Gauge;
use crate::head::Head;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::waiters::Waiters;
use crate::{Depth, Limits, Parcel, TrySendError};

/// A bounded queue in front of one consumer.
///
/// Senders never wait: a full room gives the parcel back, and [`RoomSender::on_space`] says when to
/// try again. The room closes when the last sender is dropped.
pub fn room<T>(name: impl Into<Arc<str>>, limits: Limits) -> (RoomSender<T>, RoomReceiver<T>) {
    // Every parcel counts as one event at least, so the gauge refuses before the channel does,
    // except in a room of more parcels than this.
    let slots = limits.events.clamp(1, 1 << 20) as usize;
    let (sender, receiver) = flume::bounded(slots);
    let shared = Arc::new(Shared {
        name: name.into(),
        limits: Limits {
            events: limits.events.max(1),
            bytes: limits.bytes,
        },
        gauge: Gauge::new(),
        space: Waiters::new(),
        parcels: Waiters::new(),
        refusals: Waiters::new(),
        refused: AtomicBool::new(false),
    });
    let ends = SenderEnds {
        shared: shared.clone(),
    };
    (
        RoomSender { sender, ends },
        RoomReceiver {
            head: Head::new(receiver),
            shared,
        },
    )
}

struct Shared {
    name: Arc<str>,
    limits: Limits,
    gauge: Gauge,
    /// Senders that wait for space.
    space: Waiters,
    /// The consumer's task, when it waits in [`RoomReceiver::recv_async`].
    parcels: Waiters,
    /// The consumer's task, when it lets parcels gather while there is space.
    refusals: Waiters,
    /// A parcel found no space since one was taken out.
    refused: AtomicBool,
}

impl Shared {
    /// A parcel is counted before it is sent, and no longer once it is taken: if none is counted, whoever put one in has
    /// nobody to wake for it. A consumer whose room stays empty sleeps on.
    fn wake_for_parcels(&self) {
        if self.gauge.events() > 0 {
            self.parcels.wake();
        }
    }

    /// A parcel was taken out.
    fn made_space(&self) {
        if self.refused.load(Ordering::Relaxed) {
            self.refused.store(false, Ordering::Relaxed);
        }
        self.space.wake();
    }
}

/// The sending end. Clones share the room.
pub struct RoomSender<T> {
    // Declared, and so dropped, before `ends`: the consumer is woken when this sender has gone.
    sender: flume::Sender<Parcel<T>>,
    ends: SenderEnds,
}

struct SenderEnds {
    shared: Arc<Shared>,
}

impl Drop for SenderEnds {
    fn drop(&mut self) {
        self.shared.parcels.wake();
    }
}

impl<T> Clone for RoomSender<T> {
    fn clone(&self) -> Self {
        let ends = SenderEnds {
            shared: self.ends.shared.clone(),
        };
        RoomSender {
            sender: self.sender.clone(),
            ends,
        }
    }
}

impl<T> RoomSender<T> {
    /// Hands a parcel over, or gives it back.
    ///
    /// # Errors
    /// [`TrySendError::Full`] when the room has no space for it, [`TrySendError::Closed`] when the
    /// consumer is gone.
    pub fn try_send(&self, parcel: Parcel<T>) -> Result<(), TrySendError<T>> {
        self.put(parcel)?;
        self.ring();
        Ok(())
    }

    /// The same without waking a consumer that waits in [`RoomReceiver::recv_async`]: for a sender that has more
    /// to put in soon, and calls [`RoomSender::ring`] after the last.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send). Where there is no space the consumer is woken, for that is what makes some.
    pub fn put(&self, mut parcel: Parcel<T>) -> Result<(), TrySendError<T>> {
        let shared = &self.ends.shared;
        parcel.weight.events = parcel.weight.events.max(1);
        let put = shared.gauge.push(&self.sender, parcel, Some(shared.limits));
        if matches!(put, Err(TrySendError::Full(_))) {
            self.ring();
            // Told before the consumer is woken for it.
            shared.refused.store(true, Ordering::SeqCst);
            shared.refusals.wake();
        }
        put
    }

    /// Wakes the consumer for what was put in, unless it has taken that already.
    pub fn ring(&self) {
        self.ends.shared.wake_for_parcels();
    }

    /// Waits for space, asynchronously. May be cancelled at any time: the parcel is then dropped
    /// here, never delivered behind the caller's back.
    ///
    /// # Errors
    /// The parcel, when the consumer is gone.
    pub async fn send_async(&self, parcel: Parcel<T>) -> Result<(), Parcel<T>> {
        let mut waiting = Some(parcel);
        poll_fn(|context| {
            for register in [true, false] {
                let Some(parcel) = waiting.take() else {
                    return Poll::Ready(Ok(()));
                };
                match self.try_send(parcel) {
                    Ok(()) => return Poll::Ready(Ok(())),
                    Err(TrySendError::Closed(parcel)) => return Poll::Ready(Err(parcel)),
                    Err(TrySendError::Full(parcel)) => waiting = Some(parcel),
                }
                if register {
                    self.on_space(context.waker());
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Wakes `waker` once when the consumer has next made space, or has gone. Try to send again
    /// after this call and before waiting: space may have come in between.
    pub fn on_space(&self, waker: &Waker) {
        self.ends.shared.space.register(waker);
    }

    /// How full the room is.
    pub fn depth(&self) -> Depth {
        self.view().depth()
    }

    /// A read-only view of the room that keeps nobody from closing it.
    pub fn view(&self) -> RoomView {
        RoomView {
            shared: self.ends.shared.clone(),
        }
    }
}

/// The consuming end.
pub struct RoomReceiver<T> {
    head: Head<T>,
    shared: Arc<Shared>,
}

impl<T> RoomReceiver<T> {
    /// Waits for a parcel, blocking this thread. `None` when the room is closed and empty.
    pub fn recv(&mut self) -> Option<Parcel<T>> {
        let parcel = self.head.wait(&self.shared.gauge);
        self.shared.made_space();
        parcel
    }

    /// Waits for a parcel at most this long, blocking this thread. `None` when none came; see
    /// [`RoomReceiver::is_ended`] for whether any still can.
    pub fn recv_timeout(&mut self, at_most: Duration) -> Option<Parcel<T>> {
        let parcel = self.head.wait_timeout(at_most, &self.shared.gauge)?;
        self.shared.made_space();
        Some(parcel)
    }

    /// True when the room is closed and empty.
    pub fn is_ended(&self) -> bool {
        self.head.is_ended()
    }

    /// A parcel, if one waits.
    pub fn try_recv(&mut self) -> Option<Parcel<T>> {
        let parcel = self.head.pop(&self.shared.gauge)?;
        self.shared.made_space();
        Some(parcel)
    }

    /// Waits for a parcel, asynchronously. May be cancelled at any time: a parcel is taken only
    /// when it is returned. `None` when the room is closed and empty.
    pub async fn recv_async(&mut self) -> Option<Parcel<T>> {
        poll_fn(|context| {
            for register in [true, false] {
                if let Some(parcel) = self.try_recv() {
                    return Poll::Ready(Some(parcel));
                }
                if self.head.is_ended() {
                    return Poll::Ready(None);
                }
                if register {
                    self.shared.parcels.register(context.waker());
                }
            }
            Poll::Pending
        })
        .await
    }

    /// True when no more will come: the last sender has gone. What waits can still be taken.
    pub fn is_closed(&self) -> bool {
        self.head.is_closed()
    }

    /// True when somebody found no space since the last parcel was taken, or waits for some.
    pub fn has_refused(&self) -> bool {
        self.shared.refused.load(Ordering::SeqCst) || self.shared.space.any()
    }

    /// Wakes `waker` once when the next parcel finds no space. Look again at [`has_refused`](Self::has_refused) after this
    /// call and before waiting: it may have been told that before.
    pub fn on_refusal(&self, waker: &Waker) {
        self.shared.refusals.register(waker);
    }

    /// True when a parcel waits.
    pub fn has_parcels(&self) -> bool {
        self.shared.gauge.events() > 0
    }

    /// Says that `events` events of the parcels taken are no longer in the consumer's hand.
    /// [`RoomView::in_hand`] counts what is taken and not done.
    pub fn done(&self, events: u64) {
        self.shared.gauge.done(events);
    }

    /// A read-only view of the room.
    pub fn view(&self) -> RoomView {
        RoomView {
            shared: self.shared.clone(),
        }
    }
}

impl<T> Drop for RoomReceiver<T> {
    fn drop(&mut self) {
        self.head.close(&self.shared.gauge);
        self.shared.space.wake();
    }
}

/// A view of a room, for metrics and health. It takes nothing out and puts nothing in.
#[derive(Clone)]
pub struct RoomView {
    shared: Arc<Shared>,
}

impl RoomView {
    /// The room's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// How full it is.
    pub fn depth(&self) -> Depth {
        self.shared.gauge.read(self.shared.limits)
    }

    /// Wakes those who wait for space, though there may be none: what they wait for has changed.
    pub fn wake_senders(&self) {
        self.shared.space.wake();
    }

    /// Wakes the consumer if something waits for it: somebody who put that in may not come to [`RoomSender::ring`].
    pub fn wake_receiver(&self) {
        self.shared.wake_for_parcels();
    }

    /// Events that the consumer has taken and not yet done; read after the depth, it misses none.
    pub fn in_hand(&self) -> u64 {
        self.shared.gauge.in_hand()
    }
}
