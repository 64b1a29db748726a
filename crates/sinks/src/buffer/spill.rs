//! From memory to disk.

use std::collections::VecDeque;
use std::sync::Arc;

use millpond_delivery::{Outbound, SinkLedger};
use millpond_event::Records;
use millpond_queue::Permit;
use millpond_store::{Buffer, Error, Kept};

use super::flights::Flights;
use super::piece::{MOST, Pieces};
use super::record::Head;
use crate::Rows;

/// Once a group is as long as this, it is synced: until then it is in memory a second time.
const GROUP: usize = 2 << 20;

/// A parcel that was taken from the room and not handed on.
pub(super) struct Waiting {
    pub(super) outbound: Outbound<Records>,
    pub(super) permit: Option<Arc<Permit>>,
    /// As counted by the room.
    pub(super) events: u64,
    pub(super) bytes: u64,
    /// Leading rows that are on disk: once there are some, the others have to go there, too.
    pub(super) kept: usize,
}

/// Puts a group of what the sink has and what waits on disk, in this order, and syncs once for all of it.
/// What is durable then holds no input open; it is taken out of `waiting` and given to `kept`. Says
/// whether something was put there.
///
/// Of what has no room, nothing is let go of, and the error says why.
pub(super) fn spill(
    buffer: &mut Buffer,
    flights: &mut Flights,
    waiting: &mut VecDeque<Waiting>,
    journal: Option<u64>,
    ledger: &Arc<SinkLedger>,
    mut kept: impl FnMut(Waiting),
) -> Result<bool, Error> {
    let mut group = Group {
        buffer,
        bytes: 0,
        refused: None,
    };
    // Records appended of each, in order, until one is refused.
    let copies = flights.unkept().filter_map(|flight| flight.copy.as_ref());
    let copies: Vec<_> = copies.map_while(|copy| group.copy(copy)).collect();
    // Rows that will be kept of each.
    let waits = waiting.iter().map_while(|one| group.rows(one, journal));
    let waits: Vec<_> = waits.collect();
    let mut refused = group.refused;
    if let Some(error) = refused.take_if(|error| !error.is_full()) {
        return Err(error);
    }
    buffer.sync()?;
    let mut last = None;
    for (flight, (records, end)) in flights.unkept().zip(&copies) {
        if let Some(copy) = &mut flight.copy {
            copy.wrote(*records);
        }
        flight.kept = end.or(flight.kept);
        last = end.or(last);
        if flight.copy.as_ref().is_some_and(Pieces::are_written) {
            flight.copy = None;
            if let Some(hold) = flight.hold.take() {
                ledger.restore(hold.release());
            }
        }
    }
    if let Some(last) = last {
        buffer.pass_over(last);
    }
    for rows in &waits {
        let Some(one) = waiting.front_mut() else {
            break;
        };
        one.kept = *rows;
        if one.kept < one.outbound.output.len() {
            break;
        }
        waiting.pop_front().into_iter().for_each(&mut kept);
    }
    match refused {
        Some(error) => Err(error),
        None => Ok(!copies.is_empty() || !waits.is_empty()),
    }
}

/// What is appended and not synced.
struct Group<'a> {
    buffer: &'a mut Buffer,
    bytes: usize,
    /// Nothing is appended behind what was refused.
    refused: Option<Error>,
}

impl Group<'_> {
    fn is_over(&self) -> bool {
        self.refused.is_some() || self.bytes >= GROUP
    }

    /// Appends what of `copy` is not on disk: the records that were, and where the last one lies. None if
    /// that has to wait.
    fn copy(&mut self, copy: &Pieces) -> Option<(usize, Option<Kept>)> {
        if self.is_over() || !self.takes(copy.unwritten().map(|(record, _)| record.len())) {
            return None;
        }
        let (mut records, mut end) = (0, None);
        for (record, rows) in copy.unwritten() {
            let put = |out: &mut Vec<u8>| out.extend_from_slice(record);
            match self.append(rows, put) {
                Some(kept) => (records, end) = (records + 1, Some(kept)),
                None => break,
            }
        }
        Some((records, end))
    }

    /// Appends what of `one` is not on disk: how many leading rows are there then. None if that has to
    /// wait.
    fn rows(&mut self, one: &Waiting, journal: Option<u64>) -> Option<usize> {
        let Outbound {
            output,
            lane,
            receipt,
        } = &one.outbound;
        let rows = Rows::of(output, lane);
        let head = Head {
            lane,
            journal,
            received_nanos: receipt.received_nanos(),
        };
        let cuts = |first: usize| {
            let cut = move |first: usize| {
                (first < rows.len()).then(|| (first, head.cut(rows, first, MOST)))
            };
            std::iter::successors(cut(first), move |(first, (count, _))| cut(first + count))
        };
        let lengths = cuts(one.kept).map(|(_, (_, length))| length);
        if self.is_over() || !self.takes(lengths) {
            return None;
        }
        let mut kept = one.kept;
        for (first, (count, _)) in cuts(one.kept) {
            let many = u32::try_from(count).unwrap_or(u32::MAX);
            if self
                .append(many, |out| head.write(rows, first, count, out))
                .is_none()
            {
                break;
            }
            kept = first + count;
        }
        Some(kept)
    }

    /// Whether records of these lengths could ever be taken in: all of them or none, since what is begun
    /// cannot go another way.
    fn takes(&mut self, mut lengths: impl Iterator<Item = usize>) -> bool {
        self.refused = lengths.find_map(|length| self.buffer.may_hold(length).err());
        self.refused.is_none()
    }

    fn append(&mut self, rows: u32, write: impl FnOnce(&mut Vec<u8>)) -> Option<Kept> {
        let mut bytes = 0;
        let appended = self.buffer.append(rows, |out| {
            let before = out.len();
            write(out);
            bytes = out.len() - before;
        });
        match appended {
            Ok(kept) => {
                self.bytes += bytes;
                Some(kept)
            }
            Err(error) => {
                self.refused = Some(error);
                None
            }
        }
    }
}
