use std::task::{Wake, Waker};
use std::time::Duration;

use crate::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

/// Something came since the shard was last claimed.
const MARKED: u8 = 1;
/// A worker holds the shard.
const RUNNING: u8 = 2;
/// The shard waits for space in a sink's room and is not to be claimed for new input alone.
const PARKED: u8 = 4;
/// Space came while the shard was still running: it must not park.
const WOKEN: u8 = 8;
/// The shard will never be ready again.
const FINISHED: u8 = 16;

/// Which shards have work, and which worker may run them: at most one each.
///
/// A bitmap (one word per 64 shards) says which shards are ready, a byte per shard says what
/// happened to it meanwhile, and a bell wakes workers: whoever made shards ready rings once, and a
/// woken worker that leaves ready shards behind rings for the next.
///
/// Shards may be divided into groups, each with workers of its own, where it matters who runs a shard: then each
/// group has its bitmap and its bell.
///
/// Every change of a shard's byte is one atomic read-modify-write, so of two sides that act at
/// once exactly one sees that it has to put the shard (back) into the bitmap.
pub struct ReadySet {
    /// Shard `i` belongs to group `i` modulo their number.
    groups: Box<[Group]>,
    states: Box<[AtomicU8]>,
    unfinished: AtomicUsize,
}

struct Group {
    words: Box<[AtomicU64]>,
    bell: Bell,
}

impl Group {
    fn new(shards: usize) -> Self {
        let words = (0..shards.div_ceil(64)).map(|_| AtomicU64::new(0));
        Group {
            words: words.collect(),
            bell: Bell::new(),
        }
    }

    fn any_ready(&self) -> bool {
        self.words
            .iter()
            .any(|word| word.load(Ordering::Acquire) != 0)
    }
}

/// What becomes of a shard that its worker gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing is left to do; ready again with the next mark.
    Idle,
    /// Work is left: ready again at once, behind the others.
    Again,
    /// Its output found no space: ready again when the waker from [`ReadySet::waker`] is woken.
    Parked,
    /// Its input has ended and all its output is handed over.
    Finished,
}

impl ReadySet {
    /// A set of `shards` idle shards.
    pub fn new(shards: usize) -> Self {
        Self::in_groups(shards, 1)
    }

    /// The same in so many groups, at least one: shard `i` belongs to group `i` modulo their number. Each needs a
    /// worker.
    pub fn in_groups(shards: usize, groups: usize) -> Self {
        ReadySet {
            groups: (0..groups.max(1)).map(|_| Group::new(shards)).collect(),
            states: (0..shards).map(|_| AtomicU8::new(0)).collect(),
            unfinished: AtomicUsize::new(shards),
        }
    }

    /// The group that a worker with this number is for.
    fn group(&self, worker: usize) -> &Group {
        &self.groups[worker % self.groups.len()]
    }

    /// How many shards there are.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// True for a set of no shards.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Says that something came for the shard. Call it after the hand-off, then [`ReadySet::ring`]
    /// once for all shards marked.
    pub fn mark(&self, shard: usize) {
        let before = self.states[shard].fetch_or(MARKED, Ordering::AcqRel);
        if before & (MARKED | RUNNING | PARKED | FINISHED) == 0 {
            self.put(shard);
        }
    }

    /// Wakes one worker, or lets the next that wants to sleep look once more: one of each group that has ready
    /// shards, or of each where none has.
    pub fn ring(&self) {
        if let [group] = &*self.groups {
            group.bell.ring();
            return;
        }
        let ready = self.groups.iter().filter(|group| group.any_ready());
        if ready.map(|group| group.bell.ring()).count() == 0 {
            self.groups.iter().for_each(|group| group.bell.ring());
        }
    }

    /// Takes a ready shard, the first at or after `from` in the ring of shards. The caller owns the
    /// shard until it calls [`ReadySet::release`].
    pub fn claim(&self, from: usize) -> Option<usize> {
        self.claim_as(0, from)
    }

    /// The same for the worker with this number: one of its group.
    pub fn claim_as(&self, worker: usize, from: usize) -> Option<usize> {
        let group = self.group(worker);
        let words = group.words.len();
        let from = if from < self.len() { from } else { 0 };
        // One round over all words, and the first once more for its low bits.
        for step in 0..=words {
            let index = (from / 64 + step) % words.max(1);
            let mask = match step {
                0 => u64::MAX << (from % 64),
                last if last == words => !(u64::MAX << (from % 64)),
                _ => u64::MAX,
            };
            let word = group.words.get(index)?;
            let mut ready = word.load(Ordering::Acquire) & mask;
            while ready != 0 {
                let bit = ready & ready.wrapping_neg();
                if word.fetch_and(!bit, Ordering::AcqRel) & bit != 0 {
                    let shard = index * 64 + bit.trailing_zeros() as usize;
                    // Forgets the mark: what it stood for is seen by whoever looks after this.
                    self.states[shard].swap(RUNNING, Ordering::AcqRel);
                    return Some(shard);
                }
                ready &= !bit;
            }
        }
        None
    }

    /// True while some shard is ready and unclaimed.
    pub fn any_ready(&self) -> bool {
        self.groups.iter().any(Group::any_ready)
    }

