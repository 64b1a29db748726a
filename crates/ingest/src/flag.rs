use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A flag that is raised once and for all, and wakes whoever waits for it. A clone is the same flag.
#[derive(Clone, Default)]
pub(crate) struct Flag {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    // Set under the lock, so that no waiter can register after the wakers were taken.
    raised: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next_id: u64,
    wakers: HashMap<u64, Waker>,
}

impl Flag {
    pub(crate) fn raise(&self) {
        let wakers = {
            let mut waiting = self.inner.waiting();
            self.inner.raised.store(true, Ordering::Release);
            std::mem::take(&mut waiting.wakers)
        };
        wakers.into_values().for_each(Waker::wake);
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.inner.raised.load(Ordering::Acquire)
    }

    /// Waits for the flag. May be polled from a loop that does other things: while its task stays
    /// the same, a poll is one load.
    pub(crate) fn raised(&self) -> Raised {
        Raised {
            flag: self.clone(),
            registered: None,
        }
    }
}

impl Inner {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Raised {
    flag: Flag,
    registered: Option<(u64, Waker)>,
}

impl Future for Raised {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.flag.is_raised() {
            return Poll::Ready(());
        }
        if let Some((_, waker)) = &self.registered
            && waker.will_wake(context.waker())
        {
            return Poll::Pending;
        }
        let id = self.registered.take().map(|(id, _)| id);
        let inner = self.flag.inner.clone();
        let mut waiting = inner.waiting();
        if self.flag.is_raised() {
            return Poll::Ready(());
        }
        let id = id.unwrap_or(waiting.next_id);
        waiting.next_id = waiting.next_id.max(id + 1);
        waiting.wakers.insert(id, context.waker().clone());
        self.registered = Some((id, context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        if let Some((id, _)) = self.registered.take() {
            self.flag.inner.waiting().wakers.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{block_on, poll_once};

    use super::*;

    #[test]
    fn a_flag_wakes_those_who_came_before_and_after_it_was_raised() {
        let flag = Flag::default();
        let waiter = std::thread::spawn({
            let flag = flag.clone();
            move || block_on(flag.raised())
        });
        let mut polled = flag.raised();
        assert!(block_on(poll_once(&mut polled)).is_none());
        flag.raise();
        flag.raise();
        waiter.join().unwrap();
        block_on(polled);
        block_on(flag.raised());
    }

    #[test]
    fn a_waiter_that_gave_up_leaves_nothing_behind() {
        let flag = Flag::default();
        for _ in 0..3 {
            let mut polled = flag.raised();
            assert!(block_on(poll_once(&mut polled)).is_none());
        }
        assert!(flag.inner.waiting().wakers.is_empty());
    }
}
