//! An errand as bytes, and the rows of its answer.

use std::io;
use std::time::Instant;

use super::link::{Failure, Link};
use super::parent::{Asked, Errand};
use super::reply::Reply;
use super::request::{self, Call, Head};
use super::wire::{Rows, Wire};

/// Appends what an errand is to a child.
pub(super) fn write_request<C: Wire>(errand: &Errand<'_, C>, into: &mut Vec<u8>) {
    let mut head = Head {
        call: Call::Run,
        utf8: true,
        pipeline: u32::try_from(errand.pipeline).unwrap_or(u32::MAX),
        shard: errand.shard,
        events: 0,
        batches: 0,
        bytes: 0,
        now: 0,
    };
    let (haul, events) = match &errand.what {
        Asked::Run { haul, events, .. } => (haul, events),
        Asked::Tick(now) | Asked::Finish(now) => {
            head.now = *now;
            head.call = match errand.what {
                Asked::Finish(_) => Call::Finish,
                _ => Call::Tick,
            };
            head.put(into);
            return;
        }
    };
    let codec = errand.codec;
    let parts = || haul.parts(events.clone());
    head.put(into);
    for (batch, within) in parts() {
        head.batches += 1;
        head.events += within.len() as u32;
        head.utf8 &= codec.is_utf8(batch);
        into.extend((within.len() as u32).to_le_bytes());
        into.extend(codec.received(batch).0.to_le_bytes());
    }
    for (batch, within) in parts() {
        for index in within {
            // A haul is far smaller than what a number can tell.
            head.bytes += codec.event_bytes(batch, index) as u32;
            into.extend(head.bytes.to_le_bytes());
        }
    }
    into.reserve(head.bytes as usize);
    for (batch, within) in parts() {
        within.for_each(|index| codec.put_event(batch, index, into));
    }
    let mut whole = Vec::with_capacity(request::HEAD);
    head.put(&mut whole);
    into[..whole.len()].copy_from_slice(&whole);
}

/// Reads the rows of an answer, and takes over all of it, or nothing.
pub(super) fn take_over<C: Wire>(
    errand: Errand<'_, C>,
    reply: &Reply,
    link: &mut Link,
    until: Instant,
) -> Result<(), Failure> {
    let Errand {
        codec,
        outputs,
        stats,
        what,
        ..
    } = errand;
    for at in 0..outputs.len() {
        let mut failed = Failure::Gone;
        let length = reply.exits[at].bytes() as usize;
        let mut fill = |bytes: &mut [u8]| {
            link.fill(bytes, until).map_err(|failure| {
                failed = failure;
                io::ErrorKind::Other.into()
            })
        };
        if codec
            .fill_rows(&mut outputs[at], length, &mut fill)
            .is_err()
        {
            outputs[..=at]
                .iter_mut()
                .for_each(|output| codec.unfill_rows(output));
            return Err(failed);
        }
    }
    for (output, column) in outputs.iter_mut().zip(&reply.exits) {
        let mut base = u32::MAX;
        let mut parts = None;
        if let Asked::Run {
            haul,
            events,
            base: first,
        } = &what
        {
            base = *first;
            parts = Some(haul.finder(events.start));
        }
        let rows = Rows {
            base,
            inputs: &column.inputs,
            ends: &column.ends,
        };
        codec.add_rows(output, rows, &mut |event| parts.as_mut()?(event as usize));
    }
    for (id, counts) in reply.stages.iter().enumerate() {
        stats.merge(id, counts);
    }
    Ok(())
}
