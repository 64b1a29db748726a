use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Mark;

/// How a buffer does, read without waiting for the disk. Clones are cheap.
#[derive(Clone, Debug, Default)]
pub struct BufferView {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    rows: AtomicU64,
    bytes: AtomicU64,
    refuses: Mutex<Option<String>>,
}

impl BufferView {
    /// Rows that lie in it and are not delivered.
    pub fn rows(&self) -> u64 {
        self.shared.rows.load(Ordering::Relaxed)
    }

    /// What these take up.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// Why it takes nothing in at the moment, if that is so: it is full, or the disk fails.
    pub fn refuses(&self) -> Option<String> {
        self.why().clone()
    }

    /// Says why it takes nothing in, or that it does. True when that is news.
    pub fn set_refuses(&self, why: Option<String>) -> bool {
        let mut there = self.why();
        let news = there.is_some() != why.is_some();
        *there = why;
        news
    }

    pub(super) fn holds(&self, what: Mark) {
        self.shared.rows.store(what.rows, Ordering::Relaxed);
        self.shared.bytes.store(what.bytes, Ordering::Relaxed);
    }

    fn why(&self) -> MutexGuard<'_, Option<String>> {
        let refuses = self.shared.refuses.lock();
        refuses.unwrap_or_else(PoisonError::into_inner)
    }
}
