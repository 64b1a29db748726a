//! The grammar of RFC 8259 below the names of members: where a value ends, or what is wrong with it. Nothing is kept.

use crate::error::{Fault, MAX_DEPTH, ParseErrorKind as Kind};
use crate::{escape, scan};

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
    let end = scan::plain_run(text, at);
    if text.get(end) == Some(&b'"') {
        return Ok((end, false));
    }
    Ok((string_with_escapes(text, end)?, true))
}

fn string_with_escapes(text: &[u8], mut at: usize) -> Result<usize, Fault> {
    loop {
        match text.get(at) {
            Some(b'"') => return Ok(at),
            Some(b'\\') => match text.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                _ => at = escape::read(text, at)?.1,
            },
            _ => return Err(unexpected(text, at, Kind::ControlCharacter)),
        }
        at = scan::plain_run(text, at);
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

/// One past a number, `true`, `false` or `null`.
#[inline(always)]
pub(super) fn scalar(text: &[u8], at: usize) -> Result<usize, Fault> {
    match text.get(at) {
        Some(b'-' | b'0'..=b'9') => number(text, at),
        Some(b't') => literal(text, at, b"true"),
        Some(b'f') => literal(text, at, b"false"),
        Some(b'n') => literal(text, at, b"null"),
        _ => Err(unexpected(text, at, Kind::ExpectedValue)),
    }
}

#[inline(always)]
fn number(text: &[u8], start: usize) -> Result<usize, Fault> {
    match scan::short_number(text, start) {
        Some(end) => Ok(end),
        None => any_number(text, start),
    }
}

#[inline(never)]
fn any_number(text: &[u8], start: usize) -> Result<usize, Fault> {
    let some_digits = |at: usize| {
        let end = scan::digits(text, at);
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
        _ => scalar(text, at),
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
            _ => at = scalar(text, at)?,
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
