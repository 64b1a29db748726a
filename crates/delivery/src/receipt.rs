use crate::consignment::{Fate, Inner};
use crate::hold::{Hold, Inputs};
use crate::ledger::SinkLedger;
use crate::sync::Arc;
use crate::ticket::{self, Settled, TicketInfo};

/// A sink's debt for some rows: answered once, by [`Receipt::confirm`] or [`Receipt::settle`].
/// Dropped without an answer, the rows count as abandoned and their tickets ask for a retry.
pub struct Receipt {
    inputs: Inputs,
    watch: Option<Arc<ticket::Inner>>,
    sink: std::sync::Arc<SinkLedger>,
    rows: u64,
    received_nanos: u64,
    trace: u64,
    open: bool,
}

impl Receipt {
    /// A receipt for rows that `sink` counts as on their way and that no input waits for: they were
    /// [transferred](Receipt::transfer) or [restored](SinkLedger::restore). Abandoned, they are owed still.
    pub fn resumed(sink: &std::sync::Arc<SinkLedger>, rows: u64, received_nanos: u64) -> Receipt {
        Receipt::new(Inputs::Kept, sink, rows, received_nanos)
    }

    pub(crate) fn new(
        inputs: Inputs,
        sink: &std::sync::Arc<SinkLedger>,
        rows: u64,
        received_nanos: u64,
    ) -> Receipt {
        Receipt {
            inputs,
            watch: None,
            sink: sink.clone(),
            rows,
            received_nanos,
            trace: 0,
            open: true,
        }
    }

    /// How many rows it is for.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// When the oldest of the inputs was read.
    pub fn received_nanos(&self) -> u64 {
        self.received_nanos
    }

    /// The trace of one of its inputs; 0: none.
    pub fn trace(&self) -> u64 {
        self.trace
    }

    /// It belongs to this trace.
    #[must_use]
    pub fn traced(mut self, trace: u64) -> Receipt {
        self.trace = trace;
        self
    }

    /// Tells `listener` once it is answered and so is every receipt that [refers](Receipt::refer) to it;
    /// with `retry` when rows were abandoned.
    #[must_use]
    pub fn watched(mut self, info: TicketInfo, listener: std::sync::Arc<dyn Settled>) -> Receipt {
        self.watch = Some(ticket::Inner::watched_by(info, listener));
        self
    }

    /// What lets go of its inputs before it is answered.
    pub fn hold(&mut self) -> Hold {
        self.inputs.hold()
    }

    /// The rows are kept where neither a crash nor a power cut loses them: no input waits for them any
    /// longer, and the sink still owes them.
    pub fn transfer(mut self) {
        self.open = false;
    }

    /// A receipt for `rows` rows to another sink, which stand in for rows that this one cannot take.
    /// Whatever waits for this receipt waits for that one as well.
    pub fn refer(&self, sink: &std::sync::Arc<SinkLedger>, rows: u64) -> Receipt {
        sink.route(rows);
        Receipt {
            inputs: self.inputs.clone(),
            watch: self.watch.clone(),
            sink: sink.clone(),
            rows,
            received_nanos: self.received_nanos,
            trace: self.trace,
            open: true,
        }
    }

    /// Every row was delivered, at `now_nanos` on the clock that `received_nanos` was read from.
    pub fn confirm(self, now_nanos: u64) {
        self.settle(now_nanos, []);
    }

    /// Every row was delivered but those named, one entry a row: the ordinal of its input, with its
    /// fate. More entries than rows are left out.
    pub fn settle(mut self, now_nanos: u64, failed: impl IntoIterator<Item = (u32, Fate)>) {
        self.open = false;
        let rows = usize::try_from(self.rows).unwrap_or(usize::MAX);
        let failed: Vec<_> = failed.into_iter().take(rows).collect();
        let waited = now_nanos.saturating_sub(self.received_nanos);
        let abandoned = |&(_, fate): &(u32, Fate)| matches!(fate, Fate::Abandoned(_));
        let given_up = failed.iter().filter(|one| abandoned(one)).count() as u64;
        if let Some(watch) = &self.watch
            && given_up > 0
        {
            watch.ask_retry();
        }
        if self.inputs.abandon(given_up) {
            let failed: Vec<_> = failed.into_iter().filter(|one| !abandoned(one)).collect();
            self.sink.answer(self.rows - given_up, waited, &failed);
            return;
        }
        self.sink.answer(self.rows, waited, &failed);
        if failed.is_empty() {
            return;
        }
        self.inputs.with(|consignment| consignment.fail(&failed));
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        if cfg!(millpond_seed_bug = "dropped_ticket_counts_as_delivered") {
            self.sink.answer(self.rows, 0, &[]);
            return;
        }
        if let Some(watch) = &self.watch {
            watch.ask_retry();
        }
        if self.inputs.abandon(self.rows) {
            return;
        }
        self.sink.abandon(self.rows);
        self.inputs.with(Inner::abandon);
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Receipt({} rows for {})", self.rows, self.sink.name())
    }
}
