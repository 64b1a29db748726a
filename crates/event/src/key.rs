//! The key of an event, read without parsing the event, and the shard it leads to.

use std::ops::Range;

use fearless_simd::Simd;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::blocks;
use crate::error::PathError;
use crate::escape;
use crate::glance::Glance;
use crate::path::{Name, Path, Segment};
use crate::scan;
use crate::simd::widest;
use crate::strings;

/// The name of the hash that [`KeyPath::hash`] computes. Frozen: state on disk is laid out by it. Another
/// hash, or another notion of a key's identity, gets another name.
pub const HASH_NAME: &str = "xxh3-64/1";

/// The shard, below `shards`, that a key with this hash belongs to: the upper 64 bits of the 128-bit product
/// `hash * shards`. Frozen with [`HASH_NAME`].
#[inline]
pub fn shard_of(hash: u64, shards: u32) -> u32 {
    ((u128::from(hash) * u128::from(shards)) >> 64) as u32
}

/// A compiled path to an event's key: object members only, such as `user_id` or `user.id`.
#[derive(Clone, Debug)]
pub struct KeyPath {
    path: Path,
    names: Box<[Name]>,
    /// For a key that is one simple name.
    glance: Option<Glance>,
}

impl KeyPath {
    /// Compiles a key path; spelled as a [`Path`], without indices.
    ///
    /// # Errors
    /// If it is no path, or picks an array's element.
    pub fn parse(written: &str) -> Result<Self, PathError> {
        let path = Path::parse(written)?;
        let names = path.segments().iter().map(|segment| match segment {
            Segment::Name(name) => Ok(name.clone()),
            Segment::Index(_) => Err(PathError {
                path: written.into(),
                offset: 0,
                problem: "expected names only, a key is no element of an array",
            }),
        });
        let names: Box<[Name]> = names.collect::<Result<_, _>>()?;
        let glance = match &*names {
            [name] => Glance::new(name),
            _ => None,
        };
        Ok(Self {
            path,
            names,
            glance,
        })
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        self.path.as_str()
    }

    /// The path as an event is asked for it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The hash of the key's identity in `line`: xxh3-64 of the decoded string, or of the number as spelled.
    /// `None` if the key is absent or is no string or number, or if the line is not readable up to it.
    ///
    /// A structural scan that judges nothing: on every line that is a valid event it agrees with
    /// [`Event::get`](crate::Event::get) (so the last duplicate wins); on any other it may answer anything.
    pub fn hash(&self, line: &[u8]) -> Option<u64> {
        let mut hash = None;
        let whole = std::iter::once(0..line.len());
        widest!(simd => self.each(simd, line, whole, xxh3_64, |_, found| hash = found));
        hash
    }

    /// The same in 128 bits, xxh3-128, for where two keys must not be taken for one.
    pub fn fingerprint(&self, line: &[u8]) -> Option<u128> {
        let mut hash = None;
        let whole = std::iter::once(0..line.len());
        widest!(simd => self.each(simd, line, whole, xxh3_128, |_, found| hash = found));
        hash
    }

    /// [`hash`](Self::hash) of every one of the lines, which lie in `text` one after the other.
    #[inline(always)]
    pub(crate) fn hashes<S: Simd>(
        &self,
        simd: S,
        text: &[u8],
        lines: impl Iterator<Item = Range<usize>>,
        each: impl FnMut(&[u8], Option<u64>),
    ) {
        self.each(simd, text, lines, xxh3_64, each);
    }

    #[inline(always)]
    fn each<S: Simd, H>(
        &self,
        simd: S,
        text: &[u8],
        lines: impl Iterator<Item = Range<usize>>,
        hash: impl Fn(&[u8]) -> H,
        mut each: impl FnMut(&[u8], Option<H>),
    ) {
        match &self.glance {
            Some(glance) => glance.values(
                simd,
                text,
                lines,
                #[inline(always)]
                |line, at| {
                    let at = match at {
                        Some(at) => Some(at),
                        None => self.follow(line),
                    };
                    let found = match at {
                        Some(at) => identity(line, at, &hash),
                        None => None,
                    };
                    each(line, found);
                },
            ),
            None => lines.for_each(|line| {
                let line = text.get(line).unwrap_or_default();
                let at = self.follow(line);
                each(line, at.and_then(|at| identity(line, at, &hash)));
            }),
        }
    }

    /// Where the key's value begins, found by the structure of the line.
    #[inline(never)]
    fn follow(&self, line: &[u8]) -> Option<usize> {
        let mut at = scan::skip_blank(line, 0);
        for name in &self.names {
            if line.get(at) != Some(&b'{') {
                return None;
            }
            at = blocks::last_value(line, at, name)?;
        }
        Some(at)
    }
}

