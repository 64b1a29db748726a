//! Delivery accounting: what was taken in, what became of it, and what is still on its way.
//!
//! - A [`Ticket`] stands for one chunk that a source took in. It is cut into [`Part`]s, one per
//!   shard that gets events of it, and ends when the last of them has ended.
//! - A [`Consignment`] is what a worker makes of some parts: it gives every sink it has output for a
//!   [`Receipt`], seals the consignment with a [`Tally`] of outcomes, and the parts end when every
//!   receipt has been answered. A receipt or a part that is dropped without an answer says so: the
//!   events are counted as abandoned and the ticket asks for a retry. Nothing counts as delivered
//!   by being forgotten. A sink that keeps rows where no crash loses them may let go of their inputs before
//!   they are delivered ([`Receipt::transfer`], [`Hold`]).
//! - A [`SettledPrefix`] says how far a partition has settled without a gap: what may be committed.
//! - [`Arrears`] are what a pipeline has not been given of a journal while others were: what may be committed without
//!   a gap ends where they begin.
//! - A [`Ledger`] holds the equation of a pipeline's inputs,
//!   `received = delivered + filtered + consumed + absorbed + dead-lettered + dropped + live`, and a
//!   [`SinkLedger`] that of a sink's outputs,
//!   `routed = delivered + dead-lettered + dropped + live`. `live` is counted at birth and end,
//!   never derived from the other terms, so what leaks shows as [`Ledger::unaccounted`].
//!
//! Nothing here waits, does IO or reads a clock. Totals change once a batch, under a short lock, so
//! that a reader sees all terms of an equation at one moment.
//!
//! ```
//! use std::sync::Arc;
//! use millpond_delivery::{Consignment, Fate, Ledger, SinkLedger, Tally, Ticket};
//!
//! let ledger = Arc::new(Ledger::new("clicks"));
//! let sink = Arc::new(SinkLedger::new("features"));
//!
//! // A source takes in three events for one pipeline.
//! let ticket = Ticket::new(Default::default(), None);
//! let part = ticket.part(&ledger, 3);
//! drop(ticket);
//!
//! // A worker filters one and sends the other two to a sink.
//! let consignment = Consignment::open(&ledger);
//! let receipt = consignment.receipt(&sink, 2, true, 0);
//! consignment.seal(vec![part], Tally { passed: 2, filtered: 1, ..Tally::default() });
//! assert_eq!(ledger.totals().live, 2, "the sink has not answered yet");
//!
//! // The sink delivers one and has to drop the other.
//! receipt.settle(1_000, [(1, Fate::Dropped("closed"))]);
//! let totals = ledger.totals();
//! assert_eq!((totals.delivered, totals.filtered, totals.dropped(), totals.live), (1, 1, 1, 0));
//! assert_eq!(ledger.unaccounted(|| 0), 0);
//! ```

#[cfg(all(
    any(
        millpond_seed_bug = "dropped_ticket_counts_as_delivered",
        millpond_seed_bug = "leaked_ticket",
        millpond_seed_bug = "non_contiguous_commit"
    ),
    not(debug_assertions)
))]
compile_error!("a bug is built in on purpose, which no release may have");

mod arrears;
mod backlog;
mod consignment;
mod envelope;
mod hold;
mod latency;
mod ledger;
mod prefix;
mod receipt;
mod source;
mod sync;
mod ticket;

pub use arrears::{Arrears, Owed};
pub use backlog::Backlog;
pub use consignment::{Consignment, Fate, Tally};
pub use envelope::{Inbound, Lane, Outbound, Taken};
pub use hold::Hold;
pub use latency::{BUCKETS, Latency, LatencySnapshot};
pub use ledger::{ABANDONED, Ledger, Reasons, SinkLedger, SinkTotals, Totals};
pub use prefix::{Progress, SettledPrefix};
pub use receipt::Receipt;
pub use source::{OpenGuard, SourceLedger, SourceTotals};
pub use ticket::{Part, Settled, Ticket, TicketInfo};
