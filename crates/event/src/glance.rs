//! A key found at a glance: without following the structure of the text, wherever the few things that could deceive
//! are seen not to be there.

use fearless_simd::prelude::*;
use fearless_simd::{mask8x64, u8x64};

use crate::path::Name;
use crate::scan;

const SIZE: usize = 64;

/// How long a name may be.
const LONGEST: usize = 16;

/// What to look for.
#[derive(Clone, Debug)]
pub(crate) struct Glance {
    /// The name in quotes, of ASCII letters, digits, `_` and `-`.
    quoted: Box<[u8]>,
    /// The first byte of the name itself.
    first: u8,
    /// The first 16 bytes of what is quoted, and zeros.
    begin: u128,
    /// All ones where `begin` has a byte of it.
    begin_mask: u128,
}

impl Glance {
    /// `None` for a name that other spellings than `\u00..` could stand for.
    pub(crate) fn new(name: &Name) -> Option<Self> {
        let text = name.text.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if text.len() > LONGEST || !text.iter().all(plain) {
            return None;
        }
        let quoted = [b"\"", text, b"\""].concat();
        let mut begin = [0; 16];
        let mut mask = [0; 16];
        for (i, byte) in quoted.iter().take(16).enumerate() {
            (begin[i], mask[i]) = (*byte, 0xff);
        }
        Some(Self {
            quoted: quoted.into(),
            first: *text.first()?,
            begin: u128::from_le_bytes(begin),
            begin_mask: u128::from_le_bytes(mask),
        })
    }

    /// Where the value of the member begins, of the object at `line[open]`; `None` says nothing.
    ///
    /// In valid JSON the name in quotes is a member's name if a colon follows it and no backslash stands before it.
    /// It is the one looked for if no bracket opens before it, and the only one if the text has no second, and no
    /// ASCII character spelled as an escape that a second could be made of.
    #[inline(always)]
    pub(crate) fn value<S: Simd>(&self, simd: S, line: &[u8], open: usize) -> Option<usize> {
        let start = open + 1;
        let last = self.quoted.len() - 1;
        // Places that follow each other, with what follows each of them and what stands where the name would end.
        let (begins, _) = line.get(start..)?.as_chunks();
        let (follow, _) = line.get(start + 1..)?.as_chunks();
        let (ends, _) = line.get(start + last..)?.as_chunks();
        let (Some(head), false) = (begins.first(), ends.is_empty()) else {
            return self.value_in_short(simd, line, open);
        };
        let brackets = brackets(simd, head);
        let mut found = 0;
        let mut at = start;
        for ((begins, follow), ends) in begins.iter().zip(follow).zip(ends) {
            let marks = self.marks(simd, [begins, follow, ends]);
            if marks != 0 {
                self.judge(line, at, marks, &mut found)?;
            }
            at += SIZE;
        }
        // The last places at which the name could begin; some of them were looked at.
        let before_last = line.len().checked_sub(last + SIZE)?;
        let lane = |from: usize| line.get(before_last + from..)?.first_chunk();
        let marks = self.marks(simd, [lane(0)?, lane(1)?, lane(last)?]);
        let marks = marks & u64::MAX.unbounded_shl((at - before_last) as u32);
        if marks != 0 {
            self.judge(line, before_last, marks, &mut found)?;
        }
        let passed = found.checked_sub(start)?;
        // Most keys stand near the front.
        let hidden = if passed < SIZE {
            brackets & !(u64::MAX << passed) != 0
        } else {
            has_bracket(&line[start..found])
        };
        if hidden || self.has_late_escape(line) {
            return None;
        }
        self.confirm(line, found)
    }