/// The hash of what the value at `at` is, if it can be a key.
#[inline(always)]
fn identity<H>(line: &[u8], at: usize, hash: impl Fn(&[u8]) -> H) -> Option<H> {
    match line.get(at)? {
        b'"' => match short_string(line, at + 1) {
            Some(text) => Some(hash(text)),
            None => hash_string(line, at + 1, hash),
        },
        b'-' | b'0'..=b'9' => Some(hash(number(line, at))),
        _ => None,
    }
}

/// The string whose body begins at `at`, if it has no escapes and ends within 16 bytes, as keys do.
#[inline(always)]
fn short_string(line: &[u8], at: usize) -> Option<&[u8]> {
    let bytes = line.get(at..)?.first_chunk::<16>()?;
    let (quotes, others) = strings::marks(bytes);
    bytes.get(..strings::plain_before(quotes, others)?)
}

#[inline(never)]
fn hash_string<H>(line: &[u8], at: usize, hash: impl Fn(&[u8]) -> H) -> Option<H> {
    let (end, escaped) = scan::string_end(line, at)?;
    let body = line.get(at..end)?;
    if !escaped {
        return Some(hash(body));
    }
    let mut decoded = Vec::with_capacity(body.len());
    escape::decode(body, &mut decoded)?;
    Some(hash(&decoded))
}

#[inline(never)]
fn number(line: &[u8], at: usize) -> &[u8] {
    &line[at..scan::word_end(line, at)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_never_move_to_another_shard_between_releases() {
        let vectors: &[(&str, u64, u32)] = &[
            (r#"{"k":""}"#, 0x2d06800538d394c2, 11),
            (r#"{"k":"u1"}"#, 0x9dc02546854d5df1, 39),
            (r#"{"k":"user-42"}"#, 0x50fe4b21cf7b09cd, 20),
            (r#"{"k":12345}"#, 0xf34099ede96b5581, 60),
        ];
        let key = KeyPath::parse("k").unwrap();
        for (line, hash, shard) in vectors {
            assert_eq!(key.hash(line.as_bytes()), Some(*hash), "{line}");
            assert_eq!(shard_of(*hash, 64), *shard, "{line}");
        }
        assert_eq!(HASH_NAME, "xxh3-64/1");
        assert_eq!(
            (shard_of(0, 7), shard_of(u64::MAX, 7), shard_of(1 << 63, 64)),
            (0, 6, 32)
        );
    }

    #[test]
    fn a_key_is_not_mistaken() {
        let same = |a: &str, b: &str| {
            let key = KeyPath::parse("k").unwrap();
            assert_eq!(
                key.hash(a.as_bytes()),
                key.hash(b.as_bytes()),
                "{a} and {b}"
            );
            assert!(key.hash(a.as_bytes()).is_some(), "{a}");
        };
        same(r#"{"k":"x"}"#, r#" { "k" : "x" } "#);
        same(r#"{"k":"x"}"#, r#"{"k":"y","k":"x"}"#);
        same(
            r#"{"k":"x"}"#,
            r#"{"a":{"k":"y"},"\u006b":"\u0078","b":["k",{"k":"z"}]}"#,
        );
        same(
            r#"{"k":"x"}"#,
            r#"{"a":"\"k\":\"y\"","k":"x","kk":"y","":"k"}"#,
        );
        same(r#"{"k":"é"}"#, r#"{"k":"\u00e9"}"#);
        same(r#"{"k":1.0}"#, r#"{"k":1.0 }"#);
        same(r#"{"k":"x"}"#, r#"{"a":"}","b":["]"],"k":"x","l":"#);
    }

    #[test]
    fn a_line_without_a_key_has_no_hash() {
        let key = KeyPath::parse("u.k").unwrap();
        for line in [
            "",
            "{",
            "null",
            r#"{"u":1}"#,
            r#"{"u":{}}"#,
            r#"{"u":{"k":null}}"#,
            r#"{"u":{"k":{}}}"#,
            r#"{"u":[{"k":1}]}"#,
            r#"{"u":{"k":1},"u":{}}"#,
            r#"{"u.k":1}"#,
            r#"{"u":{"k":"#,
            r#"{"u":{"k":"x"#,
            r#"{"u":{"k":true}}"#,
        ] {
            assert_eq!(key.hash(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_key_is_no_element_of_an_array() {
        assert!(KeyPath::parse("a[0]").is_err());
        assert!(KeyPath::parse("").is_err());
        assert_eq!(KeyPath::parse("a.b").unwrap().as_str(), "a.b");
    }
}
