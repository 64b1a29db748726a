use std::sync::Arc;

use crate::codec::Codec;
use crate::shard::Shared;

/// How long output may lie in a sink's room before the sink is woken for it, while its worker has more to run: some
/// of the largest batches of a quick line.
const LONGEST_NANOS: u64 = 1_000_000;

/// The sinks that a worker has given output and not woken yet.
///
/// Waking a thread costs a system call here and a context switch there: once for each batch, that is a tenth of what
/// a quick line takes for the batch. A worker that goes on to the next batch of the same pipeline wakes its sinks for
/// several at once; one that has nothing more to run, or something slow, or of another pipeline's, wakes them before.
pub(crate) struct Wakes<C: Codec> {
    owed: Option<Owed<C>>,
}

struct Owed<C: Codec> {
    shared: Arc<Shared<C>>,
    /// When the first of the slices began that had output for them.
    since: u64,
}

impl<C: Codec> Wakes<C> {
    pub(crate) fn new() -> Self {
        Wakes { owed: None }
    }

    /// A slice of this pipeline is next: by when, at the latest, it has to wake the sinks itself. Nothing is held back for
    /// another pipeline, nor for one that is not known to be `quick`.
    pub(crate) fn before(&mut self, shared: &Arc<Shared<C>>, quick: bool) -> u64 {
        match &self.owed {
            Some(owed) if quick && Arc::ptr_eq(&owed.shared, shared) => owed.since + LONGEST_NANOS,
            _ => {
                self.wake();
                u64::MAX
            }
        }
    }

    /// The slice has woken them.
    pub(crate) fn woken(&mut self) {
        self.owed = None;
    }

    /// A slice of this pipeline, which began at `since`, has put output into rooms.
    pub(crate) fn owe(&mut self, shared: &Arc<Shared<C>>, since: u64) {
        self.owed.get_or_insert_with(|| Owed {
            shared: shared.clone(),
            since,
        });
    }

    /// The slice is over; `more`: another shard is ready.
    pub(crate) fn after(&mut self, now: u64, more: bool) {
        let is_late = |owed: &Owed<C>| now.saturating_sub(owed.since) >= LONGEST_NANOS;
        if !more || self.owed.as_ref().is_some_and(is_late) {
            self.wake();
        }
    }

    pub(crate) fn wake(&mut self) {
        if let Some(owed) = self.owed.take() {
            owed.shared.ring();
        }
    }
}

/// Whatever ends a worker, its sinks hear of what it has put out.
impl<C: Codec> Drop for Wakes<C> {
    fn drop(&mut self) {
        self.wake();
    }
}
