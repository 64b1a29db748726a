//! Edits inside a value's text, at any depth. The text is valid JSON; everything an edit does not touch is
//! copied as it is.

use crate::path::{Name, Segment};
use crate::scalar::Scalar;
use crate::scan::{self, Elements, Members};
use crate::value::Kind;

/// Why a value cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// What is found after `depth` segments has no members or elements.
    Wrong {
        depth: usize,
        found: Kind,
        expected: Kind,
    },
    /// The array there has only `len` elements.
    Beyond { index: usize, len: usize },
}

/// Appends `text` to `out` with the value at `segments` in it set to `new`. What is missing on the way is made.
pub(crate) fn set(
    text: &[u8],
    segments: &[Segment],
    new: Scalar<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Obstacle> {
    let (mut start, mut end) = (0, text.len());
    for (depth, segment) in segments.iter().enumerate() {
        let found = Kind::of(&text[start..end]);
        let (last, rest) = (end - 1, &segments[depth + 1..]);
        match segment {
            Segment::Name(name) => {
                if found != Kind::Object {
                    return Err(Obstacle::Wrong {
                        depth,
                        found,
                        expected: Kind::Object,
                    });
                }
                match scan::last_named(text, start, name.text.as_bytes()) {
                    Some(member) => (start, end) = (member.value_start, member.value_end),
                    None => {
                        check_nest(rest)?;
                        let after = Members::new(text, start)
                            .last()
                            .map(|member| member.value_end);
                        open_gap(text, start, after, out);
                        out.extend_from_slice(&name.json_colon);
                        nest(rest, new, out);
                        out.extend_from_slice(&text[after.unwrap_or(last)..]);
                        return Ok(());
                    }
                }
            }
            Segment::Index(index) => {
                if found != Kind::Array {
                    return Err(Obstacle::Wrong {
                        depth,
                        found,
                        expected: Kind::Array,
                    });
                }
                let (mut len, mut after, mut hit) = (0, None, None);
                for element in Elements::new(text, start) {
                    if len == *index {
                        hit = Some(element);
                        break;
                    }
                    len += 1;
                    after = Some(element.1);
                }
                match hit {
                    Some(element) => (start, end) = element,
                    None if *index > len => return Err(Obstacle::Beyond { index: *index, len }),
                    None => {
                        check_nest(rest)?;
                        open_gap(text, start, after, out);
                        nest(rest, new, out);
                        out.extend_from_slice(&text[after.unwrap_or(last)..]);
                        return Ok(());
                    }
                }
            }
        }
    }
    out.extend_from_slice(&text[..start]);
    new.write(out);
    out.extend_from_slice(&text[end..]);
    Ok(())
}

/// Copies the text up to where something is added to the container that opens at `open`: behind the value
/// that ends at `after`, with a comma, or just inside an empty one.
fn open_gap(text: &[u8], open: usize, after: Option<usize>, out: &mut Vec<u8>) {
    match after {
        Some(after) => {
            out.extend_from_slice(&text[..after]);
            out.push(b',');
        }
        // Whitespace inside an empty container goes: it stands before what closes it, not before a value.
        None => out.extend_from_slice(&text[..=open]),
    }
}

/// Whether containers can be made for these segments: an array that does not exist has only an index 0.
pub(crate) fn check_nest(segments: &[Segment]) -> Result<(), Obstacle> {
    for segment in segments {
        if let Segment::Index(index @ 1..) = segment {
            return Err(Obstacle::Beyond {
                index: *index,
                len: 0,
            });
        }
    }
    Ok(())
}

/// Appends `new` inside the containers that `segments` name.
pub(crate) fn nest(segments: &[Segment], new: Scalar<'_>, out: &mut Vec<u8>) {
    for segment in segments {
        match segment {
            Segment::Name(name) => {
                out.push(b'{');
                out.extend_from_slice(&name.json_colon);
            }
            Segment::Index(_) => out.push(b'['),
        }
    }
    new.write(out);
    for segment in segments.iter().rev() {
        out.push(if matches!(segment, Segment::Name(_)) {
            b'}'
        } else {
            b']'
        });
    }
}

/// Appends `text` to `out` without the values at `segments`, duplicates included; appends nothing and returns
/// false if there is none.
pub(crate) fn remove(text: &[u8], segments: &[Segment], out: &mut Vec<u8>) -> bool {
    let mut cuts = Vec::new();
    find_cuts(text, 0, segments, &mut cuts);
    let mut from = 0;
    for (start, end) in &cuts {
        out.extend_from_slice(&text[from..*start]);
        from = *end;
    }
    if !cuts.is_empty() {
        out.extend_from_slice(&text[from..]);
    }
    !cuts.is_empty()
}

/// Collects what has to be cut, in the order of the text. Recursion ends with the segments, of which a path
/// has at most 64.
fn find_cuts(text: &[u8], open: usize, segments: &[Segment], cuts: &mut Vec<(usize, usize)>) {
    let Some((segment, rest)) = segments.split_first() else {
        return;
    };
    match (segment, text.get(open)) {
        (Segment::Name(name), Some(b'{')) => {
            let members = Members::new(text, open).map(|member| {
                let hit = member.is_named(text, name.text.as_bytes());
                (
                    hit,
                    member.key_start - 1,
                    member.value_start,
                    member.value_end,
                )
            });
            cut_hits(text, members, rest, cuts);
        }
        (Segment::Index(index), Some(b'[')) => {
            let elements = Elements::new(text, open)
                .enumerate()
                .map(|(i, (start, end))| (i == *index, start, start, end));
            cut_hits(text, elements, rest, cuts);
        }
        _ => {}
    }
}

/// Takes the items of a container as (hit, where it starts, where its value starts, where it ends). With each
/// item goes one comma: the one before it, or the one after it while nothing before it stays.
fn cut_hits(
    text: &[u8],
    items: impl Iterator<Item = (bool, usize, usize, usize)>,
    rest: &[Segment],
    cuts: &mut Vec<(usize, usize)>,
) {
    let mut kept_end = None;
    let mut open_cut: Option<(usize, usize)> = None;
    for (hit, start, value_start, end) in items {
        if let Some((cut, _)) = open_cut.take() {
            cuts.push((cut, start));
        }
        if hit && !rest.is_empty() {
            find_cuts(text, value_start, rest, cuts);
        }
        if !hit || !rest.is_empty() {
            kept_end = Some(end);
        } else if let Some(from) = kept_end {
            cuts.push((from, end));
            kept_end = Some(end);
        } else {
            open_cut = Some((start, end));
        }
    }
    cuts.extend(open_cut);
}

/// Appends `text` to `out` with the last member at `segments` named `to` instead; false, and nothing appended,
/// if there is no such member.
pub(crate) fn rename(text: &[u8], segments: &[Segment], to: &Name, out: &mut Vec<u8>) -> bool {
    let mut open = 0;
    for (depth, segment) in segments.iter().enumerate() {
        let is_last = depth + 1 == segments.len();
        match (segment, text.get(open)) {
            (Segment::Name(name), Some(b'{')) => {
                let Some(member) = scan::last_named(text, open, name.text.as_bytes()) else {
                    return false;
                };
                if is_last {
                    out.extend_from_slice(&text[..member.key_start - 1]);
                    out.extend_from_slice(to.json());
                    out.extend_from_slice(&text[member.key_end + 1..]);
                    return true;
                }
                open = member.value_start;
            }
            (Segment::Index(index), Some(b'[')) if !is_last => {
                let Some((start, _)) = Elements::new(text, open).nth(*index) else {
                    return false;
                };
                open = start;
            }
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Path;

    fn segments(path: &str) -> Vec<Segment> {
        Path::parse(path).unwrap().segments().to_vec()
    }

    #[test]
    fn commas_come_out_right_whatever_is_removed() {
        let cases: &[(&str, &str, Option<&str>)] = &[
            (r#"{"a":1}"#, "a", Some("{}")),
            (r#"{ "a" : 1 }"#, "a", Some("{  }")),
            (r#"{"a":1,"b":2}"#, "a", Some(r#"{"b":2}"#)),
            (r#"{"a":1,"b":2}"#, "b", Some(r#"{"a":1}"#)),
            (r#"{"a":1,"a":2,"b":3}"#, "a", Some(r#"{"b":3}"#)),
            (r#"{"a":1,"b":3,"a":2}"#, "a", Some(r#"{"b":3}"#)),
            (r#"{"b":3,"a":1,"a":2}"#, "a", Some(r#"{"b":3}"#)),
            (r#"{"a":1,"a":2}"#, "a", Some("{}")),
            (
                r#"{"a":1 , "b":2 , "a":3 , "c":4}"#,
                "a",
                Some(r#"{"b":2 , "c":4}"#),
            ),
            (
                r#"{"x":{"a":1},"x":{"a":2,"b":[]}}"#,
                "x.a",
                Some(r#"{"x":{},"x":{"b":[]}}"#),
            ),
            (
                r#"{"x":[{"a":1},{"a":2}]}"#,
                "x[1].a",
                Some(r#"{"x":[{"a":1},{}]}"#),
            ),
            (r#"{"x":[1,2,3]}"#, "x[0]", Some(r#"{"x":[2,3]}"#)),
            (r#"{"x":[1,2,3]}"#, "x[1]", Some(r#"{"x":[1,3]}"#)),
            (r#"{"x":[1,2,3]}"#, "x[2]", Some(r#"{"x":[1,2]}"#)),
            (r#"{"x":[1]}"#, "x[0]", Some(r#"{"x":[]}"#)),
            (r#"{"x":[1]}"#, "x[1]", None),
            (r#"{"x":[1]}"#, "x.a", None),
            (r#"{"\u0061":1}"#, "a", Some("{}")),
            ("{}", "a", None),
        ];
        for (text, path, want) in cases {
            let mut out = Vec::new();
            let removed = remove(text.as_bytes(), &segments(path), &mut out);
            assert_eq!(
                removed
                    .then_some(String::from_utf8(out).unwrap())
                    .as_deref(),
                *want,
                "{text} without {path}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_there_is_replaced() {
        let cases: &[(&str, &str, Result<&str, Obstacle>)] = &[
            ("{}", "a", Ok(r#"{"a":0}"#)),
            ("{ }", "a.b", Ok(r#"{"a":{"b":0}}"#)),
            (r#"{"a":1 }"#, "b", Ok(r#"{"a":1,"b":0 }"#)),
            (r#"{"a":1,"a":2}"#, "a", Ok(r#"{"a":1,"a":0}"#)),
            (r#"{"a":[1, 2]}"#, "a[0]", Ok(r#"{"a":[0, 2]}"#)),
            (r#"{"a":[1, 2]}"#, "a[2]", Ok(r#"{"a":[1, 2,0]}"#)),
            (r#"{"a":[]}"#, "a[0].b[0]", Ok(r#"{"a":[{"b":[0]}]}"#)),
            ("{}", "a[0]", Ok(r#"{"a":[0]}"#)),
            ("{}", "a[1]", Err(Obstacle::Beyond { index: 1, len: 0 })),
            (
                r#"{"a":[1]}"#,
                "a[2]",
                Err(Obstacle::Beyond { index: 2, len: 1 }),
            ),
            (
                r#"{"a":1}"#,
                "a.b",
                Err(Obstacle::Wrong {
                    depth: 1,
                    found: Kind::Number,
                    expected: Kind::Object,
                }),
            ),
            (
                r#"{"a":{}}"#,
                "a[0]",
                Err(Obstacle::Wrong {
                    depth: 1,
                    found: Kind::Object,
                    expected: Kind::Array,
                }),
            ),
        ];
        for (text, path, want) in cases {
            let mut out = Vec::new();
            let set = set(text.as_bytes(), &segments(path), Scalar::Int(0), &mut out);
            let out = String::from_utf8(out).unwrap();
            assert_eq!(set.map(|()| out.as_str()), *want, "{text} with {path}");
        }
    }
}
