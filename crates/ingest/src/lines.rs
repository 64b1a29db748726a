//! Lines out of a stream of bytes: no IO, no clock. However the stream is cut into reads, the same
//! lines come out at the same offsets.

use std::ops::Range;

use memchr::{memchr, memrchr};
use xxhash_rust::xxh3::Xxh3;

/// How much of a line that is too long is kept.
const PREFIX: usize = 1024;
/// What a line that is being skipped costs: its prefix and the state of its hash.
const SKIP_COST: usize = 2048;

/// Finds the lines of one partition.
///
/// The reader leaves [`Lines::headroom`] bytes free at the front of its buffer, reads behind them,
/// and calls [`Lines::feed`]: the half line carried over from the last read goes into the gap, so
/// each byte is copied twice at most, and only those of half lines at all.
pub(crate) struct Lines {
    max_line: usize,
    /// Offset in the partition of the first byte of `carry`, or of the line that is skipped.
    offset: u64,
    /// The half line behind the last newline; at most `max_line` bytes.
    carry: Vec<u8>,
    skip: Option<Box<Skip>>,
}

/// A line that is too long, while its rest comes in.
struct Skip {
    prefix: Vec<u8>,
    length: u64,
    hash: Xxh3,
}

/// What [`Lines::feed`] found, in the order of the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Whole lines, at this place in the buffer and at this offset in the partition. Only the last
    /// line of the input may lack its newline.
    Lines { range: Range<usize>, offset: u64 },
    /// A line longer than the limit.
    TooLong(TooLong),
}

impl Piece {
    /// Whether it is a line longer than the limit.
    pub(crate) fn is_too_long(&self) -> bool {
        matches!(self, Piece::TooLong(_))
    }
}

/// A line longer than the limit. All but its prefix is gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong {
    pub(crate) offset: u64,
    pub(crate) prefix: Vec<u8>,
    /// Length without the newline.
    pub(crate) length: u64,
    /// xxh3-64 of the line without the newline.
    pub(crate) hash: u64,
}

impl Lines {
    /// `max_line`: the most bytes that a line may have, its newline not counted.
    pub(crate) fn new(max_line: usize) -> Self {
        Lines {
            max_line,
            offset: 0,
            carry: Vec::new(),
            skip: None,
        }
    }

    /// The same for a partition that is read from `offset` on.
    pub(crate) fn from(max_line: usize, offset: u64) -> Self {
        Lines {
            offset,
            ..Lines::new(max_line)
        }
    }

    /// How many bytes to leave free at the front of the next buffer.
    pub(crate) fn headroom(&self) -> usize {
        self.carry.len()
    }

    /// The most bytes that a line may have.
    pub(crate) fn max_line(&self) -> usize {
        self.max_line
    }

    /// Where the line begins that is not complete yet.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of memory held for the line that is not complete yet.
    pub(crate) fn held(&self) -> usize {
        let skipped = if self.skip.is_some() { SKIP_COST } else { 0 };
        self.carry.capacity() + skipped
    }

