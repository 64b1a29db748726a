//! A chunk: whole lines as they were read, immutable, shared by the events that lie in it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::frame;
use crate::pool::Buffer;

/// Where one line lies in its chunk: bytes `start..end`, the newline and a `\r` before it excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte of the line.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
    /// How many-th event of the chunk it is, from 0.
    pub ordinal: u32,
}

/// Where a chunk came from: the coordinate of its first event.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The source's name in the configuration.
    pub source: Arc<str>,
    /// One connection or one file of that source.
    pub partition: u64,
    /// The sequence, in the partition, of the chunk's first event.
    pub first_sequence: u64,
    /// Byte offset of the chunk's first byte in the partition.
    pub offset: u64,
    /// When it was received: microseconds since the Unix epoch, as handed in.
    pub received_micros: u64,
}

/// Where a journal keeps an event: the same after a restart, and rising in the order of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The sequence of the record that holds its chunk.
    pub sequence: u64,
    /// How many-th event of the chunk it is, from 0.
    pub ordinal: u32,
}

impl Position {
    /// That of an event that no journal keeps.
    pub const NONE: Position = Position {
        sequence: u64::MAX,
        ordinal: 0,
    };

    /// False for [`Position::NONE`].
    #[inline]
    pub fn is_some(self) -> bool {
        self.sequence != Self::NONE.sequence
    }
}

/// Why an event was refused before it was complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A stable name for machines, such as `line_too_long`.
    pub reason: &'static str,
    /// What happened, for people.
    pub detail: String,
    /// Length of the whole original in bytes.
    pub length: u64,
    /// xxh3-64 of the whole original.
    pub hash: u64,
}

/// Whole lines as they were read. Its buffer goes home to its pool when the last owner lets go of it.
#[derive(Debug)]
pub struct Chunk {
    buffer: Buffer,
    filled: usize,
    /// Set when its lines are looked for, or when it is asked for before that.
    utf8: OnceLock<bool>,
    origin: Origin,
    /// The sequence of its [`Position`].
    kept: AtomicU64,
    refusal: Option<Refusal>,
}

impl Chunk {
    /// Takes a buffer of which the first `filled` bytes are whole lines (the last may lack its newline).
    ///
    /// # Panics
    /// If `filled` is more than the buffer holds, or 4 GiB and more.
    pub fn new(buffer: Buffer, filled: usize, origin: Origin) -> Self {
        assert!(
            filled <= buffer.capacity(),
            "{filled} bytes filled in a buffer of {}",
            buffer.capacity()
        );
        assert!(
            u32::try_from(filled).is_ok(),
            "{filled} bytes filled, expected less than 4 GiB"
        );
        Self {
            buffer,
            filled,
            utf8: OnceLock::new(),
            origin,
            kept: AtomicU64::new(Position::NONE.sequence),
            refusal: None,
        }
    }

    /// A chunk of lines that were looked at elsewhere, in another process: whether they are UTF-8 is known
    /// (`utf8`), or looked at line by line.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn known(buffer: Buffer, filled: usize, utf8: bool, origin: Origin) -> Self {
        Self {
            utf8: utf8.into(),
            ..Self::new(buffer, filled, origin)
        }
    }

    /// A chunk of one event that was refused before it was complete (an oversized line):
    /// `bytes` is the prefix that was kept of it.
    ///
    /// # Panics
    /// If the prefix has 4 GiB or more.
    pub fn refused(bytes: Vec<u8>, origin: Origin, refusal: Refusal) -> Self {
        let filled = bytes.len();
        Self {
            refusal: Some(refusal),
            ..Self::new(Buffer::from_vec(bytes), filled, origin)
        }
    }

    /// The bytes of all its lines.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// How much memory it holds on to, in bytes: the whole buffer, filled or not.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Whether all its bytes are UTF-8. If not, each line is looked at by itself. Known once its lines were looked for
    /// ([`frame`](Self::frame)), and found out now if they were not.
    #[inline]
    pub fn is_utf8(&self) -> bool {
        *self
            .utf8
            .get_or_init(|| simdutf8::basic::from_utf8(self.bytes()).is_ok())
    }

    /// Where it came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Says that a journal keeps it, as the record of this sequence.
    pub fn set_kept(&self, sequence: u64) {
        self.kept.store(sequence, Ordering::Relaxed);
    }

    /// Where a journal keeps its event `ordinal`, or [`Position::NONE`].
    #[inline]
    pub fn position(&self, ordinal: u32) -> Position {
        Position {
            sequence: self.kept.load(Ordering::Relaxed),
            ordinal,
        }
    }

    /// Why its one event was refused, if it was.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Appends the spans of its lines to `spans`, in order, with ordinals from 0. Blank lines (empty, or
    /// only spaces, tabs and `\r`) are no events and have no ordinal. Returns the bytes of the lines.
    pub fn frame(&self, spans: &mut Vec<Span>) -> usize {
        let framed = frame::frame(self.bytes(), spans);
        self.utf8.get_or_init(|| framed.utf8);
        framed.weight
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn origin() -> Origin {
        Origin {
            source: "test".into(),
            partition: 3,
            first_sequence: 100,
            offset: 1000,
            received_micros: 0,
        }
    }

    pub(crate) fn chunk(bytes: &[u8]) -> Chunk {
        Chunk::new(Buffer::from_vec(bytes.to_vec()), bytes.len(), origin())
    }

    fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
        let chunk = chunk(bytes);
        let mut spans = Vec::new();
        chunk.frame(&mut spans);
        for (i, span) in spans.iter().enumerate() {
            assert_eq!(span.ordinal as usize, i);
        }
        spans
            .iter()
            .map(|s| chunk.bytes()[s.start as usize..s.end as usize].to_vec())
            .collect()
    }

    #[test]
    fn blank_lines_and_line_ends_are_no_part_of_an_event() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("\n", &[]),
            ("\r\n \t\r\n\n", &[]),
            ("a", &["a"]),
            ("a\n", &["a"]),
            ("a\r\nb\r\n", &["a", "b"]),
            ("a\n\n \nb", &["a", "b"]),
            (" a \n\tb", &[" a ", "\tb"]),
            ("a\rb\n", &["a\rb"]),
            ("\0\n", &["\0"]),
        ];
        for (text, want) in cases {
            let want: Vec<Vec<u8>> = want.iter().map(|s| s.as_bytes().to_vec()).collect();
            assert_eq!(lines(text.as_bytes()), want, "{text:?}");
        }
    }

    #[test]
    fn only_the_filled_part_of_a_buffer_is_read() {
        let chunk = Chunk::new(Buffer::from_vec(b"a\n\xff\xff".to_vec()), 2, origin());
        assert_eq!(chunk.bytes(), b"a\n");
        assert!(chunk.is_utf8());
        assert_eq!(chunk.capacity(), 4);
    }
}
