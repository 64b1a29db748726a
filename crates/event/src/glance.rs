//! A key found at a glance: without following the structure of the text, wherever the few things that could deceive
//! are seen not to be there.

use std::ops::Range;

use fearless_simd::prelude::*;
use fearless_simd::{mask8x64, u8x64};

use crate::path::Name;
use crate::scan;

const SIZE: usize = 64;

/// How many blocks in which something shows are gathered before it is asked what it is.
const BLOCKS: usize = 128;

/// How long a name may be.
const LONGEST: usize = 16;

/// What to look for.
#[derive(Clone, Debug)]
pub(crate) struct Glance {
    /// The name in quotes, of ASCII letters, digits, `_` and `-`.
    quoted: Box<[u8]>,
    /// The first byte of the name itself.
    first: u8,
    /// The byte at `far` of what is quoted: the name's last, or the quote behind it where the name is too short to be
    /// told by that. Most quotes that stand so far apart do not begin and end the same string.
    last: u8,
    /// Where in what is quoted that stands.
    far: usize,
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
        let far = if text.len() > 2 {
            text.len()
        } else {
            text.len() + 1
        };
        Some(Self {
            first: *text.first()?,
            last: *quoted.get(far)?,
            far,
            quoted: quoted.into(),
            begin: u128::from_le_bytes(begin),
            begin_mask: u128::from_le_bytes(mask),
        })
    }

    /// Tells `each` of every one of the lines, which lie in `text` one after the other, and where in it the value of the
    /// member begins; `None` says nothing.
    ///
    /// In valid JSON the name in quotes is a member's name if a colon follows it and no backslash stands before it.
    /// It is the one looked for if no bracket opens before it, and the only one if the line has no second, and no
    /// ASCII character spelled as an escape that a second could be made of.
    ///
    /// The text is looked over without regard to its lines; only where something shows is it asked whose that is.
    #[inline(always)]
    pub(crate) fn values<S: Simd>(
        &self,
        simd: S,
        text: &[u8],
        mut lines: impl Iterator<Item = Range<usize>>,
        mut each: impl FnMut(&[u8], Option<usize>),
    ) {
        let Some(mut place) = lines.next() else {
            return;
        };
        let mut line = &text[place.clone()];
        let mut seen = Seen::default();
        let mut padded = [0; 2 * SIZE + LONGEST + 2];
        let mut marks = [(0, 0); BLOCKS];
        let (mut part, mut at) = (&text[place.start..], place.start);
        loop {
            let (marked, passed) = self.gather(simd, part, &mut marks);
            for &(block, mut marks) in &marks[..marked] {
                while marks != 0 {
                    let mark = at + block + marks.trailing_zeros() as usize;
                    marks &= marks - 1;
                    while mark >= place.end {
                        each(line, self.value(simd, line, &seen));
                        place = match lines.next() {
                            Some(next) => next,
                            None => return,
                        };
                        line = &text[place.clone()];
                        seen = Seen::default();
                    }
                    // Between two lines may be such as are blank.
                    if let Some(mark) = mark.checked_sub(place.start) {
                        self.see(line, mark, &mut seen);
                    }
                }
            }
            at += passed;
            part = text.get(at..).unwrap_or_default();
            if marked < BLOCKS {
                // What is left is shorter than a block and a name, and looked at with zeros behind it.
                let Some(begin) = padded.get_mut(..part.len()).filter(|_| !part.is_empty()) else {
                    break;
                };
                begin.copy_from_slice(part);
                part = &padded;
            }
        }
        loop {
            each(line, self.value(simd, line, &seen));
            line = match lines.next() {
                Some(next) => &text[next],
                None => return,
            };
            seen = Seen::default();
        }
    }

    /// Marks where in `text` a quote stands, the name's first byte behind it and its last where that would be; or a
    /// backslash and a `u` behind it. Puts the blocks that have such places into `marks`, with where each begins. Says
    /// how many there are, and how far it came: as far as there are whole blocks with a name's length behind them, or
    /// until `marks` is full.
    #[inline(always)]
    fn gather<S: Simd>(
        &self,
        simd: S,
        text: &[u8],
        marks: &mut [(usize, u64); BLOCKS],
    ) -> (usize, usize) {
        let from = |place: usize| text.get(place..).unwrap_or_default().as_chunks().0;
        // Places that follow each other, with what follows each of them and what stands where its last byte would be.
        let (begins, follow, ends) = (from(0), from(1), from(self.far));
        let quote = u8x64::splat(simd, b'"');
        let first = u8x64::splat(simd, self.first);
        let last = u8x64::splat(simd, self.last);
        let backslash = u8x64::splat(simd, b'\\');
        let escape = u8x64::splat(simd, b'u');
        let (mut at, mut marked) = (0, 0);
        for ((begins, follow), ends) in begins.iter().zip(follow).zip(ends) {
            let begins = u8x64::load_array_ref(simd, begins);
            let follow = u8x64::load_array_ref(simd, follow);
            let ends = u8x64::load_array_ref(simd, ends);
            let names = begins.simd_eq(quote) & follow.simd_eq(first) & ends.simd_eq(last);
            let escapes: mask8x64<S> = begins.simd_eq(backslash) & follow.simd_eq(escape);
            let found = (names | escapes).to_bitmask();
            // Without a branch: which of the blocks has the name cannot be foretold.
            marks[marked] = (at, found);
            marked += usize::from(found != 0);
            at += SIZE;
            if marked == BLOCKS {
                break;
            }
        }
        (marked, at)
    }

    /// Takes in a marked place of a line.
    #[inline(always)]
    fn see(&self, line: &[u8], mark: usize, seen: &mut Seen) {
        let Some(here) = line.get(mark..) else {
            return;
        };
        let is_name = match here.first_chunk() {
            Some(begin) if self.quoted.len() <= begin.len() => {
                (u128::from_le_bytes(*begin) ^ self.begin) & self.begin_mask == 0
            }
            _ => here.starts_with(&self.quoted),
        };
        if is_name {
            seen.doubt |= seen.name.is_some();
            seen.name = Some(mark);
        } else if here.first() == Some(&b'\\') {
            // `\u0000` to `\u007f`.
            seen.doubt |= here.starts_with(b"\\u00") && here.get(4).is_none_or(|byte| *byte < b'8');
        }
    }

    /// Where the value begins in a line of which this was seen.
    #[inline(always)]
    fn value<S: Simd>(&self, simd: S, line: &[u8], seen: &Seen) -> Option<usize> {
        let name = seen.name.filter(|_| !seen.doubt)?;
        let open = scan::skip_blank(line, 0);
        if line.get(open) != Some(&b'{') {
            return None;
        }
        let before = line.get(open + 1..name)?;
        let hidden = match line.get(open + 1..)?.first_chunk() {
            // Most keys stand near the front.
            Some(head) if before.len() < SIZE => {
                brackets(simd, head) & !(u64::MAX << before.len()) != 0
            }
            _ => has_bracket(before),
        };
        if hidden || before.last() == Some(&b'\\') {
            return None;
        }
        let colon = scan::skip_blank(line, name + self.quoted.len());
        (line.get(colon) == Some(&b':')).then(|| scan::skip_blank(line, colon + 1))
    }
}

/// What was seen of a line.
#[derive(Default)]
struct Seen {
    /// Where the name in quotes stands in it.
    name: Option<usize>,
    /// It may stand there twice.
    doubt: bool,
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
        let (mut at, mut narrow) = (None, None);
        let (text, whole) = (line.as_bytes(), || std::iter::once(0..line.len()));
        widest!(simd => glance.values(simd, text, whole(), |_, found| at = found));
        // Every processor has these vectors, and this one may never use them.
        dispatch!(Level::baseline(), simd => glance.values(simd, text, whole(), |_, found| narrow = found));
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
