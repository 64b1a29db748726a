use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use millpond_delivery::{Fate, Lane, Outbound, Receipt};
use millpond_event::Records;
use millpond_queue::{Parcel, Permit, monotonic_nanos};

use super::refused::{Refusals, Refused};
use crate::Rows;

/// What a writer has in its hands: parcels taken from the room, in order, and how far it has come.
///
/// Rows that are refused for good count as written wherever they stand: the writer never sees them
/// again, and no failed flush brings them back.
#[derive(Default)]
pub(crate) struct Hand {
    parcels: VecDeque<Taken>,
    bytes: usize,
    rows: usize,
    /// Leading rows that no failed flush can undo.
    durable: usize,
    /// Leading rows that are written.
    written: usize,
    refusals: Refusals,
}

/// A parcel in hand.
pub(crate) struct Taken {
    pub(crate) records: Records,
    pub(crate) lane: Lane,
    pub(crate) receipt: Receipt,
    /// As counted by the room.
    events: u64,
    _permit: Option<Arc<Permit>>,
}

/// A parcel that has been answered.
pub(crate) struct Answered {
    pub(crate) records: Records,
    /// As counted by the room.
    pub(crate) events: u64,
    /// Bytes that were delivered.
    pub(crate) delivered: u64,
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
        self.parcels.push_back(Taken {
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

    /// The rows still to be written, `most` at most.
    pub(crate) fn unwritten(&self, most: usize) -> Vec<Rows<'_>> {
        let mut left = most;
        let mut runs = Vec::with_capacity(self.parcels.len());
        let mut begin = 0;
        for taken in &self.parcels {
            let rows = Rows::of(&taken.records, &taken.lane);
            let end = begin + rows.len();
            let mut at = begin.max(self.written);
            while at < end && left > 0 {
                let gap = self.refusals.next(at, self.rows);
                let until = end.min(gap.start).min(at.saturating_add(left));
                if (at, until) == (begin, end) {
                    runs.push(rows);
                } else if at < until {
                    runs.push(rows.split_at(at - begin).1.split_at(until - at).0);
                }
                left -= until.saturating_sub(at);
                at = if until == gap.start {
                    gap.end.max(until)
                } else {
                    until
                };
            }
            begin = end;
        }
        runs
    }

    /// The traces of what is in hand, parcel by parcel; 0: none.
    pub(crate) fn traces(&self) -> impl Iterator<Item = u64> {
        self.parcels.iter().map(|taken| taken.receipt.trace())
    }

    /// `rows` more rows are written.
    pub(crate) fn wrote(&mut self, rows: usize) {
        self.written = self.refusals.pass(self.written, rows).min(self.rows);
    }

    /// The next `rows` rows are refused for good.
    pub(crate) fn refuse(&mut self, rows: usize, why: Refused) {
        self.refusals.add(self.written, rows, self.rows, why);
        self.wrote(0);
    }

    /// Whether a flush would make anything durable.
    pub(crate) fn has_unflushed(&self) -> bool {
        self.refusals.pass(self.durable, 0) < self.written
    }

    /// Nothing written can be undone any more.
    pub(crate) fn flushed(&mut self) {
        self.durable = self.written;
    }

    /// A flush failed: but for `done` more leading rows, what was written is not.
    pub(crate) fn undo(&mut self, done: usize) {
        self.durable = self.refusals.pass(self.durable, done).min(self.written);
        self.written = self.durable;
    }

    /// Whether every row is durable or refused.
    pub(crate) fn is_done(&self) -> bool {
        self.durable == self.rows
    }

    /// Answers receipts, parcel by parcel: rows that are written are delivered, those that are not have
    /// the `fate`, and those that were refused the one that `set_aside` gives them. Where that gives
    /// none the parcel and those behind it stay; true when all are answered.
    pub(crate) fn answer(
        &mut self,
        fate: Fate,
        mut set_aside: impl FnMut(&Taken, &[(Range<usize>, Refused)]) -> Option<Fate>,
        mut emptied: impl FnMut(Answered),
    ) -> bool {
        let now = monotonic_nanos();
        while let Some(taken) = self.parcels.front() {
            let rows = taken.records.len();
            let refused = self.refusals.among(rows);
            let refused_fate = if refused.is_empty() {
                fate
            } else {
                match set_aside(taken, &refused) {
                    Some(fate) => fate,
                    None => return false,
                }
            };
            let written = self.written.min(rows);
            let mut failed: Vec<(usize, Fate)> = refused
                .iter()
                .flat_map(|(range, _)| range.clone())
                .map(|row| (row, refused_fate))
                .collect();
            let is_refused = |row: usize| refused.iter().any(|(range, _)| range.contains(&row));
            failed.extend(
                (written..rows)
                    .filter(|row| !is_refused(*row))
                    .map(|row| (row, fate)),
            );
            let Some(taken) = self.parcels.pop_front() else {
                break;
            };
            let records = &taken.records;
            let lost: usize = failed.iter().map(|&(row, _)| records.row(row).len()).sum();
            let delivered = (records.bytes().len() - lost) as u64;
            self.bytes -= records.bytes().len();
            self.rows -= rows;
            self.durable = self.durable.saturating_sub(rows);
            self.written = self.written.saturating_sub(rows);
            self.refusals.forget(rows);
            let inputs = failed
                .into_iter()
                .map(|(row, fate)| (records.input(row), fate));
            taken.receipt.settle(now, inputs);
            emptied(Answered {
                records: taken.records,
                events: taken.events,
                delivered,
            });
        }
        true
    }
}
