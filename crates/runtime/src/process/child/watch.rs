use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millpond_queue::monotonic_nanos;

use super::super::reply::{Head, Kind};
use super::write_all;

/// Sees to it that the parent hears where a request hangs: a thread that looks now and then, and ends with this.
pub(super) struct Watch {
    inner: Arc<Inner>,
    /// Nothing is ever sent.
    _leave: Sender<()>,
}

struct Inner {
    /// Whoever answers holds it; after a request was told to hang, nobody does.
    stream: Mutex<UnixStream>,
    /// When the request began; 0 = there is none.
    since: AtomicU64,
    /// The event that it is at.
    event: AtomicU32,
}

/// How often the thread looks.
pub(in crate::process) fn period(deadline: Duration) -> Duration {
    (deadline / 8).clamp(Duration::from_millis(5), Duration::from_millis(250))
}

impl Watch {
    pub(super) fn start(stream: UnixStream, deadline: Duration) -> io::Result<Self> {
        let inner = Arc::new(Inner {
            stream: Mutex::new(stream),
            since: AtomicU64::new(0),
            event: AtomicU32::new(0),
        });
        let watching = inner.clone();
        let (leave, left) = channel();
        std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || {
                let look = period(deadline);
                while left.recv_timeout(look) == Err(RecvTimeoutError::Timeout)
                    && !watching.is_stuck(deadline)
                {}
            })?;
        Ok(Watch {
            inner,
            _leave: leave,
        })
    }

    /// A request is begun.
    pub(super) fn begin(&self) {
        self.inner.event.store(0, Ordering::Relaxed);
        self.inner.since.store(monotonic_nanos(), Ordering::Release);
    }

    /// It is at this event of it.
    #[inline]
    pub(super) fn at(&self, event: u32) {
        self.inner.event.store(event, Ordering::Relaxed);
    }

    /// The request is done with.
    pub(super) fn answer(&self, kind: Kind, said: &[u8], rows: &[&[u8]]) -> io::Result<()> {
        let stream = self
            .inner
            .stream
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.inner.since.store(0, Ordering::Release);
        write(&stream, kind, said, rows)
    }
}

impl Inner {
    /// Tells the parent if the request has taken too long; true when that was said.
    fn is_stuck(&self, deadline: Duration) -> bool {
        let since = self.since.load(Ordering::Acquire);
        let took = |since| Duration::from_nanos(monotonic_nanos().saturating_sub(since));
        if since == 0 || took(since) < deadline {
            return false;
        }
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have been answered meanwhile, and the next one begun.
        if self.since.load(Ordering::Acquire) != since {
            return false;
        }
        let event = self.event.load(Ordering::Relaxed).to_le_bytes();
        // A parent that is gone needs to hear nothing.
        let _ = write(&stream, Kind::Stuck, &event, &[]);
        // The parent will replace this process: an answer that comes late must not be taken for one to
        // another request.
        std::mem::forget(stream);
        true
    }
}

fn write(stream: &UnixStream, kind: Kind, said: &[u8], rows: &[&[u8]]) -> io::Result<()> {
    let head = Head {
        kind,
        said: u32::try_from(said.len()).unwrap_or(u32::MAX),
        rows: rows.iter().map(|rows| rows.len() as u64).sum(),
    };
    let head = head.put();
    let mut pieces: Vec<&[u8]> = vec![&head, said];
    pieces.extend(rows);
    write_all(stream, &pieces)
}
