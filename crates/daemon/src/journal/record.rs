//! What a record of the journal looks like: a chunk as it came, or how far files were read.
//!
//! Numbers are little-endian, texts have their length in 2 bytes before them.
//!
//! | a chunk | |
//! |---|---|
//! | 1 byte | 1; 2 for an event that was refused at the door |
//! | text | the source's name |
//! | 4 x 8 bytes | partition, sequence of the first event, byte offset, time of arrival in microseconds |
//! | 2 x 8 bytes, 2 texts | of a refused one: the length and xxh3-64 of the whole, reason, detail |
//! | the rest | the lines |
//!
//! | how far files were read | |
//! |---|---|
//! | 1 byte | 3 |
//! | for each file: text, 3 x 8 bytes | the source's name; partition, byte offset, sequence |

use std::sync::Arc;

use millpond_event::{Buffer, Chunk, Origin, Refusal, Slice};

const CHUNK: u8 = 1;
const REFUSED: u8 = 2;
const POSITIONS: u8 = 3;

/// Appends a chunk.
pub(super) fn write_chunk(chunk: &Chunk, out: &mut Vec<u8>) {
    let (origin, refusal) = (chunk.origin(), chunk.refusal());
    out.push(if refusal.is_some() { REFUSED } else { CHUNK });
    text(&origin.source, out);
    for number in [
        origin.partition,
        origin.first_sequence,
        origin.offset,
        origin.received_micros,
    ] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    if let Some(refusal) = refusal {
        out.extend_from_slice(&refusal.length.to_le_bytes());
        out.extend_from_slice(&refusal.hash.to_le_bytes());
        text(refusal.reason, out);
        text(&refusal.detail, out);
    }
    out.extend_from_slice(chunk.bytes());
}

