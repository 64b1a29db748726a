//! Finding the ends of things, a word at a time. Nothing here judges JSON; on text that is not valid the
//! answers are meaningless, but there always is one.

use wide::u8x16;

use crate::blocks;

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES * 0x80;

#[inline(always)]
fn word(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?
        .first_chunk::<8>()
        .map(|bytes| u64::from_le_bytes(*bytes))
}

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
pub(crate) fn controls(block: u8x16) -> u8x16 {
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

/// One past the number at `at`, if it is of the usual kind: digits, or digits, a point and digits within the next 16
/// bytes. `None` says nothing of what stands there.
#[inline(always)]
pub(crate) fn short_number(text: &[u8], at: usize) -> Option<usize> {
    let bytes = text.get(at..)?.first_chunk::<16>()?;
    let folded = u8x16::new(*bytes) - u8x16::splat(b'0');
    let is_digit = folded.min(u8x16::splat(9)).simd_eq(folded).to_bitmask();
    let whole = is_digit.trailing_ones() as usize;
    if whole == bytes.len() {
        let end = digits(text, at + whole);
        let ends = matches!(text.get(end), Some(b',' | b'}' | b']'));
        return (bytes[0] != b'0' && ends).then_some(end);
    }
    let mut end = whole;
    if bytes.get(whole) == Some(&b'.') {
        let fraction = (is_digit >> (whole + 1)).trailing_ones() as usize;
        if fraction == 0 {
            return None;
        }
        end += 1 + fraction;
    }
    let ends = *bytes.get(end)?;
    let leading_zero = bytes[0] == b'0' && whole > 1;
    (whole > 0 && !leading_zero && !matches!(ends, b'e' | b'E')).then_some(at + end)
}

/// The first byte from `at` on that is no JSON whitespace, or the end of the text.
#[inline(always)]
pub(crate) fn blank(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

/// [`blank`], for where most likely there is no whitespace.
#[inline(always)]
pub(crate) fn skip_blank(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(byte) if *byte > b' ' => at,
        _ => far_blank(text, at),
    }
}

#[inline(never)]
pub(crate) fn far_blank(text: &[u8], at: usize) -> usize {
    blank(text, at)
}

/// The closing quote of the string whose body begins at `at`, and whether the body has escapes.
/// `None` if there is none, or a control character stands before it.
#[inline(always)]
pub(crate) fn string_end(text: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        at = plain_run(text, at);
        match text.get(at) {
            Some(b'"') => return Some((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at += 2;
            }
            _ => return None,
        }
    }
}

/// One past the end of the value that begins at `at`.
#[inline(always)]
pub(crate) fn value_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => Some(string_end(text, at + 1)?.0 + 1),
        b'{' | b'[' => blocks::container_end(text, at),
        _ => Some(word_end(text, at)),
    }
}

/// One past a number or a literal: the first byte that can follow one, or the end of the text.
#[inline(always)]
pub(crate) fn word_end(text: &[u8], mut at: usize) -> usize {
    loop {
        at = digits(text, at);
        match text.get(at) {
            None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r') => return at,
            Some(_) => at += 1,
        }
    }
}

/// A member of an object, as positions in the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// First byte of the name, after its quote.
    pub(crate) key_start: usize,
    /// The name's closing quote.
    pub(crate) key_end: usize,
    /// Whether the name has escapes.
    pub(crate) escaped: bool,
    pub(crate) value_start: usize,
    pub(crate) value_end: usize,
}

impl Member {
    #[inline(always)]
    pub(crate) fn is_named(&self, text: &[u8], name: &[u8]) -> bool {
        let Some(raw) = text.get(self.key_start..self.key_end) else {
            return false;
        };
        if self.escaped {
            crate::escape::equals(raw, name)
        } else {
            // Names as long as each other mostly differ in their first byte: a call is saved then.
            raw.len() == name.len() && raw.first() == name.first() && raw == name
        }
    }

