//! The one strict pass: RFC 8259 judged to the last byte, and an index of the top two levels built on the way.
//!
//! No recursion: the two indexed levels are one function each, everything below is one loop with a bit for
//! each open container. UTF-8 is not looked at here; it is checked for a whole chunk at once.

mod grammar;
mod settled;

use crate::error::{Fault, ParseErrorKind as Kind};
use crate::memo::Memo;
use crate::shape::Shape;
use crate::{scan, tag};
use grammar::{any, container, scalar, string, unexpected};

/// Where a member of the event, or of an object in it, lies in the text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Node {
    /// So far before its value the name begins and ends, without its quotes: for members that are spelled alike it is the
    /// same wherever they stand.
    pub(crate) key_from: u32,
    pub(crate) key_to: u32,
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

impl Node {
    /// Where the name begins, behind its quote.
    #[inline(always)]
    pub(crate) fn key_start(&self) -> usize {
        (self.value_start - self.key_from) as usize
    }

    /// Where the name ends: its closing quote.
    #[inline(always)]
    pub(crate) fn key_end(&self) -> usize {
        (self.value_start - self.key_to) as usize
    }
}

/// An edit took the member away.
pub(crate) const REMOVED: u8 = 1;
/// An edit gave it another value; its children no longer count.
pub(crate) const REPLACED: u8 = 2;
/// An edit gave it another name.
pub(crate) const RENAMED: u8 = 4;
/// Edits changed members of its value.
pub(crate) const INNER: u8 = 8;

/// The members of an event and of the objects that are its members' values, in the order of the text.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) top: Vec<Node>,
    pub(crate) sub: Vec<Node>,
    /// Apart: an event is moved more often than it is read.
    shape: Box<Shape>,
    /// `top` and `sub` are members such as the shape expects; what is not the same in the next event aside.
    pub(crate) is_shaped: bool,
    /// Each name is found where the shape's memo says.
    pub(crate) is_mapped: bool,
    /// Where the event's object begins and ends in the text.
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Index {
    /// Makes it the index of [`EMPTY`].
    pub(crate) fn clear(&mut self) {
        self.top.clear();
        self.sub.clear();
        (self.is_shaped, self.is_mapped) = (false, false);
        (self.start, self.end) = (0, EMPTY.len() as u32);
    }

    #[inline(always)]
    pub(crate) fn memo(&self) -> &Memo {
        self.shape.memo()
    }
}

impl Default for Index {
    fn default() -> Self {
        Self {
            top: Vec::new(),
            sub: Vec::new(),
            shape: Box::default(),
            is_shaped: false,
            is_mapped: false,
            start: 0,
            end: EMPTY.len() as u32,
        }
    }
}

/// The event that has nothing in it.
pub(crate) const EMPTY: &[u8] = b"{}";

/// So many bytes behind a text are looked at, if they are given: what is looked at together. Not more, so that nothing that
/// is not closed makes the pass go over the text that follows.
pub(crate) const BEHIND: usize = 32;

/// Judges a text that must be an event and fills `index`, whose contents mean nothing after a fault. The text is the
/// first `len` bytes of `read`; what lies behind them may be looked at, too, so that the last values are found as others.
/// It is UTF-8.
///
/// # Panics
/// If `read` is shorter.
pub(crate) fn event(read: &[u8], len: usize, index: &mut Index) -> Result<(), Fault> {
    let text = &read[..len];
    if u32::try_from(len).is_err() {
        return Err(Fault::new(Kind::TooLong, 0));
    }
    let start = scan::skip_blank(text, 0);
    let end = match settled::event(read, start, index) {
        // One that ends behind the text has gone on there.
        Some(end) if end <= len && scan::skip_blank(text, end) == len => {
            index.shape.confirm();
            end
        }
        _ => any_event(text, start, index)?,
    };
    (index.start, index.end) = (start as u32, end as u32);
    Ok(())
}

/// Judges an event that begins at `start`, whatever its shape; where it ends.
#[inline(never)]
fn any_event(text: &[u8], start: usize, index: &mut Index) -> Result<usize, Fault> {
    index.clear();
    if text.get(start) != Some(&b'{') {
        return Err(no_object(text, start));
    }
    let end = top_members(text, start, index)?;
    whole(text, end)?;
    index.is_shaped = index.shape.end(&index.top, &index.sub);
    Ok(end)
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
        let mut node = Node::default();
        // What is expected may begin with a brace: only where the object opens may it be one.
        let may_be_expected = at == open || text.get(at) == Some(&b',');
        if let Some((len, name)) = may_be_expected.then(|| shape.expect(text, at)).flatten() {
            name.place(at + len, &mut node);
        } else if let Some(end) = next_name(text, at, at == open, &mut node)? {
            return Ok(end);
        } else {
            shape.learn(text, at, &node);
        }
        let value_end = loop {
            let value = node.value_start as usize;
            break match text.get(value) {
                Some(b'"') => string(text, value + 1)?.0 + 1,
                Some(b'{') => {
                    let (end, first, last) = object(text, value, shape)?;
                    (node.child_start, node.child_end) = (first, last);
                    end
                }
                Some(b'[') => container(text, value, DEPTH)?,
                // More of it than was expected.
                Some(b' ' | b'\t' | b'\n' | b'\r') => {
                    let more = scan::far_blank(text, value) as u32 - node.value_start;
                    node.value_start += more;
                    (node.key_from, node.key_to) = (node.key_from + more, node.key_to + more);
                    shape.correct(text, at, &node);
                    continue;
                }
                _ => scalar::<false>(text, value)?,
            };
        };
        node.value_end = value_end as u32;
        nodes.push(node);
        at = value_end;
        if text.get(at) == Some(&b'}') {
            return Ok(at + 1);
        }
    }
}

/// The name that follows the brace which opens an object, or a value, and where its own value begins; or where the
/// object ends, if none follows.
#[inline(never)]
fn next_name(
    text: &[u8],
    from: usize,
    first: bool,
    node: &mut Node,
) -> Result<Option<usize>, Fault> {
    let mut at = scan::skip_blank(text, from);
    match text.get(at) {
        Some(b'}') if !first => return Ok(Some(at + 1)),
        Some(b',') if !first => at = scan::skip_blank(text, at + 1),
        Some(b'{') if first => {
            at = scan::skip_blank(text, at + 1);
            if text.get(at) == Some(&b'}') {
                return Ok(Some(at + 1));
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
    node.tag = if escaped {
        tag::ASK
    } else {
        tag::of(&text[at + 1..end])
    };
    let value = scan::skip_blank(text, colon + 1) as u32;
    node.value_start = value;
    (node.key_from, node.key_to) = (value - at as u32 - 1, value - end as u32);
    Ok(None)
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
