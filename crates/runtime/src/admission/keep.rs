use std::sync::Arc;

use millpond_delivery::{Arrears, Owed, Ticket, TicketInfo};
use millpond_queue::Permit;

/// How batches become records of a journal. Used by the thread that writes.
pub trait Keep: Send + 'static {
    /// What sources hand on.
    type Batch: Send + 'static;

    /// Appends the batch to `record`, which is empty, as the bytes of one record.
    fn write(&mut self, batch: &Self::Batch, record: &mut Vec<u8>);

    /// The journal keeps the batch, which was just written, as the record of this sequence.
    fn kept(&mut self, batch: &Self::Batch, sequence: u64);

    /// Whether there is something from before the start that the next summary has to carry on.
    fn remembers(&self) -> bool {
        false
    }

    /// Appends to `record` what has to be known, after a restart, of everything kept so far, whether its
    /// records are still there or not. False when there is nothing, or nothing new since the last time.
    /// The journal always keeps the latest of these records.
    fn summary(&mut self, record: &mut Vec<u8>) -> bool {
        let _ = record;
        false
    }
}

/// Where batches go that the journal holds. Used by the thread that reads; dropped when there are no more.
pub trait Dispatch: Send + 'static {
    /// What is handed on.
    type Batch: Send + 'static;

    /// Reads a record back; `None` for one that [`Keep::summary`] wrote.
    ///
    /// # Errors
    /// Why it cannot be read: it then stays in the journal.
    fn read(
        &mut self,
        record: &[u8],
        sequence: u64,
    ) -> Result<Option<(Self::Batch, TicketInfo)>, String>;

    /// Hands a batch on, with a ticket that covers all of it. May wait for the pipelines to take it, not
    /// for them to run it. A pipeline that is not level with the journal is not given it now
    /// ([`Arrears::withhold`]); where that leaves nobody, the ticket is to be [closed](Ticket::close).
    ///
    /// # Errors
    /// [`DispatchError`]; the batch then stays in the journal.
    fn dispatch(
        &mut self,
        batch: Self::Batch,
        permit: Arc<Permit>,
        ticket: Ticket,
        sequence: u64,
        received_nanos: u64,
    ) -> Result<(), DispatchError>;

    /// Whether the batch is for the pipeline of these arrears, among others.
    fn is_for(&self, batch: &Self::Batch, arrears: &Arrears) -> bool;

    /// Hands a batch on that was withheld, or given back, to the one pipeline that is `owed` it, as far as it is. The
    /// ticket covers that alone.
    ///
    /// # Errors
    /// [`DispatchError`]; the batch then stays in the journal.
    fn dispatch_late(
        &mut self,
        batch: Self::Batch,
        permit: Arc<Permit>,
        ticket: Ticket,
        owed: &Owed,
        received_nanos: u64,
    ) -> Result<(), DispatchError>;
}

/// Why a batch was not handed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DispatchError {
    /// Nobody takes batches any more.
    #[error("the pipelines are gone")]
    Gone,
    /// Nobody takes this one.
    #[error("{0}")]
    Refused(String),
}
