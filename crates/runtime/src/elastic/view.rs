use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::decision::Decision;

/// How many decisions are kept to look at.
const KEPT: usize = 64;

/// A read-only view of how many workers there should be, and why.
#[derive(Clone)]
pub struct PoolView {
    inner: Arc<Pool>,
}

struct Pool {
    bounds: RangeInclusive<usize>,
    wanted: AtomicUsize,
    decisions: Mutex<VecDeque<Decision>>,
}

impl PoolView {
    pub(crate) fn new(bounds: RangeInclusive<usize>) -> Self {
        PoolView {
            inner: Arc::new(Pool {
                bounds,
                wanted: AtomicUsize::new(0),
                decisions: Mutex::default(),
            }),
        }
    }

    /// The fewest and the most workers there may be.
    pub fn bounds(&self) -> RangeInclusive<usize> {
        self.inner.bounds.clone()
    }

    /// How many there should be now.
    pub fn wanted(&self) -> usize {
        self.inner.wanted.load(Ordering::Relaxed)
    }

    /// The last decisions, oldest first, at most 64 of them.
    pub fn decisions(&self) -> Vec<Decision> {
        let decisions = self.inner.decisions.lock();
        let decisions = decisions.unwrap_or_else(PoisonError::into_inner);
        decisions.iter().cloned().collect()
    }

    pub(super) fn want(&self, workers: usize) {
        self.inner.wanted.store(workers, Ordering::Relaxed);
    }

    pub(super) fn decided(&self, decision: Decision) {
        let decisions = self.inner.decisions.lock();
        let mut decisions = decisions.unwrap_or_else(PoisonError::into_inner);
        if decisions.len() == KEPT {
            decisions.pop_front();
        }
        decisions.push_back(decision);
    }
}
