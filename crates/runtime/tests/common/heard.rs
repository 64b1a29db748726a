//! What a source hears of its records.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "this is test code, of which each test file uses its part"
)]

use std::collections::BTreeSet;
use std::sync::Mutex;

use millpond_delivery::{Settled, TicketInfo};

/// Which records the source was told of.
#[derive(Default)]
pub struct Heard {
    pub durable: Mutex<BTreeSet<u64>>,
    pub settled: Mutex<BTreeSet<u64>>,
    pub again: Mutex<BTreeSet<u64>>,
}

impl Settled for Heard {
    fn durable(&self, ticket: &TicketInfo) {
        self.durable.lock().unwrap().insert(ticket.first_sequence);
    }

    fn settled(&self, ticket: &TicketInfo, retry: bool) {
        let list = if retry { &self.again } else { &self.settled };
        list.lock().unwrap().insert(ticket.first_sequence);
    }
}
