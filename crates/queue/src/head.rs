use std::time::Duration;

use crate::depth::Gauge;
use crate::{Parcel, Weight};

/// The consuming end of a flume channel that keeps the next parcel in hand, so that the age of the
/// head is known exactly. Only its owner takes from the channel.
pub(crate) struct Head<T> {
    receiver: flume::Receiver<Parcel<T>>,
    next: Option<Parcel<T>>,
}

impl<T> Head<T> {
    pub(crate) fn new(receiver: flume::Receiver<Parcel<T>>) -> Self {
        Head {
            receiver,
            next: None,
        }
    }

    /// Takes the parcel at the head, if there is one, and publishes what is left.
    pub(crate) fn pop(&mut self, gauge: &Gauge) -> Option<Parcel<T>> {
        let head = match self.next.take() {
            Some(parcel) => parcel,
            None => self.receiver.try_recv().ok()?,
        };
        Some(self.took(head, gauge))
    }

    /// Takes the parcel at the head without saying so: it goes on counting as queued until
    /// [`Gauge::ran`] and [`Head::let_go`] say otherwise.
    pub(crate) fn begin(&mut self) -> Option<Parcel<T>> {
        self.next.take().or_else(|| self.receiver.try_recv().ok())
    }

    /// Lets go of the bytes of a parcel that was begun, and publishes what is left.
    pub(crate) fn let_go(&mut self, bytes: u64, gauge: &Gauge) {
        let weight = Weight { events: 0, bytes };
        let next = self.next.take();
        self.next = gauge.taken(weight, || next.or_else(|| self.receiver.try_recv().ok()));
    }

    /// Waits for a parcel; `None` once all senders are gone and nothing is left.
    pub(crate) fn wait(&mut self, gauge: &Gauge) -> Option<Parcel<T>> {
        let head = match self.next.take() {
            Some(parcel) => parcel,
            None => self.receiver.recv().ok()?,
        };
        Some(self.took(head, gauge))
    }

    /// Waits for a parcel, at most this long; `None` also when none came.
    pub(crate) fn wait_timeout(&mut self, at_most: Duration, gauge: &Gauge) -> Option<Parcel<T>> {
        let head = match self.next.take() {
            Some(parcel) => parcel,
            None => self.receiver.recv_timeout(at_most).ok()?,
        };
        Some(self.took(head, gauge))
    }

    /// True once all senders are gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.receiver.is_disconnected()
    }

    /// True once all senders are gone and nothing is left to take.
    pub(crate) fn is_ended(&self) -> bool {
        // The order matters: nothing is sent after the last sender has gone.
        self.next.is_none() && self.receiver.is_disconnected() && self.receiver.is_empty()
    }

    /// Lets nothing more in and lets go of what waits: flume would keep it, with its permits and
    /// receipts, until the last sender goes.
    pub(crate) fn close(&mut self, gauge: &Gauge) {
        gauge.close();
        while let Some(parcel) = self.pop(gauge) {
            gauge.done(parcel.weight.events);
        }
        gauge.gone();
    }

    fn took(&mut self, head: Parcel<T>, gauge: &Gauge) -> Parcel<T> {
        self.next = gauge.taken(head.weight, || self.receiver.try_recv().ok());
        head
    }
}
