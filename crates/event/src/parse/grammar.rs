//! The grammar of RFC 8259 below the names of members: where a value ends, or what is wrong with it. Nothing is kept.

use crate::error::{Fault, MAX_DEPTH, ParseErrorKind as Kind};
use crate::{escape, numbers, scan, strings};

/// Something other than `kind` says stands at `at`, or nothing at all.
#[cold]
pub(super) fn unexpected(text: &[u8], at: usize, kind: Kind) -> Fault {
    Fault::new(
        if at < text.len() {
            kind
        } else {
            Kind::CutShort
        },
        at,
    )
}

/// The closing quote of the string whose body begins at `at`, and whether the body has escapes.
#[inline(always)]
pub(super) fn string(text: &[u8], at: usize) -> Result<(usize, bool), Fault> {
    match strings::plain_string(text, at) {
        Some(end) => Ok((end, false)),
        None => Ok((string_with_escapes(text, at)?, true)),
    }
}

#[inline(never)]
fn string_with_escapes(text: &[u8], mut at: usize) -> Result<usize, Fault> {
    // Where the last of the escapes that are longer than two bytes ended: a pair of them is one.
    let mut read = at;
    while let Some(body) = strings::body_at(text, at) {
        let is_sound = |i: usize| match text.get(at + i + 1) {
            _ if at + i < read => true,
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => true,
            _ => escape::read(text, at + i).is_ok_and(|(_, end)| {
                read = end;
                true
            }),
        };
        if body.has_controls() || !body.escapes().all(is_sound) {
            break;
        }
        match body.end() {
            Ok(i) => return Ok(at + i),
            Err(passed) => at = read.max(at + passed),
        }
    }
    careful_string(text, at)
}

/// The same, escape by escape: what is wrong is found where it stands.
#[inline(never)]
fn careful_string(text: &[u8], mut at: usize) -> Result<usize, Fault> {
    loop {
        at = strings::plain_run(text, at);
        match text.get(at) {
            Some(b'"') => return Ok(at),
            Some(b'\\') => at = escape::read(text, at)?.1,
            _ => return Err(unexpected(text, at, Kind::ControlCharacter)),
        }
    }
}

/// From behind a name to the first byte of its value.
#[inline(always)]
fn colon(text: &[u8], at: usize) -> Result<usize, Fault> {
    let at = scan::skip_blank(text, at);
    if text.get(at) != Some(&b':') {
        return Err(unexpected(text, at, Kind::ExpectedColon));
    }
    Ok(scan::skip_blank(text, at + 1))
}

/// One past a number, `true`, `false` or `null`; sooner found if `IN_ARRAY` says whether an array may end behind it.
#[inline(always)]
pub(super) fn scalar<const IN_ARRAY: bool>(text: &[u8], at: usize) -> Result<usize, Fault> {
    match text.get(at) {
        Some(b'-' | b'0'..=b'9') => number::<IN_ARRAY>(text, at),
        Some(b't') => literal(text, at, b"true"),
        Some(b'f') => literal(text, at, b"false"),
        Some(b'n') => literal(text, at, b"null"),
        _ => Err(unexpected(text, at, Kind::ExpectedValue)),
    }
}

#[inline(always)]
fn number<const IN_ARRAY: bool>(text: &[u8], start: usize) -> Result<usize, Fault> {
    match numbers::short_number::<IN_ARRAY>(text, start) {
        Some(end) => Ok(end),
        None => any_number(text, start),
    }
}

#[inline(never)]
fn any_number(text: &[u8], start: usize) -> Result<usize, Fault> {
    let some_digits = |at: usize| {
        let end = numbers::digits(text, at);
        if end > at {
            Ok(end)
        } else {
            Err(unexpected(text, end, Kind::BadNumber))
        }
    };
    let mut at = start;
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    // A zero ends the integer part: what follows it in `01` is no separator, and is reported as that.
    at = if text.get(at) == Some(&b'0') {
        at + 1
    } else {
        some_digits(at)?
    };
    if text.get(at) == Some(&b'.') {
        at = some_digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = some_digits(at)?;
    }
    Ok(at)
}