    /// Takes what was read into `buffer[headroom..filled]`; `end`: nothing comes after it, so the
    /// last line needs no newline.
    ///
    /// # Panics
    /// If `filled` is less than the headroom or more than the buffer.
    pub(crate) fn feed(&mut self, buffer: &mut [u8], filled: usize, end: bool) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut start = 0;
        if let Some(mut skip) = self.skip.take() {
            // Nothing is carried while a line is skipped: the new bytes begin at 0.
            let newline = memchr(b'\n', &buffer[..filled]);
            let rest = newline.unwrap_or(filled);
            skip.add(&buffer[..rest]);
            if newline.is_none() && !end {
                self.skip = Some(skip);
                return pieces;
            }
            let long = skip.finish(self.offset);
            self.offset += long.length + 1;
            pieces.push(Piece::TooLong(long));
            start = filled.min(rest + 1);
        }
        let head = self.carry.len();
        let new = &buffer[head.max(start)..filled];
        let cut = match memrchr(b'\n', new) {
            _ if end => filled,
            Some(newline) => filled - new.len() + newline + 1,
            None => {
                self.keep(&buffer[head.max(start)..filled]);
                return pieces;
            }
        };
        buffer[..head].copy_from_slice(&self.carry);
        self.carry = Vec::new();
        self.cut(buffer, start..cut, &mut pieces);
        self.keep(&buffer[cut..filled]);
        pieces
    }

    /// Sorts whole lines into runs that are short enough and lines that are too long.
    fn cut(&mut self, buffer: &[u8], lines: Range<usize>, pieces: &mut Vec<Piece>) {
        let mut run = lines.start;
        let mut line = lines.start;
        // Of `max_line + 1` bytes from a line's start, one is a newline, or that line is too long.
        while lines.end - line > self.max_line {
            let window = &buffer[line..=line + self.max_line];
            if let Some(newline) = memrchr(b'\n', window) {
                line += newline + 1;
                continue;
            }
            let rest = memchr(b'\n', &buffer[line + window.len()..lines.end]);
            let end = rest.map_or(lines.end, |newline| line + window.len() + newline);
            self.push(run..line, pieces);
            let mut skip = Skip::new();
            skip.add(&buffer[line..end]);
            pieces.push(Piece::TooLong(skip.finish(self.offset)));
            self.offset += (end + 1 - line) as u64;
            line = lines.end.min(end + 1);
            run = line;
        }
        self.push(run..lines.end, pieces);
    }

    /// A run of lines that begins at `self.offset`.
    fn push(&mut self, range: Range<usize>, pieces: &mut Vec<Piece>) {
        if range.is_empty() {
            return;
        }
        let offset = self.offset;
        self.offset += range.len() as u64;
        pieces.push(Piece::Lines { range, offset });
    }

    /// Carries the half line over, or begins to skip it.
    fn keep(&mut self, more: &[u8]) {
        if self.carry.len() + more.len() <= self.max_line {
            self.carry.extend_from_slice(more);
            return;
        }
        let mut skip = Skip::new();
        skip.add(&self.carry);
        skip.add(more);
        self.skip = Some(Box::new(skip));
        self.carry = Vec::new();
    }
}

