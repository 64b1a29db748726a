//! Where strings end.

use wide::u8x16;

use crate::simd::{HIGHS, ONES, word};

/// Marks (high bits) the bytes of a word that end a plain run: `"`, `\` and control characters.
/// The lowest mark is exact; borrows can only blur bytes above it.
#[inline(always)]
fn ends_of_plain(word: u64) -> u64 {
    // With bit 1 flipped, the control characters and `"` are exactly the bytes below 0x21.
    let low = word ^ (ONES * 2);
    let backslash = word ^ (ONES * 0x5c);
    ((low.wrapping_sub(ONES * 0x21) & !low) | (backslash.wrapping_sub(ONES) & !backslash)) & HIGHS
}

/// Marks the control characters.
#[inline(always)]
fn controls(block: u8x16) -> u8x16 {
    block.min(u8x16::splat(0x1f)).simd_eq(block)
}

/// The first byte from `at` on that is `"`, `\` or a control character, or the end of the text.
#[inline(always)]
pub(crate) fn plain_run(text: &[u8], mut at: usize) -> usize {
    while let Some(bytes) = text.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let block = u8x16::new(*bytes);
        let control = controls(block);
        let marks =
            block.simd_eq(u8x16::splat(b'"')) | block.simd_eq(u8x16::splat(b'\\')) | control;
        let marks = marks.to_bitmask();
        if marks != 0 {
            return at + marks.trailing_zeros() as usize;
        }
        at += 16;
    }
    while let Some(word) = word(text, at) {
        let marks = ends_of_plain(word);
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = text.get(at) {
        if matches!(byte, 0..0x20 | b'"' | b'\\') {
            break;
        }
        at += 1;
    }
    at
}

/// The closing quote of the string whose body begins at `at`, if nothing in it has to be looked at closer. `None` says
/// nothing of what stands there.
///
/// Where the next token begins, all after it waits for: so that it hangs on as little as can be, quotes are looked for
/// alone, and what may not stand before one is looked for beside that.
#[inline(always)]
pub(crate) fn plain_string(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let Some(block) = rest.first_chunk::<16>() else {
        return last_string(text, at);
    };
    let (quotes, others) = marks(block);
    if quotes | others != 0 {
        return Some(at + plain_before(quotes, others)?);
    }
    long_string(text, at + 16)
}

/// A bit for each quote, and for each byte that no plain string has.
#[inline(always)]
pub(crate) fn marks(block: &[u8; 16]) -> (u32, u32) {
    let block = u8x16::new(*block);
    let quotes = block.simd_eq(u8x16::splat(b'"'));
    (quotes.to_bitmask(), not_plain(block).to_bitmask())
}

/// Where the first of the quotes is, if none of the others stands before it.
#[inline(always)]
pub(crate) fn plain_before(quotes: u32, others: u32) -> Option<usize> {
    let is_plain = quotes != 0 && others & (quotes ^ (quotes - 1)) == 0;
    is_plain.then_some(quotes.trailing_zeros() as usize)
}

/// Backslashes and control characters.
#[inline(always)]
fn not_plain(block: u8x16) -> u8x16 {
    controls(block) | block.simd_eq(u8x16::splat(b'\\'))
}

/// [`plain_string`] for what is longer: 32 bytes at a time, so that whether one look is enough seldom depends on the value.
#[inline(always)]
fn long_string(text: &[u8], mut at: usize) -> Option<usize> {
    while let Some(bytes) = text.get(at..).and_then(|rest| rest.first_chunk::<32>()) {
        let (blocks, _) = bytes.as_chunks::<16>();
        let (low, high) = (u8x16::new(blocks[0]), u8x16::new(blocks[1]));
        let quote = u8x16::splat(b'"');
        let quotes = low.simd_eq(quote).to_bitmask() | high.simd_eq(quote).to_bitmask() << 16;
        let (low, high) = (not_plain(low), not_plain(high));
        if (low | high).to_bitmask() != 0 {
            let others = low.to_bitmask() | high.to_bitmask() << 16;
            if quotes == 0 || others & (quotes ^ (quotes - 1)) != 0 {
                return None;
            }
        }
        if quotes != 0 {
            return Some(at + quotes.trailing_zeros() as usize);
        }
        at += 32;
    }
    last_string(text, at)
}

/// What 32 bytes of a string's body, and of what may follow it, are made of. A bit stands for a byte.
#[derive(Clone, Copy)]
pub(crate) struct Body {
    /// The quote that ends the string, and all that has a quote behind that; 0 if none is there.
    quotes: u32,
    /// Backslashes that begin an escape.
    escapes: u32,
    controls: u32,
}

