use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::Span;

/// No more chunks than this are followed at a time: those that lie in a journal for days are memory, too.
const MOST: usize = 4096;

/// The spans of the chunks that are followed, by their traces.
static OPEN: Mutex<BTreeMap<u64, Span>> = Mutex::new(BTreeMap::new());

/// False if there are too many already.
pub(crate) fn insert(trace: u64, span: Span) -> bool {
    let mut open = lock();
    if open.len() >= MOST {
        return false;
    }
    open.insert(trace, span);
    true
}

pub(crate) fn is_full() -> bool {
    lock().len() >= MOST
}

/// None once the chunk has ended.
pub(crate) fn get(trace: u64) -> Option<Span> {
    lock().get(&trace).cloned()
}

pub(crate) fn remove(trace: u64) {
    // What a subscriber does with its end is done without the lock.
    let ended = lock().remove(&trace);
    drop(ended);
}

/// Each change leaves the map whole, so a panic elsewhere spoils nothing.
fn lock() -> MutexGuard<'static, BTreeMap<u64, Span>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}
