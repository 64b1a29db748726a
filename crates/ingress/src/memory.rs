use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::Xxh3;

/// What was taken in lately, so that it is not taken in again: so many ids, and for so long.
///
/// An id is remembered once what it stands for is acknowledged, and no sooner: what was refused, or got lost on its
/// way, comes again.
#[derive(Clone)]
pub(crate) struct Memory {
    inner: Arc<Inner>,
}

struct Inner {
    most: usize,
    window: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<u128, Known>,
    /// Those that were taken in, the oldest first.
    taken: VecDeque<(Instant, u128)>,
    next: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// A reservation has it.
    UnderWay(u64),
    Taken(Instant),
}

/// Somebody else is about to bring the same in: whether they will, nobody can say yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnderWay;

/// Ids that are about to be taken in. Dropped, they are forgotten.
pub(crate) struct Reservation {
    inner: Arc<Inner>,
    owner: u64,
    ids: Vec<u128>,
}

impl Memory {
    pub(crate) fn new(most: usize, window: Duration) -> Self {
        let state = Mutex::default();
        let inner = Inner {
            most,
            window,
            state,
        };
        Memory {
            inner: Arc::new(inner),
        }
    }

    /// Reserves those of the ids that were not taken in yet, and tells of each whether it is one of these; `None`
    /// stands for what has no id. Of two that are the same the first counts.
    ///
    /// # Errors
    /// When another reservation has one of them; none is reserved then.
    pub(crate) fn reserve(
        &self,
        ids: impl IntoIterator<Item = Option<u128>>,
        now: Instant,
    ) -> Result<(Reservation, Vec<bool>), UnderWay> {
        let mut state = self.inner.lock();
        state.forget(self.inner.most, self.inner.window, now);
        let owner = state.next;
        state.next += 1;
        let mut reservation = Reservation {
            inner: self.inner.clone(),
            owner,
            ids: Vec::new(),
        };
        let mut fresh = Vec::new();
        for id in ids {
            let is_new = match id.map(|id| (id, state.known.get(&id).copied())) {
                None => true,
                Some((_, Some(Known::Taken(_)))) => false,
                Some((_, Some(Known::UnderWay(other)))) if other == owner => false,
                Some((_, Some(Known::UnderWay(_)))) => {
                    // The lock goes first: what was reserved up to here is forgotten under it.
                    drop(state);
                    return Err(UnderWay);
                }
                Some((id, None)) => {
                    state.known.insert(id, Known::UnderWay(owner));
                    reservation.ids.push(id);
                    true
                }
            };
            fresh.push(is_new);
        }
        Ok((reservation, fresh))
    }
}

impl Reservation {
    /// What the ids stand for is acknowledged: they are remembered from now on.
    pub(crate) fn keep(mut self, now: Instant) {
        let mut state = self.inner.lock();
        for id in std::mem::take(&mut self.ids) {
            state.known.insert(id, Known::Taken(now));
            state.taken.push_back((now, id));
        }
        state.forget(self.inner.most, self.inner.window, now);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.ids.is_empty() {
            return;
        }
        let mut state = self.inner.lock();
        for id in &self.ids {
            if state.known.get(id) == Some(&Known::UnderWay(self.owner)) {
                state.known.remove(id);
            }
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, most: usize, window: Duration, now: Instant) {
        while let Some(&(at, id)) = self.taken.front() {
            if self.taken.len() <= most && now.saturating_duration_since(at) < window {
                return;
            }
            self.taken.pop_front();
            if self.known.get(&id) == Some(&Known::Taken(at)) {
                self.known.remove(&id);
            }
        }
    }
}

/// What stands for an id of these parts, one of which may contain what separates them elsewhere.
pub(crate) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u128 {
    let mut hash = Xxh3::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.digest128()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reserve(
        memory: &Memory,
        ids: &[u128],
        now: Instant,
    ) -> Result<(Reservation, Vec<bool>), UnderWay> {
        memory.reserve(ids.iter().copied().map(Some), now)
    }

    #[test]
    fn an_id_is_remembered_once_it_is_acknowledged_and_no_sooner() {
        let memory = Memory::new(10, Duration::from_secs(60));
        let now = Instant::now();
        let (first, fresh) = reserve(&memory, &[1, 2, 1], now).unwrap();
        assert_eq!(fresh, [true, true, false]);
        assert!(reserve(&memory, &[3, 2], now).is_err(), "it is under way");
        // It failed: a retry is not swallowed, and what stood before it in the refused request is free, too.
        drop(first);
        let (second, fresh) = reserve(&memory, &[3, 2, 1], now).unwrap();
        assert_eq!(fresh, [true; 3]);
        second.keep(now);
        let (third, fresh) = reserve(&memory, &[1, 4], now).unwrap();
        assert_eq!(fresh, [false, true]);
        drop(third);
        assert_eq!(memory.inner.lock().known.len(), 3);
    }

    #[test]
    fn memory_is_bounded_in_ids_and_in_time() {
        let memory = Memory::new(2, Duration::from_secs(60));
        let now = Instant::now();
        reserve(&memory, &[1, 2, 3], now).unwrap().0.keep(now);
        assert_eq!(
            reserve(&memory, &[1, 2, 3], now).unwrap().1,
            [true, false, false]
        );
        let later = now + Duration::from_secs(60);
        assert_eq!(reserve(&memory, &[2, 3], later).unwrap().1, [true, true]);
        assert!(memory.inner.lock().known.is_empty());
        let none = memory.reserve([None, None], now).unwrap();
        assert_eq!(none.1, [true, true], "what has no id is never the same");
    }

    #[test]
    fn parts_of_an_id_do_not_run_into_each_other() {
        let ids = [
            vec!["ab", "c"],
            vec!["a", "bc"],
            vec!["abc"],
            vec!["abc", ""],
        ];
        let mut prints: Vec<_> = ids
            .iter()
            .map(|parts| fingerprint(parts.iter().map(|part| part.as_bytes())))
            .collect();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), ids.len());
    }

    proptest! {
        #[test]
        fn nothing_that_was_not_acknowledged_is_ever_swallowed(
            steps in proptest::collection::vec((proptest::collection::vec(0u128..8, 0..5), 0..3u8), 0..40),
        ) {
            let memory = Memory::new(1_000, Duration::from_secs(60));
            let now = Instant::now();
            let mut kept = std::collections::HashSet::new();
            let mut open: Vec<Reservation> = Vec::new();
            for (ids, then) in steps {
                let busy: Vec<u128> = open.iter().flat_map(|one| one.ids.clone()).collect();
                match reserve(&memory, &ids, now) {
                    Err(UnderWay) => prop_assert!(ids.iter().any(|id| busy.contains(id))),
                    Ok((reservation, fresh)) => {
                        prop_assert!(!ids.iter().any(|id| busy.contains(id)));
                        for (id, fresh) in ids.iter().zip(fresh) {
                            prop_assert!(fresh || kept.contains(id) || reservation.ids.contains(id));
                            prop_assert!(!(fresh && kept.contains(id)));
                        }
                        match then {
                            0 => drop(reservation),
                            1 => { kept.extend(reservation.ids.iter().copied()); reservation.keep(now); }
                            _ => open.push(reservation),
                        }
                    }
                }
            }
        }
    }
}