    pub(crate) fn value<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        text.get(self.value_start..self.value_end)
            .unwrap_or_default()
    }
}

/// The members of the object at `text[at]`, in order; ends early where the text is not readable.
#[derive(Clone, Debug)]
pub(crate) struct Members<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Members<'a> {
    /// `open` is where the object's `{` stands.
    #[inline]
    pub(crate) fn new(text: &'a [u8], open: usize) -> Self {
        Self { text, at: open + 1 }
    }
}

impl Iterator for Members<'_> {
    type Item = Member;

    #[inline]
    fn next(&mut self) -> Option<Member> {
        let member = member_after(self.text, self.at)?;
        self.at = member.value_end;
        Some(member)
    }
}

/// The member that follows the end of another one, or an object's `{`.
#[inline(always)]
fn member_after(text: &[u8], at: usize) -> Option<Member> {
    let mut at = skip_blank(text, at);
    if text.get(at) == Some(&b',') {
        at = skip_blank(text, at + 1);
    }
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let key_start = at + 1;
    let (key_end, escaped) = string_end(text, key_start)?;
    at = skip_blank(text, key_end + 1);
    if text.get(at) != Some(&b':') {
        return None;
    }
    let value_start = skip_blank(text, at + 1);
    let value_end = value_end(text, value_start)?;
    Some(Member {
        key_start,
        key_end,
        escaped,
        value_start,
        value_end,
    })
}

/// The elements of the array at `text[at]`, in order, as positions; ends early where the text is not readable.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Elements<'a> {
    /// `open` is where the array's `[` stands.
    pub(crate) fn new(text: &'a [u8], open: usize) -> Self {
        Self { text, at: open + 1 }
    }
}

impl Iterator for Elements<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let mut start = blank(self.text, self.at);
        if self.text.get(start) == Some(&b',') {
            start = blank(self.text, start + 1);
        }
        if matches!(self.text.get(start)?, b']' | b'}' | b',' | b':') {
            return None;
        }
        let end = value_end(self.text, start)?;
        self.at = end;
        Some((start, end))
    }
}

/// The last member of that name in the object at `text[open]`: the one that counts.
#[inline]
pub(crate) fn last_named(text: &[u8], open: usize, name: &[u8]) -> Option<Member> {
    let (mut at, mut last) = (open + 1, None);
    while let Some(member) = member_after(text, at) {
        if member.is_named(text, name) {
            last = Some(member);
        }
        at = member.value_end;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_searched_as_its_bytes_are() {
        let mut text = vec![b'a'; 40];
        for byte in 0..=255u8 {
            for at in 0..40 {
                for neighbour in [
                    b'a', 0x7f, 0x80, 0xff, b'!', b'#', b'[', b']', b'0', b'9', b'/', b':',
                ] {
                    text.fill(neighbour);
                    text[at] = byte;
                    for from in [0, 3, at] {
                        let plain = |b: &u8| !matches!(b, 0..0x20 | b'"' | b'\\');
                        let want = text[from..]
                            .iter()
                            .position(|b| !plain(b))
                            .map_or(40, |i| from + i);
                        assert_eq!(
                            plain_run(&text, from),
                            want,
                            "{byte} at {at} among {neighbour}"
                        );
                        let want = text[from..]
                            .iter()
                            .position(|b| !b.is_ascii_digit())
                            .map_or(40, |i| from + i);
                        assert_eq!(
                            digits(&text, from),
                            want,
                            "{byte} at {at} among {neighbour}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn text_that_is_no_json_ends_the_scan_without_a_panic() {
        for text in [
            "{",
            "{\"",
            "{\"a",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":[",
            "{\"a\":\"\\",
            "{,",
            "{]",
            "{\"a\":}",
            "{\"a\":1,,}",
        ] {
            assert!(Members::new(text.as_bytes(), 0).count() <= 1, "{text}");
            assert!(Elements::new(text.as_bytes(), 0).count() <= 2, "{text}");
        }
    }
}
