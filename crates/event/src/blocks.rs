//! Text looked at 64 bytes at a time: a bit for each byte that opens or closes a string or a container.
//!
//! Nothing here judges JSON; on text that is not valid the answers are meaningless, but there always is one.

use wide::u8x16;

use crate::path::Name;
use crate::scan;

const SIZE: usize = 64;

/// Bit `i` speaks of byte `at + i` of the text.
struct Block {
    at: usize,
    /// The quotes that open a string.
    opening: u64,
    /// The quotes that close one.
    closing: u64,
    /// All backslashes.
    backslashes: u64,
    /// Brackets and braces outside strings.
    brackets: u64,
}

/// The blocks of a text from a place outside strings on.
struct Blocks<'a> {
    text: &'a [u8],
    at: usize,
    /// All ones if the next block begins in a string.
    in_string: u64,
    /// 1 if a backslash stands before the next block that escapes its first byte.
    escapes_first: u64,
}

impl<'a> Blocks<'a> {
    #[inline(always)]
    fn new(text: &'a [u8], at: usize) -> Self {
        Self {
            text,
            at,
            in_string: 0,
            escapes_first: 0,
        }
    }

    #[inline(always)]
    fn next(&mut self) -> Option<Block> {
        let rest = self.text.get(self.at..)?;
        let raw = match rest.first_chunk::<SIZE>() {
            Some(block) => Raw::of(block),
            None if rest.is_empty() => return None,
            None => Raw::of_tail(self.text, rest),
        };
        let quotes = if raw.backslashes | self.escapes_first == 0 {
            raw.quotes
        } else {
            raw.quotes & !self.escaped(raw.backslashes)
        };
        let strings = up_to_each(quotes) ^ self.in_string;
        self.in_string = 0u64.wrapping_sub(strings >> 63);
        let at = self.at;
        self.at += SIZE;
        Some(Block {
            at,
            opening: quotes & strings,
            closing: quotes & !strings,
            backslashes: raw.backslashes,
            brackets: raw.brackets & !strings,
        })
    }

    /// The bytes that a backslash escapes: of a run of backslashes every second one, and what follows the
    /// run if its length is odd.
    #[inline(never)]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        const EVEN: u64 = u64::MAX / 3;
        let backslashes = backslashes & !self.escapes_first;
        let following = backslashes << 1 | self.escapes_first;
        let odd_starts = backslashes & !EVEN & !following;
        // The sum carries through the runs that begin at odd places: where they end, parity is turned.
        let (sum, overflow) = odd_starts.overflowing_add(backslashes);
        self.escapes_first = u64::from(overflow);
        (EVEN ^ sum << 1) & following
    }
}

