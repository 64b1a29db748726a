use std::collections::VecDeque;

use crate::sync::{Mutex, lock};

/// How far the inputs of one partition have settled: everything below [`Progress::settled`] has an
/// outcome, whatever came later.
///
/// Only a contiguous prefix may ever be committed. An input that ended without an outcome, and so has to
/// be done again, holds the prefix where it is until it has been.
pub struct SettledPrefix {
    state: Mutex<State>,
}

struct State {
    /// What has begun at or above `settled`, in order.
    begun: VecDeque<Begun>,
    /// The position below which everything has settled.
    settled: u64,
    /// The bytes of everything below `settled`, and of everything that has begun.
    settled_bytes: u64,
    begun_bytes: u64,
    held: u64,
}

struct Begun {
    position: u64,
    bytes: u64,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Settled,
    /// It has to be done again.
    Held,
}

/// How far a [`SettledPrefix`] has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Everything below this position has settled.
    pub settled: u64,
    /// Bytes of all inputs below it, since the beginning.
    pub settled_bytes: u64,
    /// Bytes of all inputs that have begun, since the beginning.
    pub begun_bytes: u64,
    /// How many inputs wait to be done again.
    pub held: u64,
}

impl SettledPrefix {
    /// Nothing has begun yet; the first input will have position `first` or a later one.
    pub fn new(first: u64) -> Self {
        SettledPrefix {
            state: Mutex::new(State {
                begun: VecDeque::new(),
                settled: first,
                settled_bytes: 0,
                begun_bytes: 0,
                held: 0,
            }),
        }
    }

    /// An input begins. Positions rise from call to call, and may leave gaps.
    pub fn begin(&self, position: u64, bytes: u64) {
        let mut state = lock(&self.state);
        debug_assert!(
            state
                .begun
                .back()
                .is_none_or(|last| last.position < position)
                && state.settled <= position,
            "position {position} begins out of order"
        );
        state.begun_bytes += bytes;
        state.begun.push_back(Begun {
            position,
            bytes,
            end: End::Open,
        });
    }

    /// An input has ended: settled, or to be done again. True when the prefix has grown. An end of what
    /// has not begun, or has ended before, changes nothing.
    pub fn end(&self, position: u64, retry: bool) -> bool {
        let mut state = lock(&self.state);
        let Ok(at) = state
            .begun
            .binary_search_by_key(&position, |begun| begun.position)
        else {
            return false;
        };
        if state.begun[at].end != End::Open {
            return false;
        }
        state.begun[at].end = if retry { End::Held } else { End::Settled };
        state.held += u64::from(retry);
        if cfg!(millpond_seed_bug = "non_contiguous_commit") {
            state.settled = state.settled.max(position + 1);
            return true;
        }
        let mut grown = false;
        while state
            .begun
            .front()
            .is_some_and(|first| first.end == End::Settled)
            && let Some(first) = state.begun.pop_front()
        {
            state.settled = first.position + 1;
            state.settled_bytes += first.bytes;
            grown = true;
        }
        grown
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        let state = lock(&self.state);
        Progress {
            settled: state.settled,
            settled_bytes: state.settled_bytes,
            begun_bytes: state.begun_bytes,
            held: state.held,
        }
    }
}

#[cfg(all(test, not(millpond_model)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a model that remembers everything: whatever the order of ends, the prefix never
        /// passes an input that has not settled, and never stays behind one that has.
        #[test]
        fn nothing_is_committed_over_a_gap(
            gaps in prop::collection::vec((1_u64..5, 1_u64..100), 1..40),
            order in prop::collection::vec((any::<prop::sample::Index>(), prop::bool::weighted(0.1)), 0..80),
        ) {
            let prefix = SettledPrefix::new(7);
            let mut model: Vec<(u64, u64, Option<bool>)> = Vec::new();
            let mut next = 7;
            for (gap, bytes) in gaps {
                next += gap;
                prefix.begin(next, bytes);
                model.push((next, bytes, None));
            }
            for (index, retry) in order {
                let at = index.index(model.len());
                prefix.end(model[at].0, retry);
                model[at].2.get_or_insert(retry);
                let settled: Vec<_> = model.iter().take_while(|input| input.2 == Some(false)).collect();
                let progress = prefix.progress();
                prop_assert_eq!(progress.settled, settled.last().map_or(7, |input| input.0 + 1));
                prop_assert_eq!(progress.settled_bytes, settled.iter().map(|input| input.1).sum::<u64>());
                prop_assert_eq!(progress.held, model.iter().filter(|input| input.2 == Some(true)).count() as u64);
            }
        }
    }
}
