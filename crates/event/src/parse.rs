//! The one strict pass: RFC 8259 judged to the last byte, and an index of the top two levels built on the way.
//!
//! No recursion: the two indexed levels are one function each, everything below is one loop with a bit for
//! each open container. UTF-8 is not looked at here; it is checked for a whole chunk at once.

use crate::error::{Fault, MAX_DEPTH, ParseErrorKind as Kind};
use crate::shape::Shape;
use crate::{escape, scan, tag};

/// Where a member of the event, or of an object in it, lies in the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// The name without its quotes.
    pub(crate) key_start: u32,
    pub(crate) key_end: u32,
    pub(crate) value_start: u32,
    pub(crate) value_end: u32,
    /// The members of its value in [`Index::sub`], if it is a top-level member and its value an object.
    pub(crate) child_start: u32,
    pub(crate) child_end: u32,
    /// Which patch the edits hold for it, if a flag says that there is one.
    pub(crate) patch: u32,
    /// Of the name, or [`tag::ASK`] if the name does not stand in the text as it is.
    pub(crate) tag: u16,
    pub(crate) flags: u8,
}

/// An edit took the member away.
pub(crate) const REMOVED: u8 = 2;
/// An edit gave it another value; its children no longer count.
pub(crate) const REPLACED: u8 = 4;
/// An edit gave it another name.
pub(crate) const RENAMED: u8 = 8;
/// Edits changed members of its value.
pub(crate) const INNER: u8 = 16;

/// The members of an event and of the objects that are its members' values, in the order of the text.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) top: Vec<Node>,
    pub(crate) sub: Vec<Node>,
    shape: Shape,
    /// Where the event's object begins and ends in the text.
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Index {
    /// Makes it the index of [`EMPTY`].
    pub(crate) fn clear(&mut self) {
        self.top.clear();
        self.sub.clear();
        (self.start, self.end) = (0, EMPTY.len() as u32);
    }
}

impl Default for Index {
    fn default() -> Self {
        Self {
            top: Vec::new(),
            sub: Vec::new(),
            shape: Shape::default(),
            start: 0,
            end: EMPTY.len() as u32,
        }
    }
}

/// The event that has nothing in it.
pub(crate) const EMPTY: &[u8] = b"{}";

/// Judges a text that must be an event and fills `index`, whose contents mean nothing after a fault.
/// The text is UTF-8.
pub(crate) fn event(text: &[u8], index: &mut Index) -> Result<(), Fault> {
    index.clear();
    if u32::try_from(text.len()).is_err() {
        return Err(Fault::new(Kind::TooLong, 0));
    }
    let start = scan::skip_blank(text, 0);
    if text.get(start) != Some(&b'{') {
        return Err(no_object(text, start));
    }
    let end = top_members(text, start, index)?;
    whole(text, end)?;
    (index.start, index.end) = (start as u32, end as u32);
    Ok(())
}

#[cold]
fn no_object(text: &[u8], start: usize) -> Fault {
    match any(text, start, 0).and_then(|end| whole(text, end)) {
        Ok(()) => Fault::new(Kind::NotAnObject, start),
        Err(fault) if fault.kind == Kind::ExpectedValue && fault.at as usize == start => {
            Fault::new(Kind::ExpectedObject, start)
        }
        Err(fault) => fault,
    }
}

/// Judges a text that must be one JSON value: where it begins and ends. The text is UTF-8.
pub(crate) fn value(text: &[u8]) -> Result<(usize, usize), Fault> {
    if u32::try_from(text.len()).is_err() {
        return Err(Fault::new(Kind::TooLong, 0));
    }
    let start = scan::skip_blank(text, 0);
    let end = any(text, start, 0)?;
    whole(text, end)?;
    Ok((start, end))
}

fn whole(text: &[u8], end: usize) -> Result<(), Fault> {
    let rest = scan::skip_blank(text, end);
    if rest == text.len() {
        Ok(())
    } else {
        Err(Fault::new(Kind::TrailingBytes, rest))
    }
}

/// Something other than `kind` says stands at `at`, or nothing at all.
#[cold]
fn unexpected(text: &[u8], at: usize, kind: Kind) -> Fault {
    Fault::new(
        if at < text.len() {
            kind
        } else {
            Kind::CutShort
        },
        at,
    )
}

/// The members of the event's object, from its `{` to behind its `}`.
#[inline]
fn top_members(text: &[u8], at: usize, index: &mut Index) -> Result<usize, Fault> {
    let Index {
        top, sub, shape, ..
    } = index;
    shape.begin();
    members::<1>(text, at, top, shape, |text, at, shape| {
        let child_start = sub.len() as u32;
        let end = members::<2>(text, at, sub, shape, |text, at, _| {
            Ok((container(text, at, 2)?, 0, 0))
        })?;
        Ok((end, child_start, sub.len() as u32))
    })
}

