use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_std::task;
use millpond_ingest::BoxFuture;

/// What a connection is doing, for its deadlines: told by what reads its bytes and by what answers its requests.
pub(crate) struct Pulse {
    began: Instant,
    /// Requests that are being answered.
    answering: AtomicU64,
    /// Whether something was read since the last answer that is no whole head yet.
    reading: AtomicBool,
    /// When the connection began to be silent, or to send a head: in milliseconds since it began.
    since: AtomicU64,
}

/// A request that is being answered, until it is dropped.
pub(crate) struct Answering<'a>(&'a Pulse);

impl Pulse {
    pub(crate) fn new() -> Self {
        Pulse {
            began: Instant::now(),
            answering: AtomicU64::new(0),
            reading: AtomicBool::new(false),
            since: AtomicU64::new(0),
        }
    }

    /// Some bytes came in.
    pub(crate) fn heard(&self) {
        if !self.is_answering() && !self.reading.load(Ordering::Relaxed) {
            self.since.store(self.now(), Ordering::Relaxed);
            self.reading.store(true, Ordering::Relaxed);
        }
    }

    /// A head came in as a whole.
    pub(crate) fn begin(&self) -> Answering<'_> {
        self.answering.fetch_add(1, Ordering::Relaxed);
        self.reading.store(false, Ordering::Relaxed);
        Answering(self)
    }

    /// Whether a request is being answered.
    pub(crate) fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Relaxed) > 0
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.since.store(self.0.now(), Ordering::Relaxed);
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long a connection may take for a head, and how long it may ask nothing.
pub(crate) struct Deadlines {
    pulse: Arc<Pulse>,
    head: Duration,
    idle: Option<Duration>,
    timer: Option<BoxFuture<'static, ()>>,
}

impl Deadlines {
    pub(crate) fn new(pulse: Arc<Pulse>, head: Duration, idle: Option<Duration>) -> Self {
        Deadlines {
            pulse,
            head,
            idle,
            timer: None,
        }
    }

    /// Ready once one of them has passed: which one.
    ///
    /// The timer is not moved with every request: it looks again after as long as a head may take at most.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<&'static str> {
        loop {
            if let Some(timer) = &mut self.timer {
                if timer.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                self.timer = None;
            }
            let (reason, limit) = if self.pulse.reading.load(Ordering::Relaxed) {
                ("slow_header", Some(self.head))
            } else {
                ("idle", self.idle)
            };
            let mut wait = self.head;
            if let Some(limit) = limit
                && !self.pulse.is_answering()
            {
                let since = Duration::from_millis(self.pulse.since.load(Ordering::Relaxed));
                let left = (since + limit).saturating_sub(self.pulse.began.elapsed());
                if left.is_zero() {
                    return Poll::Ready(reason);
                }
                wait = wait.min(left);
            }
            // A millisecond more: the times above are cut to whole ones.
            self.timer = Some(Box::pin(task::sleep(wait + Duration::from_millis(1))));
        }
    }
}
