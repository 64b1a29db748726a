use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Wake, Waker};

use crate::sync::atomic::{AtomicI64, Ordering};
use crate::sync::{Arc, Mutex, lock};

/// How many bytes output may overdraw a budget before those who make it should stop.
const OVERDRAFT: i64 = 16 << 20;

/// A budget of bytes: the one place where a pipeline waits.
///
/// Whoever brings bytes in takes a [`Permit`] before it reads them, for the most it may need, and
/// gives back what it did not use. Waiters are served in the order they came. What a pipeline makes
/// of its input is charged without waiting ([`Budget::charge`]); such an overdraft holds up the
/// next acquisition, never the worker. Once it is large, the shards that would add to it park
/// ([`Budget::is_overdrawn`]).
#[derive(Clone)]
pub struct Budget {
    inner: Arc<Inner>,
}

struct Inner {
    capacity: i64,
    /// A copy of `State::available` for readers who must not lock.
    available: AtomicI64,
    /// Bytes of permits that have ended, ever.
    returned: AtomicI64,
    state: Mutex<State>,
}

struct State {
    available: i64,
    next_id: u64,
    queue: VecDeque<Waiting>,
    /// Waiters that were served and have not noticed yet.
    served: Vec<u64>,
    /// Those who wait for the overdraft to be paid back.
    overdrawn: Vec<Waker>,
}

struct Waiting {
    id: u64,
    bytes: i64,
    waker: Waker,
}

impl Budget {
    /// A budget of `bytes`.
    pub fn new(bytes: usize) -> Self {
        let capacity = signed(bytes);
        let state = State {
            available: capacity,
            next_id: 0,
            queue: VecDeque::new(),
            served: Vec::new(),
            overdrawn: Vec::new(),
        };
        Budget {
            inner: Arc::new(Inner {
                capacity,
                available: AtomicI64::new(capacity),
                returned: AtomicI64::new(0),
                state: Mutex::new(state),
            }),
        }
    }

    /// Waits for `bytes`. A request larger than the whole budget is granted when the budget is
    /// whole. The future may be dropped at any time without losing bytes.
    pub fn acquire(&self, bytes: usize) -> Acquire {
        Acquire {
            budget: self.clone(),
            bytes: signed(bytes),
            id: None,
        }
    }

