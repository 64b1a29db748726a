use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_std::task;

use crate::BoxFuture;

/// How long a peer may be silent. A timer that runs is not moved with every read: it finds out when it ends.
pub struct Idle {
    limit: Duration,
    last: Instant,
    timer: Option<BoxFuture<'static, ()>>,
}

impl Idle {
    /// The time begins now.
    pub fn new(limit: Duration) -> Self {
        let last = Instant::now();
        let timer = None;
        Idle { limit, last, timer }
    }

    /// Begins the time anew.
    pub fn touch(&mut self) {
        self.last = Instant::now();
    }

    /// Ready once the time is over.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let timer = match &mut self.timer {
                Some(timer) => timer,
                None => {
                    let left = self.limit.saturating_sub(self.last.elapsed());
                    if left.is_zero() {
                        return Poll::Ready(());
                    }
                    self.timer.insert(Box::pin(task::sleep(left)))
                }
            };
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
        }
    }
}