    /// The same for a line that is hardly longer than a block.
    #[inline(always)]
    fn value_in_short<S: Simd>(&self, simd: S, line: &[u8], open: usize) -> Option<usize> {
        let start = open + 1;
        let last = self.quoted.len() - 1;
        let text = line.get(start..)?;
        let mut padded = [0; SIZE + LONGEST + 2];
        padded.get_mut(..text.len())?.copy_from_slice(text);
        let lane = |from: usize| padded.get(from..)?.first_chunk();
        let begins = lane(0)?;
        let mut found = 0;
        let marks = self.marks(simd, [begins, lane(1)?, lane(last)?]);
        if marks != 0 {
            self.judge(line, start, marks, &mut found)?;
        }
        let passed = found.checked_sub(start)?;
        let hidden = brackets(simd, begins).trailing_zeros() < passed as u32;
        if hidden || self.has_late_escape(line) {
            return None;
        }
        self.confirm(line, found)
    }

    /// Marks those of the places at which a quote stands, the name's first byte behind it and a quote where the name
    /// would end; or a backslash and a `u` behind it.
    #[inline(always)]
    fn marks<S: Simd>(&self, simd: S, lanes: [&[u8; SIZE]; 3]) -> u64 {
        let [begins, follow, ends] = lanes.map(
            #[inline(always)]
            |lane| u8x64::load_array_ref(simd, lane),
        );
        let quote = u8x64::splat(simd, b'"');
        let first = u8x64::splat(simd, self.first);
        let names = begins.simd_eq(quote) & ends.simd_eq(quote) & follow.simd_eq(first);
        let backslashes = begins.simd_eq(u8x64::splat(simd, b'\\'));
        let escapes: mask8x64<S> = backslashes & follow.simd_eq(u8x64::splat(simd, b'u'));
        (names | escapes).to_bitmask()
    }

    /// Looks at the marked places from `at` on; `None` if the glance is not enough.
    #[inline(always)]
    fn judge(&self, line: &[u8], at: usize, marks: u64, found: &mut usize) -> Option<()> {
        let first = at + marks.trailing_zeros() as usize;
        let is_only = *found == 0 && marks & (marks - 1) == 0;
        if is_only && self.stands_at(line, first) {
            *found = first;
            return Some(());
        }
        self.judge_all(line, at, marks, found)
    }

    #[inline(never)]
    fn judge_all(&self, line: &[u8], at: usize, mut marks: u64, found: &mut usize) -> Option<()> {
        while marks != 0 {
            let at = at + marks.trailing_zeros() as usize;
            let here = line.get(at..)?;
            if here.first() == Some(&b'\\') {
                // `\u0000` to `\u007f`.
                if here.starts_with(b"\\u00") && here.get(4).is_none_or(|byte| *byte < b'8') {
                    return None;
                }
            } else if self.stands_at(line, at) {
                if *found != 0 {
                    return None;
                }
                *found = at;
            }
            marks &= marks - 1;
        }
        Some(())
    }

    /// Whether the name in quotes stands there.
    #[inline(always)]
    fn stands_at(&self, line: &[u8], at: usize) -> bool {
        let Some(here) = line.get(at..) else {
            return false;
        };
        match here.first_chunk() {
            Some(begin) if self.quoted.len() <= begin.len() => {
                (u128::from_le_bytes(*begin) ^ self.begin) & self.begin_mask == 0
            }
            _ => here.starts_with(&self.quoted),
        }
    }

    /// Whether an escape stands behind the last place where the name could begin, but far enough from the end to be
    /// part of a name: `\u0061":1}`.
    #[inline(always)]
    fn has_late_escape(&self, line: &[u8]) -> bool {
        let rest = line
            .get(line.len().saturating_sub(self.quoted.len() - 1)..line.len().saturating_sub(9));
        rest.is_some_and(|rest| rest.contains(&b'\\'))
    }

    /// Where the value begins behind the name that was found, if it is one.
    #[inline(always)]
    fn confirm(&self, line: &[u8], name: usize) -> Option<usize> {
        if line.get(name.checked_sub(1)?) == Some(&b'\\') {
            return None;
        }
        let colon = scan::skip_blank(line, name + self.quoted.len());
        (line.get(colon) == Some(&b':')).then(|| scan::skip_blank(line, colon + 1))
    }
}

