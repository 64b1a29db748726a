use millpond_delivery::{Consignment, Outbound};
use millpond_queue::{Parcel, Weight, monotonic_nanos};

use crate::codec::Codec;
use crate::shard::Shard;

/// What a shard does with its output: it is gathered in emptied buffers, put into the outbox, and flushed into the sinks'
/// rooms.
impl<C: Codec> Shard<C> {
    /// Takes emptied buffers to write output into.
    pub(crate) fn fetch_spares(&mut self) {
        for (output, exit) in self.outputs.iter_mut().zip(&self.shared.exits) {
            if self.codec.rows(output) == 0
                && let Some(spare) = exit.spares.take()
            {
                *output = spare;
            }
        }
    }

    /// Gives back those that were not used: a shard that does not run holds no memory but its backlog.
    pub(crate) fn return_spares(&mut self) {
        for (output, exit) in self.outputs.iter_mut().zip(&self.shared.exits) {
            let bytes = self.codec.bytes(output);
            if self.codec.rows(output) == 0 && bytes > 0 {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                exit.spares.give(std::mem::take(output), bytes);
            }
        }
    }

    /// Puts the gathered output into the outbox and flushes it; true when nothing is left there.
    pub(crate) fn hand_over(&mut self) -> bool {
        self.tell_progress();
        let number = self.number();
        self.shared.service.add(number, &mut self.ran);
        let shared = &self.shared;
        for (at, exit) in shared.exits.iter().enumerate() {
            let rows = self.codec.rows(&self.outputs[at]);
            if rows == 0 {
                continue;
            }
            let output = std::mem::take(&mut self.outputs[at]);
            let bytes = self.codec.bytes(&output);
            let own;
            let (consignment, received_nanos, trace) = match &self.open {
                Some(open) => (&open.consignment, open.received_nanos, open.trace),
                // What a stage makes at a tick or at the end answers to no input.
                None => {
                    own = Consignment::open(&shared.ledger);
                    (&own, monotonic_nanos(), 0)
                }
            };
            let receipt = consignment
                .receipt(&exit.ledger, rows, exit.required, received_nanos)
                .traced(trace);
            let permit = shared
                .budget
                .charge(usize::try_from(bytes).unwrap_or(usize::MAX));
            let parcel = Parcel::packed(
                Outbound {
                    output,
                    lane: self.lane.clone(),
                    receipt,
                },
                Weight {
                    events: rows,
                    bytes,
                },
                self.clock,
            );
            self.outbox
                .push(at, parcel.with_permit(permit), &shared.counts);
        }
        if self.is_between_batches()
            && let Some(open) = self.open.take()
        {
            self.parts = open.parts.len();
            open.consignment.seal(open.parts, open.tally);
            self.mailbox.done(open.ran);
        }
        self.flush()
    }

    pub(crate) fn flush(&mut self) -> bool {
        self.outbox.flush(
            &self.codec,
            &self.shared.exits,
            &self.shared.counts,
            &self.waker,
        )
    }

    /// True when enough output is gathered to hand it over before the slice ends.
    pub(crate) fn has_enough_output(&self) -> bool {
        let enough = self.shared.output_bytes;
        self.outputs
            .iter()
            .any(|output| self.codec.filled(output) >= enough)
    }
}
