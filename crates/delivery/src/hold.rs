use crate::consignment::Inner;
use crate::sync::{Arc, Mutex, lock};

/// The inputs that wait for a receipt.
#[derive(Clone)]
pub(crate) enum Inputs {
    None,
    Wait(Arc<Inner>),
    /// A [`Hold`] may let go of them.
    Held(Arc<Mutex<Held>>),
    /// There are none any more: the rows are kept on stable storage.
    Kept,
}

#[derive(Default)]
pub(crate) struct Held {
    inner: Option<Arc<Inner>>,
    kept: bool,
    /// Rows that were abandoned before they were kept.
    abandoned: u64,
}

impl Inputs {
    pub(crate) fn hold(&mut self) -> Hold {
        let held = |inner, kept| {
            let abandoned = 0;
            Arc::new(Mutex::new(Held {
                inner,
                kept,
                abandoned,
            }))
        };
        let cell = match std::mem::replace(self, Inputs::None) {
            Inputs::None => held(None, false),
            Inputs::Wait(inner) => held(Some(inner), false),
            Inputs::Held(cell) => cell,
            Inputs::Kept => held(None, true),
        };
        *self = Inputs::Held(cell.clone());
        Hold { cell }
    }

    /// So many rows are abandoned. True when they are kept, so that the sink owes them still.
    pub(crate) fn abandon(&self, rows: u64) -> bool {
        match self {
            Inputs::None | Inputs::Wait(_) => false,
            Inputs::Held(cell) => {
                let mut held = lock(cell);
                held.abandoned += if held.kept { 0 } else { rows };
                held.kept
            }
            Inputs::Kept => true,
        }
    }

    pub(crate) fn with(&self, tell: impl FnOnce(&Inner)) {
        let inner = match self {
            Inputs::None | Inputs::Kept => None,
            Inputs::Wait(inner) => Some(inner.clone()),
            Inputs::Held(cell) => lock(cell).inner.clone(),
        };
        // Outside of the lock: the last owner ends a ticket, which calls whoever listens.
        if let Some(inner) = inner {
            tell(&inner);
        }
    }
}

/// Lets go of the inputs of a [`Receipt`](crate::Receipt) that is in somebody else's hands. They wait for
/// whoever has this, too.
pub struct Hold {
    cell: Arc<Mutex<Held>>,
}

impl Hold {
    /// The rows are kept where neither a crash nor a power cut loses them: no input waits for the receipt
    /// any longer, and the sink owes the rows until they are delivered, whoever abandons them. Returns how
    /// many were abandoned before, and so are on no books: see
    /// [`SinkLedger::restore`](crate::SinkLedger::restore).
    pub fn release(self) -> u64 {
        let mut held = lock(&self.cell);
        let inner = held.inner.take();
        held.kept = true;
        let abandoned = std::mem::take(&mut held.abandoned);
        drop(held);
        drop(inner);
        abandoned
    }
}
