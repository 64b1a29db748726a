use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use millpond_queue::monotonic_nanos;

use super::death::{Death, How};
use crate::throttle::Throttle;

/// A view of the children of a runtime's workers.
#[derive(Clone)]
pub struct ProcessesView(Arc<Inner>);

struct Inner {
    /// By worker; 0 = it has none at the moment.
    ids: Box<[AtomicU32]>,
    /// By how they died, in the order of [`How::ALL`].
    deaths: [AtomicU64; How::ALL.len()],
    set_aside: AtomicU64,
    said: Throttle,
}

/// A worker's child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessView {
    /// The worker.
    pub worker: usize,
    /// The id of its process; none while it is being replaced.
    pub id: Option<u32>,
}

impl ProcessesView {
    pub(super) fn new(workers: usize) -> Self {
        ProcessesView(Arc::new(Inner {
            ids: (0..workers).map(|_| AtomicU32::new(0)).collect(),
            deaths: Default::default(),
            set_aside: AtomicU64::new(0),
            said: Throttle::default(),
        }))
    }

    pub(super) fn started(&self, worker: usize, id: u32) {
        self.0.ids[worker].store(id, Ordering::Relaxed);
    }

    /// A child is gone; whether to log that, and how many were not since the last that was.
    pub(super) fn died(&self, worker: usize, death: &Death) -> Option<u64> {
        self.0.ids[worker].store(0, Ordering::Relaxed);
        let how = How::ALL.iter().position(|how| *how == death.how);
        self.0.deaths[how.unwrap_or(0)].fetch_add(1, Ordering::Relaxed);
        self.0.said.pass(monotonic_nanos())
    }

    pub(super) fn ended(&self, worker: usize) {
        self.0.ids[worker].store(0, Ordering::Relaxed);
    }

    pub(super) fn set_aside(&self) {
        self.0.set_aside.fetch_add(1, Ordering::Relaxed);
    }

    /// The children, by worker.
    pub fn processes(&self) -> Vec<ProcessView> {
        let ids = self.0.ids.iter().map(|id| id.load(Ordering::Relaxed));
        ids.enumerate()
            .map(|(worker, id)| ProcessView {
                worker,
                id: (id != 0).then_some(id),
            })
            .collect()
    }

    /// How many children were replaced, by how they died.
    pub fn deaths(&self) -> BTreeMap<How, u64> {
        let counts = self
            .0
            .deaths
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        How::ALL.into_iter().zip(counts).collect()
    }

    /// How many events were set aside because children died of them.
    pub fn events_set_aside(&self) -> u64 {
        self.0.set_aside.load(Ordering::Relaxed)
    }
}