/// Appends the positions of files: source, partition, byte offset, sequence.
pub(super) fn write_positions<'a>(
    positions: impl Iterator<Item = (&'a str, u64, u64, u64)>,
    out: &mut Vec<u8>,
) {
    out.push(POSITIONS);
    for (source, partition, offset, sequence) in positions {
        text(source, out);
        for number in [partition, offset, sequence] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

/// A record, its bytes borrowed.
#[derive(Debug, PartialEq)]
pub(super) enum Record<'a> {
    Chunk(Kept<'a>),
    Positions(Vec<(&'a str, u64, u64, u64)>),
}

/// A chunk in a record.
#[derive(Debug, PartialEq)]
pub(super) struct Kept<'a> {
    pub(super) source: &'a str,
    pub(super) partition: u64,
    pub(super) first_sequence: u64,
    pub(super) offset: u64,
    pub(super) received_micros: u64,
    pub(super) refusal: Option<Refusal>,
    pub(super) lines: &'a [u8],
}

impl Kept<'_> {
    /// The chunk, its lines in what `buffer` makes of them.
    pub(super) fn chunk(self, source: Arc<str>, buffer: impl FnOnce(&[u8]) -> Buffer) -> Chunk {
        let origin = Origin {
            source,
            partition: self.partition,
            first_sequence: self.first_sequence,
            offset: self.offset,
            received_micros: self.received_micros,
        };
        match self.refusal {
            Some(refusal) => Chunk::refused(self.lines.to_vec(), origin, refusal),
            None => Chunk::new(buffer(self.lines), self.lines.len(), origin),
        }
    }

    /// How many events it has, found as the source found them.
    pub(super) fn events(self) -> u64 {
        let source = self.source.into();
        let chunk = self.chunk(source, |lines| Buffer::from_vec(lines.to_vec()));
        Slice::whole(Arc::new(chunk)).map_or(0, |slice| slice.len() as u64)
    }

    /// The byte offset behind it in its partition.
    pub(super) fn end(&self) -> u64 {
        end(self.offset, self.lines.len(), self.refusal.as_ref())
    }
}

/// The byte offset behind a chunk.
pub(super) fn end(offset: u64, lines: usize, refusal: Option<&Refusal>) -> u64 {
    match refusal {
        // A refused line is not here in full; behind it was its newline.
        Some(refusal) => offset + refusal.length + 1,
        None => offset + lines as u64,
    }
}

/// Reads a record.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Record<'_>, String> {
    let mut cursor = Cursor { bytes };
    let [kind] = cursor.array("kind")?;
    match kind {
        CHUNK | REFUSED => {
            let source = cursor.text("source")?;
            let [partition, first_sequence, offset, received_micros] =
                cursor.numbers(["partition", "sequence", "offset", "time"])?;
            let refusal = if kind == REFUSED {
                let [length, hash] = cursor.numbers(["length", "hash"])?;
                let (reason, detail) = (cursor.text("reason")?, cursor.text("detail")?);
                let known = millpond_ingress::REASONS;
                let known = known.iter().find(|known| **known == reason);
                Some(Refusal {
                    reason: known.copied().unwrap_or("refused"),
                    detail: detail.to_owned(),
                    length,
                    hash,
                })
            } else {
                None
            };
            Ok(Record::Chunk(Kept {
                source,
                partition,
                first_sequence,
                offset,
                received_micros,
                refusal,
                lines: cursor.bytes,
            }))
        }
        POSITIONS => {
            let mut positions = Vec::new();
            while !cursor.bytes.is_empty() {
                let source = cursor.text("source")?;
                let [partition, offset, sequence] =
                    cursor.numbers(["partition", "offset", "sequence"])?;
                positions.push((source, partition, offset, sequence));
            }
            Ok(Record::Positions(positions))
        }
        other => Err(format!(
            "a record of kind {other}, expected 1 to 3: a later version of this program wrote it"
        )),
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    let mut length = text.len().min(usize::from(u16::MAX));
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    out.extend_from_slice(&(length as u16).to_le_bytes());
    out.extend_from_slice(&text.as_bytes()[..length]);
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize, what: &str) -> Result<&'a [u8], String> {
        let taken = self.bytes.split_at_checked(length);
        let (taken, rest) = taken.ok_or_else(|| {
            let left = self.bytes.len();
            format!("a record ends within its {what}: {left} bytes, expected {length}")
        })?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], String> {
        let taken = self.take(N, what)?;
        // `take` gave as many as were asked for.
        taken.try_into().map_err(|_| what.to_owned())
    }

    fn numbers<const N: usize>(&mut self, what: [&str; N]) -> Result<[u64; N], String> {
        let mut numbers = [0; N];
        for (number, what) in numbers.iter_mut().zip(what) {
            *number = u64::from_le_bytes(self.array(what)?);
        }
        Ok(numbers)
    }

    fn text(&mut self, what: &str) -> Result<&'a str, String> {
        let length = u16::from_le_bytes(self.array(what)?);
        let taken = self.take(usize::from(length), what)?;
        std::str::from_utf8(taken).map_err(|error| format!("the {what} of a record: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(source: &str, numbers: [u64; 4]) -> Origin {
        let [partition, first_sequence, offset, received_micros] = numbers;
        Origin {
            source: source.into(),
            partition,
            first_sequence,
            offset,
            received_micros,
        }
    }

    proptest! {
        #[test]
        fn a_chunk_comes_back_as_it_was(
            source in ".{0,40}",
            numbers: [u64; 4],
            lines in prop::collection::vec(any::<u8>(), 0..200),
            refused in prop::option::of((any::<u32>(), any::<u64>(), ".{0,60}")),
        ) {
            let chunk = match &refused {
                None => {
                    let buffer = Buffer::from_vec(lines.clone());
                    Chunk::new(buffer, lines.len(), origin(&source, numbers))
                }
                Some((length, hash, detail)) => {
                    let refusal = Refusal {
                        reason: "line_too_long",
                        detail: detail.clone(),
                        length: u64::from(*length),
                        hash: *hash,
                    };
                    Chunk::refused(lines.clone(), origin(&source, numbers), refusal)
                }
            };
            let mut record = Vec::new();
            write_chunk(&chunk, &mut record);
            let Ok(Record::Chunk(kept)) = read(&record) else {
                return Err(TestCaseError::fail("it cannot be read"));
            };
            prop_assert_eq!(kept.source, &source);
            prop_assert_eq!([kept.partition, kept.first_sequence, kept.offset, kept.received_micros], numbers);
            prop_assert_eq!(kept.lines, &lines[..]);
            prop_assert_eq!(kept.refusal.as_ref(), chunk.refusal());
            // Cut anywhere in its head, it is no other chunk.
            for cut in 0..record.len() - lines.len() {
                prop_assert!(read(&record[..cut]).is_err());
            }
        }

        #[test]
        fn positions_come_back_as_they_were(
            positions in prop::collection::vec((".{0,9}", any::<[u64; 3]>()), 0..9)
        ) {
            let mut record = Vec::new();
            let each = || positions.iter().map(|(source, [a, b, c])| (source.as_str(), *a, *b, *c));
            write_positions(each(), &mut record);
            prop_assert_eq!(read(&record), Ok(Record::Positions(each().collect())));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            let _ = read(&bytes);
        }
    }
}
