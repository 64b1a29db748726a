//! A key found at a glance: without following the structure of the text, wherever the few things that could deceive
//! are seen not to be there.

use wide::u8x16;

use crate::path::Name;
use crate::scan;

const LANE: usize = 16;

/// What to look for.
#[derive(Clone, Debug)]
pub(crate) struct Glance {
    /// The name in quotes, of ASCII letters, digits, `_` and `-`.
    quoted: Box<[u8]>,
}

impl Glance {
    /// `None` for a name that other spellings than `\u00..` could stand for.
    pub(crate) fn new(name: &Name) -> Option<Self> {
        let text = name.text.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        (!text.is_empty() && text.len() <= LANE && text.iter().all(plain)).then(|| Self {
            quoted: [b"\"", text, b"\""].concat().into(),
        })
    }

    /// Where the value of the member begins, of the object at `line[open]`; `None` says nothing.
    ///
    /// In valid JSON the name in quotes is a member's name if a colon follows it and no backslash stands before it.
    /// It is the one looked for if no bracket opens before it, and the only one if the text has no second, and no
    /// ASCII character spelled as an escape that a second could be made of.
    #[inline(never)]
    pub(crate) fn value(&self, line: &[u8], open: usize) -> Option<usize> {
        let last = self.quoted.len() - 1;
        // The places where the name could end in the line begin and end so; a shorter line is not worth it.
        let final_lane = line.len().checked_sub(last + LANE)?;
        let start = open + 1;
        let lanes = |from: usize| Some(line.get(start + from..)?.as_chunks::<LANE>().0);
        let first = u8x16::splat(self.quoted[1]);
        let mut found = None;
        let mut at = start;
        for ((begins, follow), ends) in lanes(0)?.iter().zip(lanes(1)?).zip(lanes(last)?) {
            let marks = marks(first, [begins, follow, ends]);
            if marks != 0 {
                self.judge_all(line, at, marks, &mut found)?;
            }
            at += LANE;
        }
        if final_lane >= start {
            let lane = |from: usize| line.get(final_lane + from..)?.first_chunk::<LANE>();
            let marks = marks(first, [lane(0)?, lane(1)?, lane(last)?]);
            self.judge_all(line, final_lane, marks, &mut found)?;
        }
        // Behind the last place where the name could begin, an escape has to be far enough from the end to be part of
        // a name: `\u0061":1}`.
        let rest = line.get(final_lane + LANE..line.len().saturating_sub(9));
        if rest.is_some_and(|rest| rest.contains(&b'\\')) {
            return None;
        }
        self.confirm(line, open, found?)
    }

    /// Looks at the marked places from `at` on; `None` if the glance is not enough.
    #[inline(never)]
    fn judge_all(
        &self,
        line: &[u8],
        at: usize,
        mut marks: u32,
        found: &mut Option<usize>,
    ) -> Option<()> {
        while marks != 0 {
            self.judge(line, at + marks.trailing_zeros() as usize, found)?;
            marks &= marks - 1;
        }
        Some(())
    }

    /// Looks at a place that may matter; `None` if the glance is not enough.
    #[inline(always)]
    fn judge(&self, line: &[u8], at: usize, found: &mut Option<usize>) -> Option<()> {
        let here = &line[at..];
        if here[0] == b'\\' {
            // `\u0000` to `\u007f`.
            let is_ascii =
                here.starts_with(b"\\u00") && here.get(4).is_none_or(|byte| *byte < b'8');
            return (!is_ascii).then_some(());
        }
        if !here.starts_with(&self.quoted) {
            return Some(());
        }
        // The final lane looks at some places again.
        let before = found.replace(at);
        before.is_none_or(|before| before == at).then_some(())
    }

    #[inline(always)]
    fn confirm(&self, line: &[u8], open: usize, name: usize) -> Option<usize> {
        let before = &line[open + 1..name];
        if before.last() == Some(&b'\\') || has_bracket(before) {
            return None;
        }
        let colon = scan::skip_blank(line, name + self.quoted.len());
        (line.get(colon) == Some(&b':')).then(|| scan::skip_blank(line, colon + 1))
    }
}

/// Marks those of 16 places at which a quote stands, the name's first byte behind it and a quote where the name would
/// end; or a backslash and a `u` behind it. Each place is given with what follows it and what would end the name.
#[inline(always)]
fn marks(first: u8x16, lanes: [&[u8; LANE]; 3]) -> u32 {
    let [begins, follow, ends] = lanes.map(|lane| u8x16::new(*lane));
    let quote = u8x16::splat(b'"');
    let names = begins.simd_eq(quote) & ends.simd_eq(quote) & follow.simd_eq(first);
    let escapes = begins.simd_eq(u8x16::splat(b'\\')) & follow.simd_eq(u8x16::splat(b'u'));
    (names | escapes).to_bitmask()
}

/// Whether `[` or `{` is among the bytes.
#[inline(always)]
fn has_bracket(bytes: &[u8]) -> bool {
    // With bit 5 set both are `{`, and nothing else is.
    let brackets =
        |lane: &[u8; LANE]| (u8x16::new(*lane) | u8x16::splat(0x20)).simd_eq(u8x16::splat(b'{'));
    let Some(last) = bytes.last_chunk::<LANE>() else {
        return bytes.iter().any(|byte| byte | 0x20 == b'{');
    };
    let (lanes, _) = bytes.as_chunks::<LANE>();
    let any = lanes
        .iter()
        .fold(brackets(last), |any, lane| any | brackets(lane));
    any.to_bitmask() != 0
}

#[cfg(test)]
mod tests {
    use crate::{Event, KeyPath, Kind, Path};
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    fn glance(line: &str) -> Option<&str> {
        let name = Path::parse("key").unwrap();
        let at = Glance::new(name.split().0)
            .unwrap()
            .value(line.as_bytes(), 0);
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