fn literal(text: &[u8], at: usize, word: &[u8]) -> Result<usize, Fault> {
    let rest = text.get(at..).unwrap_or_default();
    if rest.starts_with(word) {
        Ok(at + word.len())
    } else if word.starts_with(rest) {
        Err(Fault::new(Kind::CutShort, text.len()))
    } else {
        Err(Fault::new(Kind::ExpectedValue, at))
    }
}

/// One past the value at `at`, which lies in `depth` containers.
pub(super) fn any(text: &[u8], at: usize, depth: usize) -> Result<usize, Fault> {
    match text.get(at) {
        Some(b'"') => Ok(string(text, at + 1)?.0 + 1),
        Some(b'{' | b'[') => container(text, at, depth),
        _ => scalar::<false>(text, at),
    }
}

/// One past the container that opens at `at` and lies in `outside` others.
pub(super) fn container(text: &[u8], mut at: usize, outside: usize) -> Result<usize, Fault> {
    let mut depth = outside;
    // One bit for each container open here, the innermost lowest: set for an object.
    let mut objects = 0u64;
    loop {
        // A value begins at `at`.
        match text.get(at) {
            Some(open @ (b'{' | b'[')) => {
                if depth == MAX_DEPTH {
                    return Err(Fault::new(Kind::TooDeep, at));
                }
                let object = *open == b'{';
                depth += 1;
                objects = objects << 1 | u64::from(object);
                at = scan::skip_blank(text, at + 1);
                if text.get(at) != Some(if object { &b'}' } else { &b']' }) {
                    if object {
                        at = name(text, at)?;
                    }
                    continue;
                }
                at += 1;
                depth -= 1;
                objects >>= 1;
            }
            Some(b'"') => at = string(text, at + 1)?.0 + 1,
            _ => at = scalar::<true>(text, at)?,
        }
        // A value ends at `at`.
        loop {
            if depth == outside {
                return Ok(at);
            }
            at = scan::skip_blank(text, at);
            let in_object = objects & 1 == 1;
            match text.get(at) {
                Some(b',') => {
                    at = scan::skip_blank(text, at + 1);
                    if in_object {
                        at = name(text, at)?;
                    }
                    break;
                }
                Some(b'}') if in_object => {}
                Some(b']') if !in_object => {}
                _ if in_object => return Err(unexpected(text, at, Kind::ExpectedCommaOrBrace)),
                _ => return Err(unexpected(text, at, Kind::ExpectedCommaOrBracket)),
            }
            at += 1;
            depth -= 1;
            objects >>= 1;
        }
    }
}

/// From a name's opening quote to the first byte of its value.
fn name(text: &[u8], at: usize) -> Result<usize, Fault> {
    if text.get(at) != Some(&b'"') {
        return Err(unexpected(text, at, Kind::ExpectedName));
    }
    let (end, _) = string(text, at + 1)?;
    colon(text, end + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(found: Result<usize, &Fault>) -> Result<usize, (Kind, u32)> {
        found.map_err(|fault| (fault.kind, fault.at))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_string_ends_where_a_look_at_each_escape_finds_its_end(
            body in "([a-z ü]{0,20}|(\\\\[\"\\\\/bfnrtx]){0,9}|(\\\\ud83d)?(\\\\ude00)?|\\\\u00f|\n?|\"?){0,9}", behind in 0..40_usize,
        ) {
            let text = format!("{body}\"{}", "x".repeat(behind));
            let found = string(text.as_bytes(), 0);
            let expected = careful_string(text.as_bytes(), 0);
            prop_assert_eq!(told(found.as_ref().map(|(end, _)| *end)), told(expected.as_ref().copied()), "{}", text);
            if let Ok((end, escaped)) = found {
                prop_assert_eq!(escaped, text[..end].contains('\\'), "{}", text);
            }
        }

        #[test]
        fn a_number_ends_where_a_look_at_each_part_finds_its_end(
            text in "-?[0-9]{0,3}([0-9]{0,22}|\\.)[0-9]{0,3}[.,}\\] eE+-]?[0-9,}\\] .]{0,20}",
        ) {
            let text = text.as_bytes();
            let expected = any_number(text, 0);
            let expected = told(expected.as_ref().copied());
            prop_assert_eq!(told(number::<false>(text, 0).as_ref().copied()), expected);
            prop_assert_eq!(told(number::<true>(text, 0).as_ref().copied()), expected);
        }
    }
}