    /// Waits for `bytes`, blocking this thread.
    pub fn acquire_blocking(&self, bytes: usize) -> Permit {
        struct Unpark(std::thread::Thread);
        impl Wake for Unpark {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(std::sync::Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut acquire = pin!(self.acquire(bytes));
        loop {
            match acquire.as_mut().poll(&mut context) {
                Poll::Ready(permit) => return permit,
                Poll::Pending => std::thread::park(),
            }
        }
    }

    /// Takes `bytes` if they are free and nobody waits for them.
    pub fn try_acquire(&self, bytes: usize) -> Option<Permit> {
        let bytes = signed(bytes);
        let mut state = lock(&self.inner.state);
        (state.queue.is_empty() && self.inner.fits(&state, bytes))
            .then(|| self.take(&mut state, bytes))
    }

    /// Takes `bytes` at once, into an overdraft if need be.
    pub fn charge(&self, bytes: usize) -> Permit {
        let mut state = lock(&self.inner.state);
        self.take(&mut state, signed(bytes))
    }

    /// Whether more than 16 MiB are overdrawn: time to make no more output.
    pub fn is_overdrawn(&self) -> bool {
        self.inner.available.load(Ordering::Relaxed) < -OVERDRAFT
    }

    /// Wakes `waker` once half of that is paid back; at once if it is.
    pub fn on_paid_back(&self, waker: &Waker) {
        let mut state = lock(&self.inner.state);
        if state.available < -OVERDRAFT / 2 {
            if !state.overdrawn.iter().any(|known| known.will_wake(waker)) {
                state.overdrawn.push(waker.clone());
            }
            return;
        }
        drop(state);
        waker.wake_by_ref();
    }

    /// The size of the budget in bytes.
    pub fn capacity(&self) -> u64 {
        self.inner.capacity.unsigned_abs()
    }

    /// Bytes out on permits; more than the capacity in an overdraft.
    pub fn used(&self) -> u64 {
        u64::try_from(self.inner.capacity - self.inner.available.load(Ordering::Relaxed))
            .unwrap_or(0)
    }

    /// Bytes that have come back with permits that ended, ever: what was given back unused does not count.
    pub fn returned(&self) -> u64 {
        self.inner.returned.load(Ordering::Relaxed).unsigned_abs()
    }

    /// How many wait for bytes.
    pub fn waiting(&self) -> usize {
        lock(&self.inner.state).queue.len()
    }

    fn take(&self, state: &mut State, bytes: i64) -> Permit {
        self.inner.set(state, state.available - bytes);
        Permit {
            budget: self.clone(),
            bytes,
        }
    }
}

impl Inner {
    fn fits(&self, state: &State, bytes: i64) -> bool {
        state.available >= bytes || state.available == self.capacity
    }

    fn set(&self, state: &mut State, available: i64) {
        state.available = available;
        self.available.store(available, Ordering::Relaxed);
    }

    /// Gives bytes back and serves those in front; their wakers are woken outside the lock.
    fn give(&self, bytes: i64) {
        if bytes == 0 {
            return;
        }
        let mut state = lock(&self.state);
        let available = state.available + bytes;
        self.set(&mut state, available);
        self.serve(state);
    }

    fn serve(&self, mut state: crate::sync::MutexGuard<'_, State>) {
        let mut woken = Vec::new();
        if state.available >= -OVERDRAFT / 2 {
            woken.append(&mut state.overdrawn);
        }
        while let Some(front) = state.queue.front() {
            let bytes = front.bytes;
            if !self.fits(&state, bytes) {
                break;
            }
            let Some(front) = state.queue.pop_front() else {
                break;
            };
            let available = state.available - bytes;
            self.set(&mut state, available);
            state.served.push(front.id);
            woken.push(front.waker);
        }
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }
}

/// A wait for bytes of a [`Budget`]; see [`Budget::acquire`].
pub struct Acquire {
    budget: Budget,
    bytes: i64,
    id: Option<u64>,
}

impl Future for Acquire {
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Permit> {
        let budget = self.budget.clone();
        let bytes = self.bytes;
        let mut state = lock(&budget.inner.state);
        match self.id {
            None if state.queue.is_empty() && budget.inner.fits(&state, bytes) => {
                return Poll::Ready(budget.take(&mut state, bytes));
            }
            None => {
                let id = state.next_id;
                state.next_id += 1;
                state.queue.push_back(Waiting {
                    id,
                    bytes,
                    waker: context.waker().clone(),
                });
                self.id = Some(id);
            }
            Some(id) => {
                if let Some(at) = state.served.iter().position(|&served| served == id) {
                    state.served.swap_remove(at);
                    drop(state);
                    self.id = None;
                    // The bytes were taken when the waiter was served.
                    return Poll::Ready(Permit { budget, bytes });
                }
                if let Some(waiting) = state.queue.iter_mut().find(|waiting| waiting.id == id) {
                    let old = std::mem::replace(&mut waiting.waker, context.waker().clone());
                    // A waker that goes may take a task with it, and the task a permit.
                    drop(state);
                    drop(old);
                }
            }
        }
        Poll::Pending
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let inner = &self.budget.inner;
        let mut state = lock(&inner.state);
        let mut gone = None;
        if let Some(at) = state.served.iter().position(|&served| served == id) {
            state.served.swap_remove(at);
            let available = state.available + self.bytes;
            inner.set(&mut state, available);
        } else if let Some(at) = state.queue.iter().position(|waiting| waiting.id == id) {
            // Kept until the lock is released: its waker may take a task, and so a permit, with it.
            gone = state.queue.remove(at);
        }
        // A large request that gives up may have stood before smaller ones that fit.
        inner.serve(state);
        drop(gone);
    }
}

/// The right to hold bytes; returns to its budget when dropped.
pub struct Permit {
    budget: Budget,
    bytes: i64,
}

impl Permit {
    /// How many bytes it covers.
    pub fn bytes(&self) -> u64 {
        self.bytes.unsigned_abs()
    }

    /// Covers `bytes` from now on if that is more, without waiting, into an overdraft if need be.
    pub fn grow_to(&mut self, bytes: usize) {
        let more = signed(bytes) - self.bytes;
        if more > 0 {
            self.budget.inner.give(-more);
            self.bytes += more;
        }
    }

    /// Keeps `bytes` of it, at most what it covers, and gives the rest back.
    pub fn shrink_to(&mut self, bytes: usize) {
        let keep = signed(bytes).min(self.bytes);
        let back = self.bytes - keep;
        self.bytes = keep;
        self.budget.inner.give(back);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let inner = &self.budget.inner;
        inner.returned.fetch_add(self.bytes, Ordering::Relaxed);
        inner.give(self.bytes);
    }
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Permit({} bytes)", self.bytes)
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
