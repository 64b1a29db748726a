use std::ops::Range;

use millpond_event::Buffer;
use millpond_queue::Permit;

use crate::inlet::PAGE;

/// A buffer to read into, and the permit for it, which may cover more until the buffer is handed on.
pub struct Lease {
    pub(crate) buffer: Buffer,
    pub(crate) permit: Permit,
}

impl Lease {
    /// The bytes to read into; what they hold is whatever their last user left.
    pub fn bytes(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// How many there are.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// The buffer of a chunk with the bytes of `range`, how many of them are filled, and its permit.
    ///
    /// A buffer that is well filled from its start is the chunk's own; otherwise the bytes move to
    /// one of their size and the rest of the permit goes back.
    pub fn seal(mut self, range: Range<usize>) -> (Buffer, usize, Permit) {
        let filled = range.len();
        if range.start == 0 && filled >= self.capacity() / 2 {
            self.permit.shrink_to(self.capacity());
            return (self.buffer, filled, self.permit);
        }
        let capacity = filled.max(1).next_multiple_of(PAGE);
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(&self.buffer[range]);
        bytes.resize(capacity, 0);
        self.permit.shrink_to(capacity);
        (Buffer::from_vec(bytes), filled, self.permit)
    }

    /// Other bytes in place of its buffer, under the same permit: as many at most as that covers.
    pub fn holding(mut self, bytes: Vec<u8>) -> Lease {
        self.permit.grow_to(bytes.capacity());
        self.permit.shrink_to(bytes.capacity());
        Lease {
            buffer: Buffer::from_vec(bytes),
            permit: self.permit,
        }
    }

    /// Its buffer and its permit.
    pub(crate) fn into_parts(mut self) -> (Buffer, Permit) {
        self.permit.shrink_to(self.capacity());
        (self.buffer, self.permit)
    }
}