/// The next 32 bytes of a body that goes on at `at`, where no escape is half over; `None` if there are fewer.
#[inline(always)]
pub(crate) fn body_at(text: &[u8], at: usize) -> Option<Body> {
    let bytes = text.get(at..)?.first_chunk::<32>()?;
    let (blocks, _) = bytes.as_chunks::<16>();
    let (low, high) = (u8x16::new(blocks[0]), u8x16::new(blocks[1]));
    let joined = |low: u8x16, high: u8x16| low.to_bitmask() | high.to_bitmask() << 16;
    let all = |byte| {
        joined(
            low.simd_eq(u8x16::splat(byte)),
            high.simd_eq(u8x16::splat(byte)),
        )
    };
    let backslashes = all(b'\\');
    // Every second backslash of a run begins an escape, the first of them first: by a subtraction that carries through
    // the run, as in simdjson (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019).
    const ODD: u32 = 0xaaaa_aaaa;
    let begun_or_over = ((backslashes << 1 | ODD).wrapping_sub(backslashes)) ^ ODD;
    let escaped = begun_or_over ^ backslashes;
    Some(Body {
        quotes: all(b'"') & !escaped,
        escapes: begun_or_over & backslashes,
        controls: joined(controls(low), controls(high)),
    })
}

impl Body {
    /// Its bytes before the end of the string.
    #[inline(always)]
    fn inside(&self) -> u32 {
        self.quotes.wrapping_sub(1) & !self.quotes
    }

    #[inline(always)]
    pub(crate) fn has_controls(&self) -> bool {
        self.controls & self.inside() != 0
    }

    /// The places of the backslashes that begin an escape.
    #[inline(always)]
    pub(crate) fn escapes(&self) -> impl Iterator<Item = usize> {
        let mut left = self.escapes & self.inside();
        std::iter::from_fn(move || {
            let next = (left != 0).then(|| left.trailing_zeros() as usize);
            left &= left.wrapping_sub(1);
            next
        })
    }

    /// The place of the quote that ends the string; or how many bytes have to be passed to go on.
    #[inline(always)]
    pub(crate) fn end(&self) -> Result<usize, usize> {
        if self.quotes != 0 {
            return Ok(self.quotes.trailing_zeros() as usize);
        }
        // What the last byte escapes is not there.
        Err(32 - (self.escapes >> 31) as usize)
    }
}

/// [`plain_string`] in the last 31 bytes of the text.
#[inline(never)]
fn last_string(text: &[u8], mut at: usize) -> Option<usize> {
    let Some(last) = text.last_chunk::<16>() else {
        let end = plain_run(text, at);
        return (text.get(end) == Some(&b'"')).then_some(end);
    };
    if let Some(block) = text.get(at..)?.first_chunk::<16>() {
        let (quotes, others) = marks(block);
        if quotes | others != 0 {
            return Some(at + plain_before(quotes, others)?);
        }
        at += 16;
    }
    // Of the last block what lies before is left out.
    let before = at - (text.len() - last.len());
    let (quotes, others) = marks(last);
    Some(at + plain_before(quotes >> before, others >> before)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_run_ends_where_it_does_byte_by_byte() {
        let mut text = vec![b'a'; 40];
        for byte in 0..=255u8 {
            for at in 0..40 {
                for neighbour in [b'a', 0x7f, 0x80, 0xff, b'!', b'#', b'[', b']'] {
                    text.fill(neighbour);
                    text[at] = byte;
                    for from in [0, 3, at] {
                        let plain = |b: &u8| !matches!(b, 0..0x20 | b'"' | b'\\');
                        let end = text[from..].iter().position(|b| !plain(b));
                        let want = end.map_or(40, |i| from + i);
                        let case = format!("{byte} at {at} among {neighbour}, from {from}");
                        assert_eq!(plain_run(&text, from), want, "{case}");
                        let quote = (text.get(want) == Some(&b'"')).then_some(want);
                        assert_eq!(plain_string(&text, from), quote, "{case}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_plain_string_ends_at_its_first_quote(
            text in "[a-c\"\\\\\u{1f}é]{0,3}[a-cé]{0,70}[a-c\"\\\\\u{1f}é]{0,30}", from in 0..4_usize,
        ) {
            let text = text.as_bytes();
            let from = from.min(text.len());
            let end = plain_run(text, from);
            prop_assert_eq!(plain_string(text, from), (text.get(end) == Some(&b'"')).then_some(end));
        }
    }
}
