//! Finding the ends of things. Nothing here judges JSON; on text that is not valid the
//! answers are meaningless, but there always is one.

use crate::blocks;
use crate::numbers::digits;
use crate::strings::plain_run;

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
