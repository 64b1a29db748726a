use std::sync::Arc;

use millpond_delivery::{Fate, Lane, Outbound, Receipt};
use millpond_event::Records;
use millpond_queue::{Parcel, Permit, monotonic_nanos};

use crate::Rows;

/// What a writer has in its hands: parcels taken from the room, in order, and how far it has come.
#[derive(Default)]
pub(crate) struct Hand {
    parcels: Vec<Taken>,
    bytes: usize,
    rows: usize,
    /// Leading rows that no failed flush can undo.
    durable: usize,
    /// Leading rows that are written.
    written: usize,
}

struct Taken {
    records: Records,
    lane: Lane,
    receipt: Receipt,
    /// As counted by the room.
    events: u64,
    _permit: Option<Arc<Permit>>,
}

/// A parcel that has been answered.
pub(crate) struct Answered {
    pub(crate) records: Records,
    /// As counted by the room.
    pub(crate) events: u64,
}

impl Hand {
    pub(crate) fn take(&mut self, parcel: Parcel<Outbound<Records>>) {
        let events = parcel.weight.events;
        let (
            Outbound {
                output,
                lane,
                receipt,
            },
            permit,
        ) = parcel.open();
        self.bytes += output.bytes().len();
        self.rows += output.len();
        self.parcels.push(Taken {
            records: output,
            lane,
            receipt,
            events,
            _permit: permit,
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    pub(crate) fn parcels(&self) -> usize {
        self.parcels.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows still to be written.
    pub(crate) fn unwritten(&self) -> Vec<Rows<'_>> {
        let mut skip = self.written;
        let mut left = Vec::with_capacity(self.parcels.len());
        for taken in &self.parcels {
            let rows = Rows::of(&taken.records, &taken.lane);
            if skip >= rows.len() {
                skip -= rows.len();
                continue;
            }
            left.push(if skip == 0 {
                rows
            } else {
                rows.split_at(skip).1
            });
            skip = 0;
        }
        left
    }

    /// `rows` more rows are written.
    pub(crate) fn wrote(&mut self, rows: usize) {
        self.written = (self.written + rows).min(self.rows);
    }

    /// All rows are written.
    pub(crate) fn wrote_all(&mut self) {
        self.written = self.rows;
    }

    /// A flush failed: but for `done` more leading rows, what was written is not.
    pub(crate) fn undo(&mut self, done: usize) {
        self.durable = (self.durable + done).min(self.written);
        self.written = self.durable;
    }

    /// Answers every receipt: the rows written are delivered, those that are not have the `fate`.
    /// Returns the bytes delivered.
    pub(crate) fn answer(&mut self, fate: Fate, mut emptied: impl FnMut(Answered)) -> u64 {
        let now = monotonic_nanos();
        let mut delivered_rows = self.written;
        let mut delivered_bytes = 0;
        for taken in self.parcels.drain(..) {
            let rows = Rows::of(&taken.records, &taken.lane);
            if delivered_rows >= rows.len() {
                delivered_rows -= rows.len();
                delivered_bytes += rows.bytes().len() as u64;
                taken.receipt.confirm(now);
            } else {
                let (delivered, failed) = (delivered_rows, delivered_rows..rows.len());
                delivered_rows = 0;
                delivered_bytes += rows.split_at(delivered).0.bytes().len() as u64;
                let failed = failed.map(|row| (taken.records.input(row), fate));
                taken.receipt.settle(now, failed);
            }
            emptied(Answered {
                records: taken.records,
                events: taken.events,
            });
        }
        (self.bytes, self.rows, self.durable, self.written) = (0, 0, 0, 0);
        delivered_bytes
    }
}
