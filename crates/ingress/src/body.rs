use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Frame, Incoming};
use millpond_ingest::{Ended, Idle};

use crate::reply::Refused;

/// How long the rest of a body may take once the source should end.
const GRACE: Duration = Duration::from_millis(500);

/// How far a body was read.
pub(crate) enum Read {
    /// To its end: it is this long.
    Whole(usize),
    /// Until there was no room for more of it.
    Full,
}

/// A body while it comes in.
pub(crate) struct Inflow {
    body: Incoming,
    /// What came in and found no room.
    rest: Option<Bytes>,
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
            rest: None,
            silence: Idle::new(stall.min(left)),
            until,
            ended: Some(ended),
        }
    }

    /// Whether some of the body has not been read.
    pub(crate) fn is_unread(&self) -> bool {
        !self.body.is_end_stream()
    }

    /// Reads on behind the first `filled` bytes of `room`, to the end of the body or of the room.
    ///
    /// # Errors
    /// When it is too slow or no body.
    pub(crate) async fn read(
        &mut self,
        room: &mut [u8],
        mut filled: usize,
    ) -> Result<Read, Refused> {
        self.silence.touch();
        loop {
            let bytes = match self.rest.take() {
                Some(rest) => rest,
                None => {
                    let Some(frame) = poll_fn(|context| self.frame(context)).await? else {
                        return Ok(Read::Whole(filled));
                    };
                    let Ok(bytes) = frame.into_data() else {
                        continue;
                    };
                    bytes
                }
            };
            let here = bytes.len().min(room.len() - filled);
            room[filled..filled + here].copy_from_slice(&bytes[..here]);
            filled += here;
            self.silence.touch();
            if here < bytes.len() {
                self.rest = Some(bytes.slice(here..));
                return Ok(Read::Full);
            }
        }
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