    /// How many shards are ready and unclaimed.
    pub fn waiting(&self) -> usize {
        let words = self.groups.iter().flat_map(|group| &group.words);
        let ready = words.map(|word| word.load(Ordering::Acquire));
        ready.map(|word| word.count_ones() as usize).sum()
    }

    /// Gives a claimed shard back. Hand its output over before: afterwards it may run elsewhere.
    pub fn release(&self, shard: usize, after: After) {
        let state = &self.states[shard];
        let ready = match after {
            After::Idle => state.fetch_and(!(RUNNING | WOKEN), Ordering::AcqRel) & MARKED != 0,
            After::Again => {
                state.swap(MARKED, Ordering::AcqRel);
                true
            }
            After::Parked => self.park(state),
            After::Finished => {
                let before = state.swap(FINISHED, Ordering::AcqRel);
                if before & FINISHED == 0 && self.unfinished.fetch_sub(1, Ordering::AcqRel) == 1 {
                    self.ring();
                }
                false
            }
        };
        if ready {
            self.put(shard);
            self.group(shard).bell.ring();
        }
    }

    /// A waker that makes a parked shard ready again.
    pub fn waker(self: &std::sync::Arc<Self>, shard: usize) -> Waker {
        Waker::from(std::sync::Arc::new(Unpark {
            set: self.clone(),
            shard,
        }))
    }

    /// Makes a parked shard ready; keeps one that is about to park from doing so.
    pub fn unpark(&self, shard: usize) {
        let state = &self.states[shard];
        let mut seen = state.load(Ordering::Acquire);
        loop {
            let next = if seen & PARKED != 0 {
                (seen & !PARKED) | MARKED
            } else if seen & RUNNING != 0 {
                seen | WOKEN
            } else {
                return;
            };
            match state.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) if seen & PARKED != 0 => {
                    self.put(shard);
                    self.group(shard).bell.ring();
                    return;
                }
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Makes every unfinished shard ready that is neither running nor parked: time has passed, or
    /// the input has ended.
    pub fn mark_all(&self, shards: std::ops::Range<usize>) {
        shards.for_each(|shard| self.mark(shard));
        self.ring();
    }

    /// True once every shard has finished. The last one rings once: a worker that finds this true
    /// rings again before it ends, so that the next one finds it too.
    pub fn is_finished(&self) -> bool {
        self.unfinished.load(Ordering::Acquire) == 0
    }

    /// Waits until somebody rings. May return early.
    pub fn wait(&self) {
        self.wait_as(0);
    }

    /// Waits until somebody rings for the worker with this number. May return early.
    pub fn wait_as(&self, worker: usize) {
        self.group(worker).bell.wait(None);
    }

    /// Waits until somebody rings, at most this long; false when nobody did.
    pub fn wait_timeout(&self, at_most: Duration) -> bool {
        self.wait_timeout_as(0, at_most)
    }

    /// The same for the worker with this number.
    pub fn wait_timeout_as(&self, worker: usize, at_most: Duration) -> bool {
        self.group(worker).bell.wait(Some(at_most))
    }

    fn park(&self, state: &AtomicU8) -> bool {
        let mut seen = state.load(Ordering::Acquire);
        loop {
            let next = if seen & WOKEN != 0 {
                MARKED
            } else {
                (seen & MARKED) | PARKED
            };
            match state.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return seen & WOKEN != 0,
                Err(now) => seen = now,
            }
        }
    }

    fn put(&self, shard: usize) {
        self.group(shard).words[shard / 64].fetch_or(1 << (shard % 64), Ordering::AcqRel);
    }
}

struct Unpark {
    set: std::sync::Arc<ReadySet>,
    shard: usize,
}

impl Wake for Unpark {
    fn wake(self: std::sync::Arc<Self>) {
        self.set.unpark(self.shard);
    }
}

/// One token is enough: it is taken by a worker that then looks at the bitmap, so a second token
/// for an earlier change would tell it nothing new, and that worker rings for the next.
#[cfg(not(millpond_model))]
struct Bell {
    ring: flume::Sender<()>,
    rung: flume::Receiver<()>,
}

#[cfg(not(millpond_model))]
impl Bell {
    fn new() -> Self {
        let (ring, rung) = flume::bounded(1);
        Bell { ring, rung }
    }

    fn ring(&self) {
        let _ = self.ring.try_send(());
    }

    fn wait(&self, at_most: Option<Duration>) -> bool {
        match at_most {
            None => self.rung.recv().is_ok(),
            Some(time) => self.rung.recv_timeout(time).is_ok(),
        }
    }
}

/// The same bell for the model checker, which cannot look inside flume.
#[cfg(millpond_model)]
struct Bell {
    rung: loom::sync::Mutex<bool>,
    wake: loom::sync::Condvar,
}

#[cfg(millpond_model)]
impl Bell {
    fn new() -> Self {
        Bell {
            rung: loom::sync::Mutex::new(false),
            wake: loom::sync::Condvar::new(),
        }
    }

    fn ring(&self) {
        *crate::sync::lock(&self.rung) = true;
        self.wake.notify_one();
    }

    fn wait(&self, _at_most: Option<Duration>) -> bool {
        let mut rung = crate::sync::lock(&self.rung);
        while !*rung {
            rung = self
                .wake
                .wait(rung)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        *rung = false;
        true
    }
}