/// Marks each `[` and `{`.
#[inline(always)]
fn brackets<S: Simd>(simd: S, block: &[u8; SIZE]) -> u64 {
    // With bit 5 set both are `{`, and nothing else is.
    let bytes = u8x64::load_array_ref(simd, block) | u8x64::splat(simd, 0x20);
    bytes.simd_eq(u8x64::splat(simd, b'{')).to_bitmask()
}

/// Whether `[` or `{` is among the bytes.
#[inline(never)]
fn has_bracket(bytes: &[u8]) -> bool {
    memchr::memchr2(b'[', b'{', bytes).is_some()
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};

    use crate::simd::widest;
    use crate::{Event, KeyPath, Kind, Path};
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    fn glance(line: &str) -> Option<&str> {
        let name = Path::parse("key").unwrap();
        let glance = Glance::new(name.split().0).unwrap();
        let at = widest!(simd => glance.value(simd, line.as_bytes(), 0));
        // Every processor has these vectors, and this one may never use them.
        let narrow = dispatch!(Level::baseline(), simd => glance.value(simd, line.as_bytes(), 0));
        assert_eq!(at, narrow, "{line}");
        at.map(|at| &line[at..])
    }

    #[test]
    fn the_usual_line_needs_no_second_look() {
        for pad in 12..100 {
            let pad = "x".repeat(pad);
            for line in [
                format!(r#"{{"key":1,"p":"{pad}"}}"#),
                format!(r#"{{"p":"{pad}","key":1}}"#),
                format!(r#"{{"p":"{pad}","key" : 1,"q":{{"r":["{pad}"]}}}}"#),
                format!(r#"{{"p":"\n\\ {pad}\u00fc \u20ac","key":1,"q":"{pad}\u00fc"}}"#),
            ] {
                assert_eq!(glance(&line).map(|value| &value[..1]), Some("1"), "{line}");
            }
        }
    }

    #[test]
    fn what_could_deceive_is_left_to_a_second_look() {
        for pad in 0..100 {
            let pad = "x".repeat(pad);
            for line in [
                format!(r#"{{"key":1,"p":"{pad}","key":2}}"#),
                format!(r#"{{"p":"{pad}","q":{{"key":1}}}}"#),
                format!(r#"{{"p":"{pad}","q":[{{"key":1}}]}}"#),
                format!(r#"{{"p":"{pad}","q":"key"}}"#),
                format!(r#"{{"p{pad}\"key":2}}"#),
                format!(r#"{{"key":1,"p":"{pad}","\u006bey":2}}"#),
                format!(r#"{{"key":1,"p":"{pad}","ke\u0079":2}}"#),
                format!(r#"{{"p":"{pad}"}}"#),
                format!(r#"{{"p":"{pad}","key":1,"ke\u0079":2}}"#),
                format!(r#"{{"p":"{pad}","key":1,"\u006bey":2 }}"#),
            ] {
                assert_eq!(glance(&line), None, "{line}");
                // And the second look is right.
                let event = Event::parse(line.as_bytes()).unwrap();
                let got = event.get(&Path::parse("key").unwrap());
                let got = got
                    .and_then(|value| (value.kind() == Kind::Number).then(|| xxh3_64(value.raw())));
                assert_eq!(
                    KeyPath::parse("key").unwrap().hash(line.as_bytes()),
                    got,
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn any_bytes_may_be_glanced_at() {
        let mut state = 1_u64;
        for _ in 0..50_000 {
            let mut line = vec![b'{'];
            for _ in 0..(state >> 58) {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let pieces: [&[u8]; 8] = [
                    b"\"key\"", b"\"", b"\\", b"\\u00", b":", b"k", b"\xff", b"{",
                ];
                line.extend_from_slice(pieces[(state >> 33) as usize % pieces.len()]);
            }
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            KeyPath::parse("key").unwrap().hash(&line);
        }
    }
}
