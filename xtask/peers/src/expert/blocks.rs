//! Blocks of whole lines, read into one buffer.

use std::io::{self, ErrorKind, Read};

use crate::output::BUFFER;

/// Reads as much as is there and fits; what follows the last line end waits for the next block.
pub(super) struct Blocks<R> {
    from: R,
    buffer: Vec<u8>,
    /// Bytes that the last block gave away.
    taken: usize,
    /// Bytes that were read.
    filled: usize,
}

impl<R: Read> Blocks<R> {
    pub(super) fn of(from: R) -> Self {
        Self {
            from,
            buffer: vec![0; BUFFER],
            taken: 0,
            filled: 0,
        }
    }

    /// Whole lines; at the end also the last one, if nothing ends it. `None` when there are no more.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.buffer.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.taken = 0;
        while self.taken == 0 {
            if self.filled == self.buffer.len() {
                self.buffer.resize(2 * self.filled, 0);
            }
            let read = match self.from.read(&mut self.buffer[self.filled..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read?,
            };
            let new = self.filled..self.filled + read;
            self.filled = new.end;
            if read == 0 {
                self.taken = self.filled;
                break;
            }
            let end = memchr::memrchr(b'\n', &self.buffer[new.clone()]);
            self.taken = end.map_or(0, |at| new.start + at + 1);
        }
        Ok((self.taken > 0).then_some(&self.buffer[..self.taken]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `size` bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(to.len());
            self.0.read(&mut to[..most])
        }
    }

    #[test]
    fn no_byte_is_lost_or_doubled_whatever_the_reads_bring() {
        let text = format!("a\n\nlong {}\nbc\nlast", "x".repeat(3 * BUFFER));
        for size in [1, 2, 3, 1000, BUFFER - 1, BUFFER, usize::MAX] {
            let mut blocks = Blocks::of(Trickle(text.as_bytes(), size));
            let mut seen = Vec::new();
            while let Some(block) = blocks.next().unwrap() {
                seen.extend_from_slice(block);
                assert!(block.ends_with(b"\n") || seen.len() == text.len());
            }
            assert!(seen == text.as_bytes(), "reads of {size}");
        }
    }
}
