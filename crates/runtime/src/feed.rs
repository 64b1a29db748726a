use std::sync::Arc;

use millpond_delivery::{Inbound, Ledger, Ticket, TicketInfo};
use millpond_queue::{Budget, Intake, Parcel, Weight, monotonic_nanos};

/// Hashes an item's key.
type KeyHash<T> = Box<dyn Fn(&T) -> u64 + Send>;

/// Feeds Rust values into a [`Passthrough`](crate::Passthrough) pipeline. Dropping it (with all
/// clones of its intake) ends the input.
pub struct Feed<T> {
    intake: Intake<Inbound<Vec<Option<T>>>>,
    ledger: Arc<Ledger>,
    budget: Budget,
    key: Option<KeyHash<T>>,
    next: usize,
    sequence: u64,
}

impl<T> Feed<T> {
    /// A feed without a key: whole batches go to the shards in turn, and order is not kept.
    pub fn new(
        intake: Intake<Inbound<Vec<Option<T>>>>,
        ledger: Arc<Ledger>,
        budget: Budget,
    ) -> Self {
        Feed {
            intake,
            ledger,
            budget,
            key: None,
            next: 0,
            sequence: 0,
        }
    }

    /// Keeps the order of items whose keys hash alike: they go to the same shard.
    #[must_use]
    pub fn keyed(mut self, hash: impl Fn(&T) -> u64 + Send + 'static) -> Self {
        self.key = Some(Box::new(hash));
        self
    }

    /// Hands items over. Waits while the budget is spent: this is where a pipeline slows its input.
    ///
    /// # Errors
    /// The number of items that were not taken, when the pipeline is gone.
    pub fn push(&mut self, items: Vec<T>) -> Result<(), usize> {
        if items.is_empty() {
            return Ok(());
        }
        let shards = self.intake.shards();
        let _arriving = self.intake.arriving(items.len() as u64);
        let info = TicketInfo {
            first_sequence: self.sequence,
            events: items.len() as u64,
            ..TicketInfo::default()
        };
        self.sequence += items.len() as u64;
        let ticket = Ticket::new(info, None);
        let mut parts: Vec<Vec<Option<T>>> = (0..shards).map(|_| Vec::new()).collect();
        match &self.key {
            None => {
                self.next = (self.next + 1) % shards;
                parts[self.next] = items.into_iter().map(Some).collect();
            }
            Some(key) => {
                for item in items {
                    let shard = key(&item) % shards as u64;
                    parts[shard as usize].push(Some(item));
                }
            }
        }
        let mut lost = 0;
        for (shard, part) in parts
            .into_iter()
            .enumerate()
            .filter(|(_, part)| !part.is_empty())
        {
            let (events, bytes) = (part.len(), (part.len() * size_of::<T>()).max(4 << 10));
            let permit = self.budget.acquire_blocking(bytes);
            let batch = Inbound {
                batch: part,
                part: ticket.part(&self.ledger, events as u64),
                received_nanos: monotonic_nanos(),
            };
            let weight = Weight {
                events: events as u64,
                bytes: bytes as u64,
            };
            if self
                .intake
                .send(shard, Parcel::new(batch, weight).with_permit(permit))
                .is_err()
            {
                lost += events;
            }
            self.intake.ring();
        }
        if lost == 0 { Ok(()) } else { Err(lost) }
    }
}
