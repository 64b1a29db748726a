//! A text looked over once: where its lines lie, and whether it is UTF-8.

use fearless_simd::prelude::*;
use fearless_simd::{i8x64, u8x64};

use crate::chunk::Span;
use crate::simd::widest;

const SIZE: usize = 64;

/// What the look at a text brought, beside the spans.
pub(crate) struct Framed {
    /// Whether all of it is UTF-8.
    pub(crate) utf8: bool,
    /// The bytes of its lines.
    pub(crate) weight: usize,
}

/// Appends the spans of the lines of `text` to `spans`, in order, with ordinals from 0. Blank lines have none.
pub(crate) fn frame(text: &[u8], spans: &mut Vec<Span>) -> Framed {
    widest!(simd => blocks(simd, text, spans))
}

#[inline(always)]
fn blocks<S: Simd>(simd: S, text: &[u8], spans: &mut Vec<Span>) -> Framed {
    let mut lines = Lines {
        text,
        begun_with: spans.len(),
        spans,
        start: 0,
        weight: 0,
    };
    let mut foreign = Foreign {
        text,
        run: None,
        utf8: true,
    };
    let (blocks, rest) = text.as_chunks::<SIZE>();
    let mut at = 0;
    for block in blocks {
        look(simd, block, at, &mut lines, &mut foreign);
        at += SIZE;
    }
    if !rest.is_empty() {
        let mut block = [b' '; SIZE];
        block[..rest.len()].copy_from_slice(rest);
        look(simd, &block, at, &mut lines, &mut foreign);
    }
    lines.end(text.len());
    foreign.judge();
    Framed {
        utf8: foreign.utf8,
        weight: lines.weight,
    }
}

#[inline(always)]
fn look<S: Simd>(
    simd: S,
    block: &[u8; SIZE],
    at: usize,
    lines: &mut Lines<'_>,
    foreign: &mut Foreign<'_>,
) {
    let bytes = u8x64::load_array_ref(simd, block);
    let signed: i8x64<S> = bytes.bitcast();
    // Below the space are, with a sign, the control characters and all that is not ASCII: one look for both.
    if !signed.simd_lt(i8x64::splat(simd, 0x20)).any_true() {
        return;
    }
    let not_ascii = signed.simd_lt(i8x64::splat(simd, 0)).to_bitmask();
    if not_ascii != 0 {
        foreign.note(at, not_ascii);
    }
    let mut newlines = bytes.simd_eq(u8x64::splat(simd, b'\n')).to_bitmask();
    while newlines != 0 {
        lines.end(at + newlines.trailing_zeros() as usize);
        newlines &= newlines - 1;
    }
}

struct Lines<'a> {
    text: &'a [u8],
    spans: &'a mut Vec<Span>,
    begun_with: usize,
    /// Where the line begins whose end was not found yet.
    start: usize,
    weight: usize,
}

impl Lines<'_> {
    #[inline(always)]
    fn end(&mut self, end: usize) {
        let start = std::mem::replace(&mut self.start, end + 1);
        let line = self.text.get(start..end).unwrap_or_default();
        let (Some(first), Some(last)) = (line.first(), line.last()) else {
            return;
        };
        if *first <= b' ' && is_blank(line) {
            return;
        }
        let end = end - usize::from(*last == b'\r');
        self.weight += end - start;
        self.spans.push(Span {
            start: start as u32,
            end: end as u32,
            ordinal: (self.spans.len() - self.begun_with) as u32,
        });
    }
}

#[inline(never)]
fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

/// The bytes that are not ASCII, gathered to runs: between two runs stands ASCII, so a text is UTF-8 if all its runs are.
struct Foreign<'a> {
    text: &'a [u8],
    /// From the first to the last such byte.
    run: Option<(usize, usize)>,
    utf8: bool,
}

impl Foreign<'_> {
    /// Takes in a block, as a bit for each byte that is not ASCII, of which there is one.
    #[inline(never)]
    fn note(&mut self, at: usize, not_ascii: u64) {
        let first = at + not_ascii.trailing_zeros() as usize;
        let last = at + (63 - not_ascii.leading_zeros()) as usize;
        self.run = match self.run {
            Some((start, before)) if first - before <= SIZE => Some((start, last)),
            _ => {
                self.judge();
                Some((first, last))
            }
        };
    }

    #[inline(never)]
    fn judge(&mut self) {
        let Some((first, last)) = self.run.take() else {
            return;
        };
        // One bad run is enough.
        self.utf8 = self.utf8
            && self
                .text
                .get(first..=last)
                .is_some_and(|run| simdutf8::basic::from_utf8(run).is_ok());
    }
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};

    use super::*;

    fn plainly(text: &[u8]) -> (Vec<Span>, bool) {
        let mut spans = Vec::new();
        let mut start = 0;
        for line in text.split(|byte| *byte == b'\n') {
            let length = line.strip_suffix(b"\r").unwrap_or(line).len();
            if !is_blank(line) {
                spans.push(Span {
                    start: start as u32,
                    end: (start + length) as u32,
                    ordinal: spans.len() as u32,
                });
            }
            start += line.len() + 1;
        }
        (spans, std::str::from_utf8(text).is_ok())
    }

    #[test]
    fn a_look_at_blocks_sees_what_a_look_at_each_byte_sees() {
        let pieces: [&[u8]; 12] = [
            b"\n",
            b"{\"a\":1}",
            "é".as_bytes(),
            "€uro".as_bytes(),
            "🦀".as_bytes(),
            b"\xff",
            b"\x80",
            b"\xe2\x82",
            b"\r\n",
            b" \t\r",
            b"\0\x1f\x7f",
            b"a plain text that is long enough to fill a block alone, if it comes twice",
        ];
        let mut state = 7_u64;
        let mut next = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        let (mut valid, mut invalid) = (0, 0);
        for round in 0..6_000 {
            // With some of the pieces left out, half of the texts are valid.
            let kinds = if round % 2 == 0 { pieces.len() } else { 5 };
            let mut text = Vec::new();
            let length = next(400);
            while text.len() < length {
                text.extend_from_slice(pieces[next(kinds)]);
                if next(3) == 0 {
                    text.extend_from_slice(pieces[11]);
                }
            }
            let (want, utf8) = plainly(&text);
            let mut spans = Vec::new();
            let framed = frame(&text, &mut spans);
            // Every processor has these vectors, and this one may never use them.
            let mut narrow = Vec::new();
            let judged = dispatch!(Level::baseline(), simd => blocks(simd, &text, &mut narrow));
            assert_eq!(
                (&narrow, judged.utf8),
                (&spans, framed.utf8),
                "{}",
                text.escape_ascii()
            );
            assert_eq!(spans, want, "{}", text.escape_ascii());
            assert_eq!(framed.utf8, utf8, "{}", text.escape_ascii());
            let weight: u32 = spans.iter().map(|span| span.end - span.start).sum();
            assert_eq!(framed.weight, weight as usize);
            valid += usize::from(utf8);
            invalid += usize::from(!utf8);
        }
        assert!(valid > 1_000 && invalid > 1_000, "{valid} and {invalid}");
    }

    #[test]
    fn what_was_in_the_list_stays_there() {
        let mut spans = Vec::new();
        frame(b"a\nb", &mut spans);
        frame(b"c", &mut spans);
        let ordinals: Vec<u32> = spans.iter().map(|span| span.ordinal).collect();
        assert_eq!(ordinals, [0, 1, 0]);
    }
}