/// The members of an object that is nested `DEPTH` deep, each pushed to `nodes`. `object` takes an object
/// among the values and says where it ends and which nodes its members have.
#[inline(always)]
fn members<const DEPTH: usize>(
    text: &[u8],
    open: usize,
    nodes: &mut Vec<Node>,
    shape: &mut Shape,
    mut object: impl FnMut(&[u8], usize, &mut Shape) -> Result<(usize, u32, u32), Fault>,
) -> Result<usize, Fault> {
    // The brace or comma before the next name, or what stands behind a value.
    let mut at = open;
    loop {
        let (key_start, key_end, mut value_start, tag);
        if let Some((len, expected)) = shape.expect(text, at) {
            (key_start, key_end, value_start) = (at + 2, at + len - 2, at + len);
            tag = expected;
        } else {
            match next_name(text, at, at == open, shape)? {
                Next::End(end) => return Ok(end),
                Next::Name(name) => {
                    (key_start, key_end, value_start) = (name.start, name.end, name.value);
                    tag = name.tag;
                }
            }
        }
        let mut children = (0, 0);
        let value_end = loop {
            break match text.get(value_start) {
                Some(b'"') => string(text, value_start + 1)?.0 + 1,
                Some(b'{') => {
                    let (end, first, last) = object(text, value_start, shape)?;
                    children = (first, last);
                    end
                }
                Some(b'[') => container(text, value_start, DEPTH)?,
                Some(b' ' | b'\t' | b'\n' | b'\r') => {
                    value_start = scan::far_blank(text, value_start);
                    continue;
                }
                _ => scalar(text, value_start)?,
            };
        };
        nodes.push(Node {
            key_start: key_start as u32,
            key_end: key_end as u32,
            value_start: value_start as u32,
            value_end: value_end as u32,
            child_start: children.0,
            child_end: children.1,
            patch: 0,
            tag,
            flags: 0,
        });
        at = value_end;
        if text.get(at) == Some(&b'}') {
            return Ok(at + 1);
        }
    }
}

/// What follows a value, or the brace that opens an object.
enum Next {
    /// The object ends: behind its brace.
    End(usize),
    Name(Name),
}

/// A member's name that was not the expected one.
struct Name {
    /// Behind its opening quote.
    start: usize,
    /// Its closing quote.
    end: usize,
    /// Behind its colon.
    value: usize,
    /// [`tag::ASK`] if it has escapes.
    tag: u16,
}

#[inline(never)]
fn next_name(text: &[u8], from: usize, first: bool, shape: &mut Shape) -> Result<Next, Fault> {
    let mut at = scan::skip_blank(text, from);
    match text.get(at) {
        Some(b'}') if !first => return Ok(Next::End(at + 1)),
        Some(b',') if !first => at = scan::skip_blank(text, at + 1),
        Some(b'{') if first => {
            at = scan::skip_blank(text, at + 1);
            if text.get(at) == Some(&b'}') {
                return Ok(Next::End(at + 1));
            }
        }
        _ => return Err(unexpected(text, at, Kind::ExpectedCommaOrBrace)),
    }
    if text.get(at) != Some(&b'"') {
        return Err(unexpected(text, at, Kind::ExpectedName));
    }
    let (end, escaped) = string(text, at + 1)?;
    let colon = scan::skip_blank(text, end + 1);
    if text.get(colon) != Some(&b':') {
        return Err(unexpected(text, colon, Kind::ExpectedColon));
    }
    let tag = if escaped {
        tag::ASK
    } else {
        tag::of(&text[at + 1..end])
    };
    let is_tight = !escaped && at == from + 1 && colon == end + 1;
    shape.learn(is_tight.then(|| &text[from..=colon]), tag);
    Ok(Next::Name(Name {
        start: at + 1,
        end,
        value: colon + 1,
        tag,
    }))
}

/// The closing quote of the string whose body begins at `at`, and whether the body has escapes.
#[inline(always)]
fn string(text: &[u8], at: usize) -> Result<(usize, bool), Fault> {
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
fn scalar(text: &[u8], at: usize) -> Result<usize, Fault> {
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
fn any(text: &[u8], at: usize, depth: usize) -> Result<usize, Fault> {
    match text.get(at) {
        Some(b'"') => Ok(string(text, at + 1)?.0 + 1),
        Some(b'{' | b'[') => container(text, at, depth),
        _ => scalar(text, at),
    }
}

/// One past the container that opens at `at` and lies in `outside` others.
fn container(text: &[u8], mut at: usize, outside: usize) -> Result<usize, Fault> {
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

/// How deep the containers of a valid value are nested: 0 for a scalar.
pub(crate) fn depth_of(value: &[u8]) -> usize {
    let (mut depth, mut deepest, mut at) = (0usize, 0, 0);
    while let Some(byte) = value.get(at) {
        match byte {
            b'"' => at = scan::string_end(value, at + 1).map_or(value.len(), |(end, _)| end),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        at += 1;
    }
    deepest
}

#[cfg(test)]
mod tests;
