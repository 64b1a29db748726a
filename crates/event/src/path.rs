//! Compiled paths into an event.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{MAX_DEPTH, PathError};
use crate::{escape, tag};

/// A path to a value in an event, compiled once and used often.
///
/// Names are joined by dots, array elements are picked by index: `context.page`, `items[0].id`. A name with
/// a `.`, `[`, `]` or `"` in it, or an empty one, is put in double quotes with JSON escapes: `context."a.b"`.
/// At most 64 names and indices, as deep as an event can be.
///
/// ```
/// # fn main() -> Result<(), millpond_event::PathError> {
/// let path: millpond_event::Path = r#"items[0]."unit.price""#.parse()?;
/// assert_eq!(path.to_string(), r#"items[0]."unit.price""#);
/// assert!(millpond_event::Path::parse("items[first]").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Path {
    /// Every path begins with a name; it stands here too, to be found without a look at its kind.
    first: Arc<Name>,
    segments: Arc<[Segment]>,
    written: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Name(Name),
    Index(usize),
}

/// A member's name, and how it is written: always the same way.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: Box<str>,
    /// With quotes and escapes, and the `:` behind it.
    pub(crate) json_colon: Box<[u8]>,
    pub(crate) tag: u16,
    /// Shared with its clones only; 0 where no number was left.
    pub(crate) id: u32,
}

static LAST_ID: AtomicU32 = AtomicU32::new(0);

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Name {}

impl Name {
    fn new(text: &str) -> Self {
        let mut json = Vec::with_capacity(text.len() + 3);
        escape::encode(text, &mut json);
        json.push(b':');
        Self {
            text: text.into(),
            json_colon: json.into(),
            tag: tag::of(text.as_bytes()),
            id: LAST_ID
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |id| id.checked_add(1))
                .map_or(0, |last| last + 1),
        }
    }

    /// The name with quotes and escapes.
    #[inline]
    pub(crate) fn json(&self) -> &[u8] {
        &self.json_colon[..self.json_colon.len() - 1]
    }
}

impl Path {
    /// Compiles a path.
    ///
    /// # Errors
    /// If it is not spelled as above; the error names the byte and what was expected there.
    pub fn parse(written: &str) -> Result<Path, PathError> {
        let mut reader = Reader { written, at: 0 };
        let first = reader.name()?;
        let mut segments = vec![Segment::Name(first.clone())];
        while let Some(next) = reader.peek() {
            reader.at += 1;
            segments.push(match next {
                b'.' => Segment::Name(reader.name()?),
                b'[' => Segment::Index(reader.index()?),
                _ => return Err(reader.error(reader.at - 1, "expected `.`, `[` or the end")),
            });
            if segments.len() > MAX_DEPTH {
                return Err(reader.error(reader.at, "expected at most 64 names and indices"));
            }
        }
        Ok(Path {
            first: first.into(),
            segments: segments.into(),
            written: written.into(),
        })
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The names in it, in order; what is picked out of a list by index has none.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Name(name) => Some(&*name.text),
            Segment::Index(_) => None,
        })
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The first name and what follows it.
    #[inline]
    pub(crate) fn split(&self) -> (&Name, &[Segment]) {
        (&self.first, &self.segments[1..])
    }

    /// The first `count` segments, as one would write them.
    pub(crate) fn prefix(&self, count: usize) -> String {
        let mut text = String::new();
        for segment in &self.segments[..count] {
            match segment {
                Segment::Index(index) => text.push_str(&format!("[{index}]")),
                Segment::Name(name) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    let quoted = name.text.is_empty() || name.text.contains(['.', '[', ']', '"']);
                    if quoted {
                        text.push_str(&String::from_utf8_lossy(name.json()));
                    } else {
                        text.push_str(&name.text);
                    }
                }
            }
        }
        text
    }
}

