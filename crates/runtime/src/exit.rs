use std::sync::{Arc, OnceLock};

use millpond_delivery::{Outbound, SinkLedger};
use millpond_queue::{RoomSender, Spares};

/// What happens to output that finds a sink's room full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// It waits in its shard, and the shard with it.
    #[default]
    Block,
    /// It is given up and counted.
    Drop,
}

/// A place for a sink's emptied outputs: 64, for with a key each shard has a small one on its way, of 8 MiB together.
pub fn output_spares<O>() -> Spares<O> {
    Spares::new(64, 8 << 20)
}

/// Where a pipeline's output goes: one sink's room.
pub struct Exit<O> {
    /// The sink's room.
    pub room: RoomSender<Outbound<O>>,
    /// Emptied outputs that the sink gives back.
    pub spares: Spares<O>,
    /// The sink's ledger.
    pub ledger: Arc<SinkLedger>,
    /// Whether an input waits for this sink's confirmation.
    pub required: bool,
    /// What happens when the room is full.
    pub on_full: OnFull,
    /// Once set, the sink gets nothing more: output is given up and counted under this reason. Those
    /// who wait for the room have to be woken then.
    pub given_up: Arc<OnceLock<&'static str>>,
}

impl<O> Clone for Exit<O> {
    fn clone(&self) -> Self {
        Exit {
            room: self.room.clone(),
            spares: self.spares.clone(),
            ledger: self.ledger.clone(),
            given_up: self.given_up.clone(),
            ..*self
        }
    }
}

impl<O> Exit<O> {
    /// A required exit that blocks when its room is full.
    pub fn new(room: RoomSender<Outbound<O>>, ledger: Arc<SinkLedger>) -> Self {
        Exit {
            room,
            spares: output_spares(),
            ledger,
            required: true,
            on_full: OnFull::Block,
            given_up: Arc::default(),
        }
    }
}
