use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use millpond_delivery::Settled;
use millpond_event::{Buffer, Chunk, Origin, Refusal};
use xxhash_rust::xxh3::xxh3_64;

use crate::inlet::{Closed, Inlet};
use crate::lease::Lease;
use crate::lines::{Lines, Piece, TooLong};
use crate::resume::Resumed;

/// How much is kept of what is refused.
const MAX_REFUSED: usize = 64 << 10;

/// What a read brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Events handed on, refused ones included.
    pub events: u64,
    /// Those of them that are longer than a line may be.
    pub refused: u64,
}

/// One partition of a source: what is read goes in, chunks with its coordinates go to the pipelines.
pub struct Feed {
    inlet: Inlet,
    partition: u64,
    sequence: u64,
    lines: Lines,
}

impl Feed {
    /// A partition with a number that no other has in this process. Lines longer than `max_line`
    /// bytes are refused.
    pub fn new(inlet: Inlet, max_line: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Feed {
            inlet,
            partition: NEXT.fetch_add(1, Ordering::Relaxed),
            sequence: 0,
            lines: Lines::new(max_line),
        }
    }

    /// A partition with a number of its own, which goes on from where it was left.
    pub(crate) fn resumed(inlet: Inlet, max_line: usize, partition: u64, from: Resumed) -> Self {
        Feed {
            inlet,
            partition,
            sequence: from.sequence,
            lines: Lines::from(max_line, from.offset),
        }
    }

    pub(crate) fn inlet(&self) -> &Inlet {
        &self.inlet
    }

    /// The sequence of the next event.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) fn partition(&self) -> u64 {
        self.partition
    }

    /// The line that is not complete yet, and what is held for it.
    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// How large a buffer the next read needs: the half line goes to its front.
    pub(crate) fn need(&self) -> usize {
        let usual = self.inlet.buffer_bytes();
        match self.lines.headroom() {
            small if small <= usual / 2 => usual,
            large => large + usual,
        }
    }

    /// Where in the buffer the next read begins.
    pub(crate) fn headroom(&self) -> usize {
        self.lines.headroom()
    }

    /// Hands on the whole lines of what was read into `headroom..filled`; `end`: nothing follows.
    ///
    /// # Errors
    /// When a pipeline is gone.
    pub(crate) async fn take(
        &mut self,
        lease: Lease,
        filled: usize,
        end: bool,
    ) -> Result<(), Closed> {
        self.take_for(lease, filled, end, None).await.map(drop)
    }

    /// The same for a `listener` who is told what becomes of each chunk, and says how much it was.
    ///
    /// # Errors
    /// When a pipeline is gone.
    pub async fn take_for(
        &mut self,
        mut lease: Lease,
        filled: usize,
        end: bool,
        listener: Option<Arc<dyn Settled>>,
    ) -> Result<Taken, Closed> {
        let now = unix_micros();
        let mut pieces = self.lines.feed(lease.bytes(), filled, end);
        let before = self.sequence;
        let mut refused = 0;
        if pieces.len() > 1 {
            refused = pieces.iter().filter(|piece| piece.is_too_long()).count() as u64;
            self.take_many(lease, pieces, now, listener).await?;
        } else if let Some(piece) = pieces.pop() {
            let (chunk, permit) = match piece {
                Piece::Lines { range, offset } => {
                    let (buffer, filled, permit) = lease.seal(range);
                    (Chunk::new(buffer, filled, self.origin(offset, now)), permit)
                }
                Piece::TooLong(long) => {
                    refused = 1;
                    let (_, mut permit) = lease.into_parts();
                    permit.shrink_to(crate::inlet::PAGE);
                    (self.refused(long, now), permit)
                }
            };
            self.sequence += self.inlet.submit(chunk, Arc::new(permit), listener).await?;
        }
        let events = self.sequence - before;
        Ok(Taken { events, refused })
    }

    /// A line that is too long lies between others: each piece becomes a chunk of just its size.
    /// Together they are no larger than the buffer was, whose permit they share.
    async fn take_many(
        &mut self,
        lease: Lease,
        pieces: Vec<Piece>,
        now: u64,
        listener: Option<Arc<dyn Settled>>,
    ) -> Result<(), Closed> {
        let (buffer, permit) = lease.into_parts();
        let permit = Arc::new(permit);
        for piece in pieces {
            let chunk = match piece {
                Piece::TooLong(long) => self.refused(long, now),
                Piece::Lines { range, offset } => {
                    let filled = range.len();
                    let bytes = Buffer::from_vec(buffer[range].to_vec());
                    Chunk::new(bytes, filled, self.origin(offset, now))
                }
            };
            self.sequence += self
                .inlet
                .submit(chunk, permit.clone(), listener.clone())
                .await?;
        }
        Ok(())
    }

    /// Hands on what is no event, to be set aside with its reason; of what is longer than a line may be, its beginning,
    /// its length and its hash.
    ///
    /// # Errors
    /// When a pipeline is gone.
    pub async fn refuse(
        &mut self,
        mut bytes: Vec<u8>,
        reason: &'static str,
        detail: String,
        listener: Option<Arc<dyn Settled>>,
    ) -> Result<(), Closed> {
        let refusal = Refusal {
            reason,
            detail,
            length: bytes.len() as u64,
            hash: xxh3_64(&bytes),
        };
        // As long as a line may be, it is kept as lines are.
        if bytes.len() > self.lines.max_line() {
            bytes.truncate(MAX_REFUSED);
        }
        bytes.shrink_to_fit();
        let permit = self
            .inlet
            .charge(bytes.len().next_multiple_of(crate::inlet::PAGE));
        let origin = self.origin(self.lines.offset(), unix_micros());
        let chunk = Chunk::refused(bytes, origin, refusal);
        self.sequence += self.inlet.submit(chunk, Arc::new(permit), listener).await?;
        Ok(())
    }

    fn refused(&self, long: TooLong, now: u64) -> Chunk {
        let refusal = Refusal {
            reason: "line_too_long",
            detail: format!(
                "line of {} bytes, expected at most {}",
                long.length,
                self.lines.max_line()
            ),
            length: long.length,
            hash: long.hash,
        };
        Chunk::refused(long.prefix, self.origin(long.offset, now), refusal)
    }

    fn origin(&self, offset: u64, received_micros: u64) -> Origin {
        Origin {
            source: self.inlet.name().clone(),
            partition: self.partition,
            first_sequence: self.sequence,
            offset,
            received_micros,
        }
    }
}

/// Now, in microseconds since the Unix epoch.
pub fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| {
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    })
}
