//! From disk to the sink.

use std::task::Context;
use std::time::Instant;

use millpond_delivery::{Fate, Outbound, Receipt};
use millpond_event::Records;
use millpond_queue::{Parcel, Weight};
use millpond_store::Kept;

use super::feeder::{AGAIN, Feeder, info};
use super::record::{self, Restored};

impl Feeder {
    /// Hands on what is on disk, while the room behind has space.
    pub(super) fn feed(&mut self, now: Instant, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while self.back.is_some() && !self.flights.are_halted() {
            if self.read.is_empty() && (self.read_at.is_some() || !self.read_on(now)) {
                break;
            }
            while let Some((_, restored)) = self.read.front() {
                let weight = weight(&restored.records);
                if !self.fits(weight, context) {
                    return moved;
                }
                let Some((kept, restored)) = self.read.pop_front() else {
                    break;
                };
                self.resume(kept, restored, weight);
                moved = true;
            }
        }
        moved
    }

    /// Reads on from disk; false when there is nothing, or it cannot be read.
    fn read_on(&mut self, now: Instant) -> bool {
        if self.buffer.is_read() {
            return false;
        }
        let (read, spares, ledger, name) = (&mut self.read, &self.spares, &self.ledger, &self.name);
        let journal = self.journal;
        let lose = |rows: u64, reason| {
            let lost = (0..rows).map(|_| (0, Fate::Dropped(reason)));
            Receipt::resumed(ledger, rows, 0).settle(0, lost);
        };
        let found = self.buffer.read(|kept, record| {
            if kept.lost > 0 {
                tracing::error!(
                    sink = name,
                    rows = kept.lost,
                    "rows in the buffer were damaged"
                );
                lose(kept.lost, "damaged");
            }
            match record::read(record, journal, spares.take().unwrap_or_default()) {
                Ok(restored) => read.push_back((kept, restored)),
                Err(error) => {
                    tracing::error!(
                        sink = name,
                        rows = kept.rows,
                        error,
                        "rows in the buffer cannot be read"
                    );
                    lose(kept.rows, "unreadable");
                }
            }
        });
        match found {
            Ok(found) => found,
            Err(error) => {
                self.refused(&error);
                self.read_at = Some(now + AGAIN);
                false
            }
        }
    }

    fn resume(&mut self, kept: Kept, restored: Restored, weight: Weight) {
        let Restored {
            records,
            lane,
            received_nanos,
        } = restored;
        let flight = self.flights.next();
        self.flights.begin_kept(kept);
        let receipt = Receipt::resumed(&self.ledger, weight.events, received_nanos);
        let outbound = Outbound {
            output: records,
            lane,
            receipt: receipt.watched(info(flight), self.answers.clone()),
        };
        self.send(Parcel::new(outbound, weight));
    }
}

fn weight(records: &Records) -> Weight {
    Weight {
        events: records.len() as u64,
        bytes: records.capacity() as u64,
    }
}
