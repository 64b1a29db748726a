use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Frame, Incoming};
use millpond_ingest::{Ended, Idle};

use crate::reply::Refused;

/// How long the rest of a body may take once the source should end.
const GRACE: Duration = Duration::from_millis(500);

/// A body while it comes in.
pub(crate) struct Inflow {
    body: Incoming,
    silence: Idle,
    until: Instant,
    ended: Option<Ended>,
}

impl Inflow {
    /// `stall`: how long its sender may be silent. `until`: when the whole body has to be there.
    pub(crate) fn new(body: Incoming, stall: Duration, until: Instant, ended: Ended) -> Self {
        let left = until.saturating_duration_since(Instant::now());
        Inflow {
            body,
            silence: Idle::new(stall.min(left)),
            until,
            ended: Some(ended),
        }
    }

    /// Whether some of the body has not been read.
    pub(crate) fn is_unread(&self) -> bool {
        !self.body.is_end_stream()
    }

    /// Reads the body to its end, and says how long it is: at most as long as `room`.
    ///
    /// # Errors
    /// When it is too long, too slow or no body.
    pub(crate) async fn read(&mut self, room: &mut [u8]) -> Result<usize, Refused> {
        let mut filled = 0;
        self.silence.touch();
        while let Some(frame) = poll_fn(|context| self.frame(context)).await? {
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            let limit = room.len();
            let Some(here) = room.get_mut(filled..filled + bytes.len()) else {
                return Err(Refused::TooLarge(limit));
            };
            here.copy_from_slice(&bytes);
            filled += bytes.len();
            self.silence.touch();
        }
        Ok(filled)
    }
    fn frame(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Refused>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let frame = frame.transpose();
            return Poll::Ready(frame.map_err(|error| Refused::Broken(error.to_string())));
        }
        let ended = self.ended.as_mut();
        if ended.is_some_and(|ended| Pin::new(ended).poll(context).is_ready()) {
            self.ended = None;
            self.silence = Idle::new(GRACE);
            self.until = self.until.min(Instant::now() + GRACE);
        }
        let silent = self.silence.poll(context).is_ready();
        if silent || Instant::now() >= self.until {
            let stopping = self.ended.is_none();
            return Poll::Ready(Err(if stopping {
                Refused::Ended
            } else {
                Refused::Slow
            }));
        }
        Poll::Pending
    }
}