/// Bit `i` is set if among bits 0 to `i` an odd number is.
#[inline(always)]
fn up_to_each(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// What the bytes of a block are, whether in strings or not.
struct Raw {
    quotes: u64,
    backslashes: u64,
    brackets: u64,
}

impl Raw {
    #[inline(always)]
    fn of(block: &[u8; SIZE]) -> Raw {
        let (lanes, _) = block.as_chunks::<16>();
        let mask = |marks: [u8x16; 4]| {
            let [a, b, c, d] = marks.map(|lane| u64::from(lane.to_bitmask()));
            a | b << 16 | c << 32 | d << 48
        };
        let lanes = [0, 1, 2, 3].map(|i| u8x16::new(lanes[i]));
        let backslashes = lanes.map(|lane| lane.simd_eq(u8x16::splat(b'\\')));
        let [a, b, c, d] = backslashes;
        Raw {
            quotes: mask(lanes.map(|lane| lane.simd_eq(u8x16::splat(b'"')))),
            backslashes: if (a | b | c | d).to_bitmask() == 0 {
                0
            } else {
                mask(backslashes)
            },
            // With these three bits set, all four brackets are 0x7f; so are some letters, `_` and 0x7f, none
            // of which stands outside a string.
            brackets: mask(
                lanes.map(|lane| (lane | u8x16::splat(0x26)).simd_eq(u8x16::splat(0x7f))),
            ),
        }
    }

    /// The last block of a text, shorter than the others.
    #[inline(always)]
    fn of_tail(text: &[u8], tail: &[u8]) -> Raw {
        if let Some(block) = text.last_chunk::<SIZE>() {
            let (raw, shift) = (Raw::of(block), SIZE - tail.len());
            return Raw {
                quotes: raw.quotes >> shift,
                backslashes: raw.backslashes >> shift,
                brackets: raw.brackets >> shift,
            };
        }
        let mut block = [0; SIZE];
        block[..tail.len()].copy_from_slice(tail);
        Raw::of(&block)
    }
}

/// How deep the text behind the bracket `byte` lies, if the text before it lies `depth` deep. Closing brackets
/// have bit 2 set, opening ones have it clear.
#[inline(always)]
fn depth_behind(depth: usize, byte: u8) -> usize {
    depth + 1 - usize::from(byte & 4) / 2
}

/// One past the container that opens at `at`; `None` if it does not end.
pub(crate) fn container_end(text: &[u8], at: usize) -> Option<usize> {
    let mut blocks = Blocks::new(text, at);
    let mut depth = 0;
    while let Some(block) = blocks.next() {
        let mut brackets = block.brackets;
        while brackets != 0 {
            let at = block.at + brackets.trailing_zeros() as usize;
            depth = depth_behind(depth, text[at]);
            if depth == 0 {
                return Some(at + 1);
            }
            brackets &= brackets - 1;
        }
    }
    None
}

/// Where the value begins that counts as the member `name` of the object at `text[open]`: that of the last
/// member of that name.
#[inline]
pub(crate) fn last_value(text: &[u8], open: usize, name: &Name) -> Option<usize> {
    match last_spelled(text, open, name) {
        Ok(found) => found,
        Err(Unsure) => {
            scan::last_named(text, open, name.text.as_bytes()).map(|member| member.value_start)
        }
    }
}

/// A name with escapes stands among the members, or the one looked for needs some or is long.
struct Unsure;

/// [`last_value`], for names that are spelled as what they stand for.
///
/// Where such a name stands, a string opens as many bytes before another one closes as the name is long: that
/// leaves few places to look at.
#[inline]
fn last_spelled(text: &[u8], open: usize, name: &Name) -> Result<Option<usize>, Unsure> {
    let bytes = name.text.as_bytes();
    let reach = bytes.len() + 1;
    if reach >= SIZE || name.json().len() != bytes.len() + 2 {
        return Err(Unsure);
    }
    let mut blocks = Blocks::new(text, open);
    let (mut depth, mut openings_before) = (0, 0);
    let mut judge = EscapeJudge::default();
    let mut last = None;
    while let Some(block) = blocks.next() {
        // The bytes that lie in the object and in no container in it.
        let mut members = if depth == 1 { u64::MAX } else { 0 };
        let mut brackets = block.brackets;
        while brackets != 0 {
            let bit = brackets.trailing_zeros();
            let behind = depth_behind(depth, text[block.at + bit as usize]);
            if (depth == 1) != (behind == 1) {
                members ^= u64::MAX << bit;
            }
            depth = behind;
            if depth == 0 {
                break;
            }
            brackets &= brackets - 1;
        }
        let reached = block.opening << reach | openings_before >> (SIZE - reach);
        openings_before = block.opening;
        let mut ends = block.closing & reached & members;
        while ends != 0 {
            let end = block.at + ends.trailing_zeros() as usize;
            let spelled = &text[end - bytes.len()..end];
            // Of names as long as each other most differ in their first byte: a call is saved then.
            if spelled.first() == bytes.first() && spelled == bytes {
                let colon = scan::skip_blank(text, end + 1);
                if text.get(colon) == Some(&b':') {
                    last = Some(colon + 1);
                }
            }
            ends &= ends - 1;
        }
        if judge.finds_name(text, &block, members) {
            return Err(Unsure);
        }
        if depth == 0 {
            break;
        }
    }
    Ok(last.map(|behind_colon| scan::skip_blank(text, behind_colon)))
}

/// Tells whether a backslash is part of a member's name.
#[derive(Default)]
struct EscapeJudge {
    /// The last quote that opened a string in the blocks passed.
    opening: usize,
    /// The opening quote of a string that is known to be no name.
    no_name: Option<usize>,
}

impl EscapeJudge {
    #[inline(always)]
    fn finds_name(&mut self, text: &[u8], block: &Block, members: u64) -> bool {
        let found =
            block.backslashes & members != 0 && self.find(text, block, block.backslashes & members);
        if block.opening != 0 {
            self.opening = block.at + last_bit(block.opening);
        }
        found
    }

    /// Looks once at each string: the time stays linear in the text.
    #[inline(never)]
    fn find(&mut self, text: &[u8], block: &Block, mut backslashes: u64) -> bool {
        while backslashes != 0 {
            let bit = backslashes.trailing_zeros();
            let before = block.opening & !(u64::MAX << bit);
            let opening = if before == 0 {
                self.opening
            } else {
                block.at + last_bit(before)
            };
            if self.no_name != Some(opening) {
                let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
                if text[..opening].iter().rev().find(|byte| !blank(byte)) != Some(&b':') {
                    return true;
                }
                self.no_name = Some(opening);
            }
            backslashes &= backslashes - 1;
        }
        false
    }
}

/// The highest bit that is set, of some.
#[inline(always)]
fn last_bit(bits: u64) -> usize {
    (63 - bits.leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether each byte opens a string, closes one, or is a bracket outside strings.
    fn slowly(text: &[u8]) -> Vec<(bool, bool, bool)> {
        let (mut in_string, mut escaped) = (false, false);
        let mark = |byte: &u8| {
            let is_quote = *byte == b'"' && !escaped;
            let marks = (
                is_quote && !in_string,
                is_quote && in_string,
                !in_string && matches!(byte, b'{' | b'}' | b'[' | b']'),
            );
            escaped = *byte == b'\\' && !escaped;
            in_string ^= is_quote;
            marks
        };
        text.iter().map(mark).collect()
    }

    #[test]
    fn a_string_that_spans_blocks_hides_what_is_in_it() {
        let pieces: [&[u8]; 7] = [
            b"{\"",
            b"\\\\",
            b"\\\"",
            b"\"",
            b":[1,",
            b"aa\xff}{][",
            b"]}",
        ];
        let mut state = 7u64;
        for round in 0..20_000 {
            let mut text = Vec::new();
            while text.len() < round % 300 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let piece = pieces[(state >> 33) as usize % pieces.len()];
                for _ in 0..=(state >> 60) {
                    text.extend_from_slice(piece);
                }
            }
            let marks = slowly(&text);
            let mut blocks = Blocks::new(&text, 0);
            let mut seen = 0;
            while let Some(block) = blocks.next() {
                for (i, marks) in marks[block.at..].iter().take(SIZE).enumerate() {
                    let bit = |mask: u64| mask >> i & 1 == 1;
                    let got = (bit(block.opening), bit(block.closing), bit(block.brackets));
                    assert_eq!(
                        got,
                        *marks,
                        "byte {} of {:?}",
                        block.at + i,
                        text.escape_ascii()
                    );
                    seen += 1;
                }
            }
            assert_eq!(seen, text.len());
        }
    }

    #[test]
    fn a_name_is_found_wherever_it_lies_and_whatever_else_does() {
        let key = crate::path::Path::parse("key").unwrap();
        for pad in 0..200 {
            let pad = "x".repeat(pad);
            for (text, value) in [
                (format!(r#"{{"p":"{pad}","key":1}}"#), Some("1}")),
                (format!(r#"{{"key":1,"p":"{pad}"}}"#), Some("1,")),
                (format!(r#"{{"{pad}":"key","key" : 2}}"#), Some("2}")),
                (format!(r#"{{"key":1,"{pad}\"":0,"key":2}}"#), Some("2}")),
                (format!(r#"{{"{pad}":"\"","k\u0065y":3 }}"#), Some("3 ")),
                (format!(r#"{{"p":"\n{pad}\n" ,"k\u0065y":3 }}"#), Some("3 ")),
                (format!(r#"{{"p":{{"{pad}":[],"key":1}}}}"#), None),
                (format!(r#"{{"p":["{pad}",{{"key":1}},"key"]}}"#), None),
                (
                    format!(r#"{{"p":"{pad}\\","q":"\"key\":1","key":4}}"#),
                    Some("4}"),
                ),
                (format!(r#"{{"p":"{pad}"}},"key":1}}"#), None),
            ] {
                let at = last_value(text.as_bytes(), 0, key.split().0);
                assert_eq!(at.map(|at| &text[at..at + 2]), value, "{text}");
            }
        }
    }

    #[test]
    fn escapes_cost_no_second_look_at_the_blanks_before_a_string() {
        let text = format!(
            "{{\"a\":{}\"{}\"}}",
            " ".repeat(1 << 20),
            r"\n".repeat(1 << 20)
        );
        let key = crate::path::Path::parse("b").unwrap();
        assert_eq!(last_value(text.as_bytes(), 0, key.split().0), None);
    }
}