impl Skip {
    fn new() -> Self {
        Skip {
            prefix: Vec::new(),
            length: 0,
            hash: Xxh3::new(),
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(PREFIX - self.prefix.len());
        self.prefix.extend_from_slice(&bytes[..kept]);
        self.length += bytes.len() as u64;
        self.hash.update(bytes);
    }

    fn finish(self, offset: u64) -> TooLong {
        TooLong {
            offset,
            prefix: self.prefix,
            length: self.length,
            hash: self.hash.digest(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    /// A line as the outside sees it: offset, bytes (of a long line its prefix), and of a long line
    /// its length and hash.
    type Seen = (u64, Vec<u8>, Option<(u64, u64)>);

    /// Feeds `text` in reads of these sizes (the last repeated), into buffers of `room` bytes.
    fn read(text: &[u8], max_line: usize, room: usize, reads: &[usize]) -> Vec<Seen> {
        let mut lines = Lines::new(max_line);
        let mut seen = Vec::new();
        let mut rest = text;
        let mut reads = reads.iter().chain(std::iter::repeat(reads.last().unwrap()));
        loop {
            let head = lines.headroom();
            let mut buffer = vec![b'#'; head + room];
            let size = (*reads.next().unwrap()).min(room).min(rest.len());
            buffer[head..head + size].copy_from_slice(&rest[..size]);
            rest = &rest[size..];
            let end = rest.is_empty();
            for piece in lines.feed(&mut buffer, head + size, end) {
                push(&mut seen, &buffer, piece);
            }
            assert!(
                lines.headroom() <= max_line,
                "a half line is never longer than a line may be"
            );
            if end {
                assert_eq!(lines.headroom(), 0);
                return seen;
            }
        }
    }

    fn push(seen: &mut Vec<Seen>, buffer: &[u8], piece: Piece) {
        match piece {
            Piece::TooLong(long) => {
                seen.push((long.offset, long.prefix, Some((long.length, long.hash))));
            }
            Piece::Lines { range, mut offset } => {
                for line in buffer[range].split_inclusive(|&byte| byte == b'\n') {
                    let text = line.strip_suffix(b"\n").unwrap_or(line);
                    if !text.is_empty() {
                        seen.push((offset, text.to_vec(), None));
                    }
                    offset += line.len() as u64;
                }
            }
        }
    }

    fn plain(text: &[u8], max_line: usize) -> Vec<Seen> {
        let mut offset = 0;
        let mut seen = Vec::new();
        for line in text.split(|&byte| byte == b'\n') {
            if line.len() > max_line {
                let kept = line[..line.len().min(PREFIX)].to_vec();
                seen.push((offset, kept, Some((line.len() as u64, xxh3_64(line)))));
            } else if !line.is_empty() {
                seen.push((offset, line.to_vec(), None));
            }
            offset += line.len() as u64 + 1;
        }
        seen
    }

    #[test]
    fn a_line_is_found_whatever_stands_around_it() {
        let cases: &[&str] = &[
            "",
            "\n",
            "a",
            "a\n",
            "a\nb",
            "\n\na\n\n",
            "abcd\n",
            "abcde\n",
            "abcde",
            "a\nabcde\nb\n",
            "abcdefghijkl\nabcdefghijkl\na",
            "abcd\nabcde\nabcd",
            "abcde\nabcde\nabcde\n",
            "abcd\r\n",
        ];
        for text in cases {
            for size in 1..=text.len().max(1) {
                let got = read(text.as_bytes(), 4, 16, &[size]);
                assert_eq!(
                    got,
                    plain(text.as_bytes(), 4),
                    "{text:?} in reads of {size}"
                );
            }
        }
    }

    #[test]
    fn a_long_line_costs_no_memory() {
        let mut lines = Lines::new(1 << 20);
        let mut buffer = vec![b'x'; 3 << 20];
        for _ in 0..100 {
            let head = lines.headroom();
            assert!(lines.feed(&mut buffer, head + (64 << 10), false).is_empty());
            assert!(lines.held() <= 2 << 20, "{}", lines.held());
        }
        assert_eq!(lines.held(), SKIP_COST);
        buffer[0] = b'\n';
        let pieces = lines.feed(&mut buffer, 1, false);
        let [Piece::TooLong(long)] = &pieces[..] else {
            panic!("{pieces:?}")
        };
        assert_eq!(
            (long.offset, long.length, long.prefix.len()),
            (0, 6400 << 10, PREFIX)
        );
        assert_eq!((lines.offset(), lines.held()), ((6400 << 10) + 1, 0));
    }

    #[test]
    fn a_half_line_gives_its_memory_back() {
        let mut lines = Lines::new(1 << 20);
        let mut buffer = vec![b'x'; 1 << 20];
        lines.feed(&mut buffer, 500_000, false);
        assert!(lines.held() >= 500_000);
        buffer[500_000] = b'\n';
        assert_eq!(lines.feed(&mut buffer, 500_010, false).len(), 1);
        assert!(lines.held() <= 16, "{}", lines.held());
    }

    proptest! {
        #[test]
        fn reads_cut_anywhere_give_the_same_lines(
            text in proptest::collection::vec(prop_oneof![3 => Just(b'a'), 1 => Just(b'\n'), 1 => any::<u8>()], 0..400),
            reads in proptest::collection::vec(0usize..40, 1..20),
            max_line in 1usize..30,
        ) {
            let mut reads = reads;
            reads.push(7);
            prop_assert_eq!(read(&text, max_line, 64, &reads), plain(&text, max_line));
        }
    }
}
