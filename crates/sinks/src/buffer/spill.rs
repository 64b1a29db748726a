//! From memory to disk.

use std::collections::VecDeque;
use std::sync::Arc;

use millpond_delivery::{Outbound, SinkLedger};
use millpond_event::Records;
use millpond_queue::Permit;
use millpond_store::{Buffer, Error, Kept};

use super::flights::Flights;
use super::piece::Pieces;

/// A parcel that was taken from the room and not handed on.
pub(super) struct Waiting {
    pub(super) outbound: Outbound<Records>,
    pub(super) permit: Option<Arc<Permit>>,
    /// As counted by the room.
    pub(super) events: u64,
    pub(super) bytes: u64,
    /// Its rows, once it had to go to disk.
    pub(super) copy: Option<Pieces>,
}

/// Puts what the sink has and what waits on disk, in this order, and syncs once for all of it. What is
/// durable then holds no input open; it is taken out of `waiting` and given to `kept`.
///
/// Of what has no room, nothing is let go of, and the error says why.
pub(super) fn spill(
    buffer: &mut Buffer,
    flights: &mut Flights,
    waiting: &mut VecDeque<Waiting>,
    ledger: &Arc<SinkLedger>,
    mut kept: impl FnMut(Waiting),
) -> Result<(), Error> {
    // Records appended of each, in order, until one is refused.
    let mut appended: Vec<(usize, Option<Kept>)> = Vec::new();
    let mut refused = None;
    let copies = flights.unkept().filter_map(|flight| flight.copy.as_ref());
    for copy in copies {
        append(buffer, copy, &mut appended, &mut refused);
    }
    let in_flight = appended.len();
    for one in waiting.iter_mut() {
        if refused.is_some() {
            break;
        }
        let Outbound {
            output,
            lane,
            receipt,
        } = &one.outbound;
        let copy = one
            .copy
            .get_or_insert_with(|| flights.spare().of(output, lane, receipt));
        append(buffer, copy, &mut appended, &mut refused);
    }
    if let Some(error) = refused.take_if(|error| !error.is_full()) {
        return Err(error);
    }
    buffer.sync()?;
    let mut last = None;
    for (flight, (records, end)) in flights.unkept().zip(&appended[..in_flight]) {
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
    for (records, _) in &appended[in_flight..] {
        let Some(one) = waiting.front_mut() else {
            break;
        };
        if let Some(copy) = &mut one.copy {
            copy.wrote(*records);
        }
        if !one.copy.as_ref().is_some_and(Pieces::are_written) {
            break;
        }
        waiting.pop_front().into_iter().for_each(&mut kept);
    }
    match refused {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Appends what of `copy` is not on disk, unless something was refused before.
fn append(
    buffer: &mut Buffer,
    copy: &Pieces,
    appended: &mut Vec<(usize, Option<Kept>)>,
    refused: &mut Option<Error>,
) {
    if refused.is_some() {
        return;
    }
    // All of it or nothing, as far as its size is concerned: what is begun cannot go another way.
    *refused = copy
        .unwritten()
        .find_map(|(record, _)| buffer.may_hold(record.len()).err());
    if refused.is_some() {
        return;
    }
    let (mut records, mut end) = (0, None);
    for (record, rows) in copy.unwritten() {
        match buffer.append(record, rows) {
            Ok(kept) => (records, end) = (records + 1, Some(kept)),
            Err(error) => {
                *refused = Some(error);
                break;
            }
        }
    }
    appended.push((records, end));
}
