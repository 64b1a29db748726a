//! Where numbers end.

use wide::u8x16;

use crate::simd::{HIGHS, ONES, word};

/// The first byte from `at` on that is no decimal digit, or the end of the text.
#[inline(always)]
pub(crate) fn digits(text: &[u8], mut at: usize) -> usize {
    while let Some(word) = word(text, at) {
        // A digit becomes 0..=9, which stays below 0x80 with 0x76 added; all else gets its high bit.
        let folded = word ^ (ONES * 0x30);
        let marks = (folded.wrapping_add(ONES * 0x76) | folded) & HIGHS;
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// One past the number at `at`, if it is of the usual kind: digits, or digits, a point and digits, and at most 16 bytes on
/// a comma or a brace; with `IN_ARRAY`, a bracket may stand there, too. `None` says nothing of what stands there.
#[inline(always)]
pub(crate) fn short_number<const IN_ARRAY: bool>(text: &[u8], at: usize) -> Option<usize> {
    let bytes = text.get(at..)?.first_chunk::<16>()?;
    let block = u8x16::new(*bytes);
    // As for strings: what follows hangs on the end alone.
    let comma = block.simd_eq(u8x16::splat(b','));
    // The two brackets differ in one bit.
    let folded = if IN_ARRAY {
        block | u8x16::splat(b']' ^ b'}')
    } else {
        block
    };
    let ends = (comma | folded.simd_eq(u8x16::splat(b'}'))).to_bitmask();
    let folded = block - u8x16::splat(b'0');
    let digits = folded.min(u8x16::splat(9)).simd_eq(folded).to_bitmask();
    if ends == 0 {
        return if digits == 0xffff {
            long_integer(text, at)
        } else {
            None
        };
    }
    let body = (ends ^ (ends - 1)) >> 1;
    let others = body & !digits;
    if others != 0 {
        // A point, and digits on both sides.
        let point = others.trailing_zeros() as usize;
        let is_inside = others & 1 == 0 && others << 1 & body != 0;
        if others & (others - 1) != 0 || bytes[point % 16] != b'.' || !is_inside {
            return None;
        }
    }
    let leading_zero = bytes[0] == b'0' && body & digits & 2 != 0;
    (body != 0 && !leading_zero).then_some(at + ends.trailing_zeros() as usize)
}

/// One past the integer of 16 or more digits at `at`, if it is one.
#[inline(always)]
fn long_integer(text: &[u8], at: usize) -> Option<usize> {
    let end = digits(text, at + 16);
    let ends = matches!(text.get(end), Some(b',' | b'}' | b']'));
    (text[at] != b'0' && ends).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_end_where_they_do_byte_by_byte() {
        let mut text = vec![b'0'; 40];
        for byte in 0..=255u8 {
            for at in 0..40 {
                for neighbour in [b'0', b'9', b'/', b':', b'a', 0xff] {
                    text.fill(neighbour);
                    text[at] = byte;
                    for from in [0, 3, at] {
                        let end = text[from..].iter().position(|b| !b.is_ascii_digit());
                        let want = end.map_or(40, |i| from + i);
                        let case = format!("{byte} at {at} among {neighbour}, from {from}");
                        assert_eq!(digits(&text, from), want, "{case}");
                    }
                }
            }
        }
    }
}
