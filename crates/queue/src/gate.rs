use std::future::poll_fn;
use std::task::Poll;

use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::waiters::Waiters;

/// Whether a pipeline wants input at the moment. Whoever brings it in waits here before it reads: behind a
/// closed gate, what was read would only use up the budget of all.
///
/// It is asked, not enforced: what was read before it closed goes through.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

struct Inner {
    closed: AtomicBool,
    opened: Waiters,
}

impl Gate {
    /// An open gate.
    pub(crate) fn new() -> Self {
        let inner = Inner {
            closed: AtomicBool::new(false),
            opened: Waiters::new(),
        };
        Gate {
            inner: Arc::new(inner),
        }
    }

    /// Asks for no more input.
    pub fn close(&self) {
        self.inner.closed.store(true, Ordering::Release);
    }

    /// Asks for input again, and wakes those who wait to bring it.
    pub fn open(&self) {
        self.inner.closed.store(false, Ordering::Release);
        self.inner.opened.wake();
    }

    /// Whether no input is asked for.
    pub fn is_closed(&self) -> bool {
        self.inner.closed.load(Ordering::Acquire)
    }

    /// Waits until it is open. Cancel-safe.
    pub async fn opened(&self) {
        poll_fn(|context| {
            if self.is_closed() {
                self.inner.opened.register(context.waker());
                // It may have been opened before the waker was there to be woken.
                if self.is_closed() {
                    return Poll::Pending;
                }
            }
            Poll::Ready(())
        })
        .await;
    }
}

#[cfg(all(test, not(millpond_model)))]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Wake for Counting {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn whoever_waits_is_woken_when_it_opens_and_nobody_waits_at_an_open_one() {
        let woken = std::sync::Arc::new(Counting::default());
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        let gate = Gate::new();
        assert!(pin!(gate.opened()).poll(&mut context).is_ready());
        gate.close();
        let mut waiting = pin!(gate.opened());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert_eq!(woken.0.load(Ordering::SeqCst), 0);
        gate.clone().open();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(waiting.as_mut().poll(&mut context).is_ready());
    }
}
