use std::cell::Cell;

use crate::ledger::{ABANDONED, Ledger};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The coordinate of what a ticket stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketInfo {
    /// The source's partition: one connection, one file.
    pub partition: u64,
    /// The sequence of the first event.
    pub first_sequence: u64,
    /// How many events.
    pub events: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Which life of the partition: a source that starts over counts up.
    pub epoch: u64,
    /// The trace by which it is followed, and its receipts with it; 0: none.
    pub trace: u64,
}

/// Whoever wants to know how a ticket ended: the source that may have to acknowledge it, or do it
/// again.
pub trait Settled: Send + Sync {
    /// The events of the ticket are on stable storage: they survive the process and the power. Only
    /// where a journal keeps them; called at most once, before [`settled`](Settled::settled); must not
    /// block.
    fn durable(&self, ticket: &TicketInfo) {
        let _ = ticket;
    }

    /// Whether it still wants to be told of the end. Asked after [`durable`](Settled::durable); what it
    /// refuses is not remembered for it.
    fn waits_for_the_end(&self) -> bool {
        true
    }

    /// Every event of the ticket has an outcome; `retry` when some were abandoned on the way.
    /// Called once, on whatever thread ended the last part; must not block.
    fn settled(&self, ticket: &TicketInfo, retry: bool);
}

/// One chunk that a source took in. It ends with the last of its [`Part`]s; until the source drops
/// it, more can be cut from it.
///
/// Dropped before any part was cut, it asks for a retry: nobody took it.
pub struct Ticket {
    inner: Arc<Inner>,
    cut: Cell<bool>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.cut.get() {
            self.inner.retry.store(true, Ordering::Release);
        }
    }
}

pub(crate) struct Inner {
    info: TicketInfo,
    retry: AtomicBool,
    listener: Option<std::sync::Arc<dyn Settled>>,
}

impl Inner {
    /// What ends with the receipt that holds it.
    pub(crate) fn watched_by(info: TicketInfo, listener: std::sync::Arc<dyn Settled>) -> Arc<Self> {
        Arc::new(Inner {
            info,
            retry: AtomicBool::new(false),
            listener: Some(listener),
        })
    }

    /// Asks whoever listens to do it again.
    pub(crate) fn ask_retry(&self) {
        self.retry.store(true, Ordering::Release);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.settled(&self.info, self.retry.load(Ordering::Acquire));
        }
    }
}

impl Ticket {
    /// A ticket that tells `listener` when it ends.
    pub fn new(info: TicketInfo, listener: Option<std::sync::Arc<dyn Settled>>) -> Self {
        Ticket {
            inner: Arc::new(Inner {
                info,
                retry: AtomicBool::new(false),
                listener,
            }),
            cut: Cell::new(false),
        }
    }

    /// Cuts a part for one shard of one pipeline. The events are received, and live, from here on.
    pub fn part(&self, ledger: &std::sync::Arc<Ledger>, events: u64) -> Part {
        self.part_again(ledger, events, 0)
    }

    /// The same, where the first `again` of the events are live already: they were given back, see
    /// [`Part::give_back`].
    pub(crate) fn part_again(
        &self,
        ledger: &std::sync::Arc<Ledger>,
        events: u64,
        again: u64,
    ) -> Part {
        ledger.receive(events.saturating_sub(again));
        self.cut.set(true);
        Part {
            ticket: self.inner.clone(),
            ledger: ledger.clone(),
            open: events,
        }
    }

    /// Nobody wants anything of it: without a part, too, it has come to its end.
    pub fn close(self) {
        self.cut.set(true);
    }
}

/// The events of a ticket that one shard of one pipeline got. Whoever holds it owes an outcome for
/// each of them: dropped without, they count as abandoned and the ticket asks for a retry.
pub struct Part {
    ticket: Arc<Inner>,
    ledger: std::sync::Arc<Ledger>,
    open: u64,
}

impl Part {
    /// Events without an outcome yet.
    pub fn events(&self) -> u64 {
        self.open
    }

    /// What the ticket stands for.
    pub fn info(&self) -> &TicketInfo {
        &self.ticket.info
    }

    /// Takes `events` of it off, at most what it has, for another shard of the same pipeline. That costs less than
    /// another part of the [ticket](Ticket::part), which is counted anew.
    #[must_use]
    pub fn split_off(&mut self, events: u64) -> Part {
        let events = events.min(self.open);
        self.open -= events;
        Part {
            ticket: self.ticket.clone(),
            ledger: self.ledger.clone(),
            open: events,
        }
    }

    /// Takes the last `events` of it off, without an outcome: they stay live, and whoever takes them has noted that
    /// they are to be run later ([`Arrears::give_back`](crate::Arrears::give_back)).
    pub fn give_back(&mut self, events: u64) {
        self.open = self.open.saturating_sub(events);
    }

    /// Asks the source to do the ticket again.
    pub(crate) fn ask_retry(&self) {
        self.ticket.ask_retry();
    }

    /// The outcomes were counted elsewhere, for several parts at once.
    pub(crate) fn close(mut self) {
        self.open = 0;
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.open > 0 {
            let open = self.open;
            if cfg!(millpond_seed_bug = "dropped_ticket_counts_as_delivered") {
                self.ledger.end(open, |totals| totals.delivered += open);
                return;
            }
            self.ask_retry();
            self.ledger.end(open, |totals| {
                *totals.dropped_by.entry(ABANDONED).or_default() += open
            });
        }
    }
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Part({} events of {:?})", self.open, self.ticket.info)
    }
}
