//! What the writer and its readers have in common.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::recovery::Damage;

/// A segment that holds records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) number: u64,
    /// The sequence of its first good record.
    pub(crate) first: u64,
    /// Where the frame begins that holds it: what lies before that is damaged.
    pub(crate) begin: u64,
    pub(crate) len: u64,
}

/// A known gap, and where reading goes on behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) damage: Damage,
    /// Segment and offset; none if nothing good followed.
    pub(crate) resume: Option<(u64, u64)>,
    /// The segment that is missing or was cut short, if nothing good followed.
    pub(crate) cut: Option<u64>,
    /// Whether an operator has said to go on behind it.
    pub(crate) accepted: bool,
}

/// What is known of the records on disk.
#[derive(Debug)]
pub(crate) struct State {
    /// In order.
    pub(crate) segments: Vec<Extent>,
    /// Records below this are done with.
    pub(crate) committed: u64,
    /// Records below this are synced.
    pub(crate) durable: u64,
    pub(crate) gaps: Vec<Gap>,
    /// Whether what is synced will be read again soon.
    pub(crate) cached: bool,
}

impl State {
    /// The damage that a reader who wants `sequence` must not pass in silence.
    pub(crate) fn blocking(&self, sequence: u64) -> Option<&Damage> {
        let mut damages = self.unaccepted();
        damages.find(|damage| damage.covers(sequence))
    }

    /// The damage that an operator has not given up.
    pub(crate) fn unaccepted(&self) -> impl Iterator<Item = &Damage> {
        let gaps = self.gaps.iter().filter(|gap| !gap.accepted);
        gaps.map(|gap| &gap.damage)
    }
}

/// The state, and the storage it describes.
#[derive(Debug)]
pub(crate) struct Shared<S> {
    pub(crate) storage: S,
    pub(crate) journal: u64,
    state: Mutex<State>,
}

impl<S> Shared<S> {
    pub(crate) fn new(storage: S, journal: u64, state: State) -> Self {
        Self {
            storage,
            journal,
            state: Mutex::new(state),
        }
    }

    /// What the segments take up.
    pub(crate) fn used_bytes(&self) -> u64 {
        let state = self.lock();
        state.segments.iter().map(|extent| extent.len).sum()
    }

    /// Every change under this lock is a single assignment or a push, so that a panic leaves nothing half done.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
