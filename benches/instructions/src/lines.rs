use std::sync::Arc;

use millpond_event::{Buffer, BufferPool, Chunk, Origin, Slice};

use crate::case::Failure;

/// The daemon's chunks.
pub(crate) const CHUNK: usize = 512 << 10;

/// 200 lines of the reference task as the throughput bench makes them, three of them malformed.
pub(crate) const CLICKS: &[u8] = include_bytes!("../../w1.ndjson");

/// A full chunk of lines, taken in over and over.
pub(crate) struct Supply {
    /// Has one buffer. What it holds outlives each chunk that it is lent to.
    pub(crate) pool: BufferPool,
    filled: usize,
    events: u64,
}

impl Supply {
    pub(crate) fn new(text: &[u8]) -> Self {
        let pool = BufferPool::new(CHUNK, || CHUNK);
        let mut buffer = pool.take();
        let (mut filled, mut events) = (0, 0);
        for line in text.split_inclusive(|byte| *byte == b'\n').cycle() {
            let Some(place) = buffer.get_mut(filled..filled + line.len()) else {
                break;
            };
            place.copy_from_slice(line);
            (filled, events) = (filled + line.len(), events + 1);
        }
        Supply {
            pool,
            filled,
            events,
        }
    }

    /// How many events a chunk has.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// The chunk, as if it had just been read. The one before must be gone: it has the buffer.
    pub(crate) fn chunk(&self) -> Chunk {
        chunk(self.pool.take(), self.filled)
    }

    /// The chunk with its lines found.
    pub(crate) fn slice(&self) -> Result<Slice, Failure> {
        let slice = Slice::whole(Arc::new(self.chunk())).ok_or("the chunk has no lines")?;
        if slice.len() as u64 == self.events {
            Ok(slice)
        } else {
            Err(format!(
                "a chunk of {} events, expected {}",
                slice.len(),
                self.events
            )
            .into())
        }
    }
}

fn chunk(buffer: Buffer, filled: usize) -> Chunk {
    let origin = Origin {
        source: "bench".into(),
        partition: 1,
        first_sequence: 0,
        offset: 0,
        received_micros: 1_790_000_000_000_000,
    };
    Chunk::new(buffer, filled, origin)
}

/// Shopping sessions of `elements` events each, one a line.
pub(crate) fn sessions(elements: usize) -> String {
    let element = |i: usize| {
        let kind = ["clicks", "carts", "orders"][i % 7 / 3];
        format!(
            "{{\"aid\":{},\"ts\":{},\"type\":\"{kind}\"}}",
            59_625 + i * 7_919 % 1_800_000,
            1_661_724_000_278 + i * 61_003
        )
    };
    let session = |number: usize| {
        let elements: Vec<String> = (0..elements).map(|i| element(number * 31 + i)).collect();
        format!(
            "{{\"session\":{number},\"events\":[{}]}}\n",
            elements.join(",")
        )
    };
    (1..=20).map(session).collect()
}