struct Reader<'a> {
    written: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.written.as_bytes().get(self.at).copied()
    }

    fn error(&self, offset: usize, problem: &'static str) -> PathError {
        PathError {
            path: self.written.into(),
            offset,
            problem,
        }
    }

    fn name(&mut self) -> Result<Name, PathError> {
        let start = self.at;
        if self.peek() == Some(b'"') {
            return self.quoted();
        }
        let rest = &self.written[start..];
        let len = rest.find(['.', '[', ']', '"']).unwrap_or(rest.len());
        if len == 0 {
            return Err(self.error(start, "expected a name (an empty one is written \"\")"));
        }
        self.at = start + len;
        Ok(Name::new(&rest[..len]))
    }

    fn quoted(&mut self) -> Result<Name, PathError> {
        let start = self.at;
        let bytes = self.written.as_bytes();
        let mut end = start + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return Err(self.error(start, "expected a closing quote")),
            }
        }
        let mut decoded = Vec::new();
        let valid = escape::decode(&bytes[start + 1..end], &mut decoded)
            .and_then(|()| String::from_utf8(decoded).ok());
        let Some(name) = valid else {
            return Err(self.error(start, "expected JSON escapes in a quoted name"));
        };
        self.at = end + 1;
        Ok(Name::new(&name))
    }

    fn index(&mut self) -> Result<usize, PathError> {
        const PROBLEM: &str = "expected an index and `]`, such as `[0]`";
        let start = self.at;
        let rest = &self.written[start..];
        let len = rest.find(']').ok_or_else(|| self.error(start, PROBLEM))?;
        let digits = &rest[..len];
        let canonical = digits.bytes().all(|byte| byte.is_ascii_digit())
            && (len == 1 || !digits.starts_with('0'));
        match digits.parse() {
            Ok(index) if canonical => {
                self.at = start + len + 1;
                Ok(index)
            }
            _ => Err(self.error(start, PROBLEM)),
        }
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(written: &str) -> Result<Path, PathError> {
        Path::parse(written)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({})", self.written)
    }
}

/// Two paths are equal when they lead to the same place, however they are written.
impl PartialEq for Path {
    fn eq(&self, other: &Path) -> bool {
        self.segments == other.segments
    }
}

impl Eq for Path {}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Path, D::Error> {
        let written = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Path::parse(&written).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart_as_written() {
        let cases: &[(&str, &str)] = &[
            ("a", "a"),
            ("user_id", "user_id"),
            ("a.b.c", "a|b|c"),
            ("items[0].id", "items|[0]|id"),
            ("m[1][20]", "m|[1]|[20]"),
            (r#"context."a.b""#, "context|a.b"),
            (r#""""#, ""),
            (r#"a."\u0062\"".c"#, "a|b\"|c"),
            (" é :", " é :"),
        ];
        for (written, want) in cases {
            let path = Path::parse(written).unwrap();
            let parts: Vec<String> = path
                .segments()
                .iter()
                .map(|segment| match segment {
                    Segment::Name(name) => name.text.to_string(),
                    Segment::Index(index) => format!("[{index}]"),
                })
                .collect();
            assert_eq!(parts.join("|"), *want);
            assert_eq!(
                path,
                Path::parse(&path.prefix(path.segments().len())).unwrap()
            );
        }
    }

    #[test]
    fn a_bad_path_is_refused_with_its_offset() {
        let deep = vec!["a"; 65].join(".");
        let cases: &[(&str, usize)] = &[
            ("", 0),
            (".", 0),
            ("a.", 2),
            ("a..b", 2),
            ("[0]", 0),
            ("a[", 2),
            ("a[]", 2),
            ("a[01]", 2),
            ("a[+1]", 2),
            ("a[-1]", 2),
            ("a[x]", 2),
            ("a[99999999999999999999]", 2),
            ("a[0]b", 4),
            ("a]", 1),
            ("a\"b\"", 1),
            ("\"a", 0),
            ("\"a\"b", 3),
            ("\"\\ud800\"", 0),
            ("\"a\\", 0),
            (&deep, 129),
        ];
        for (written, offset) in cases {
            let error = Path::parse(written).unwrap_err();
            assert_eq!(error.offset, *offset, "{error}");
        }
        assert!(Path::parse(&vec!["a"; 64].join(".")).is_ok());
    }

    #[test]
    fn a_path_in_a_config_is_a_string() {
        let path: Path = serde_json::from_str(r#""a\u002eb[0]""#).unwrap();
        assert_eq!(path.as_str(), "a.b[0]");
        assert_eq!(serde_json::to_string(&path).unwrap(), r#""a.b[0]""#);
        assert!(
            serde_json::from_str::<Path>(r#""a[""#)
                .unwrap_err()
                .to_string()
                .contains("byte 2")
        );
    }
}
