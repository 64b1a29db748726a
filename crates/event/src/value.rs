//! A JSON value as it is spelled.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use crate::error::ParseError;
use crate::path::{Path, Segment};
use crate::raw::check_utf8;
use crate::{escape, parse, scan};

/// The kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number of any size and precision.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Kind {
    /// The kind of a valid value, from its first byte.
    pub(crate) fn of(value: &[u8]) -> Kind {
        match value.first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Null => "null",
            Kind::Bool => "a boolean",
            Kind::Number => "a number",
            Kind::String => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
        })
    }
}

/// A JSON value in an event: its text as spelled, read when asked.
///
/// ```
/// # use millpond_event::{Event, Path};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let event = Event::parse(br#"{"items":[{"id":7,"price":1.10}]}"#)?;
/// let items = event.get(&Path::parse("items")?).ok_or("no items")?;
/// for item in items.elements() {
///     let price = item.get(&Path::parse("price")?).ok_or("no price")?;
///     assert_eq!((price.raw(), price.as_f64()), (&b"1.10"[..], Some(1.1)));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Value<'a> {
    /// Valid JSON without whitespace around it. Owned only for an object that was edited inside.
    text: Cow<'a, [u8]>,
}

impl<'a> Value<'a> {
    #[inline]
    pub(crate) fn borrowed(text: &'a [u8]) -> Self {
        Self {
            text: Cow::Borrowed(text),
        }
    }

    /// `text` is an object: everything else can be borrowed.
    pub(crate) fn rendered(text: Vec<u8>) -> Self {
        Self {
            text: Cow::Owned(text),
        }
    }

    /// The value that is all of `text`, whitespace around it aside; judged as strictly as an event, and not copied.
    ///
    /// # Errors
    /// If it is not one JSON value in UTF-8.
    pub fn parse(text: &'a [u8]) -> Result<Value<'a>, ParseError> {
        check_utf8(text)?;
        let (start, end) = parse::value(text)?;
        Ok(Self::borrowed(&text[start..end]))
    }

    /// What kind of value it is.
    #[inline]
    pub fn kind(&self) -> Kind {
        Kind::of(&self.text)
    }

    /// Its text as spelled, without whitespace around it.
    #[inline]
    pub fn raw(&self) -> &[u8] {
        &self.text
    }

    /// What a string stands for; `None` if it is no string. Borrowed unless it has escapes.
    pub fn as_str(&self) -> Option<Cow<'a, str>> {
        match &self.text {
            Cow::Borrowed(text) => Some(decoded(body(text)?)),
            Cow::Owned(_) => None,
        }
    }

    /// Whether it is a string that stands for `other`. Never allocates. For several there is [`Words`](crate::Words).
    #[inline]
    pub fn is_str(&self, other: &str) -> bool {
        body(&self.text).is_some_and(|raw| stands_for(raw, other.as_bytes()))
    }

    /// The nearest `f64` of a number; `None` if it is no number, or beyond the range of `f64`.
    pub fn as_f64(&self) -> Option<f64> {
        self.number()?
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
    }

    /// A number spelled as an integer (no fraction, no exponent) in the range of `i64`.
    pub fn as_i64(&self) -> Option<i64> {
        self.number()?.parse().ok()
    }

    /// A number spelled as an integer (no fraction, no exponent) in the range of `u64`.
    pub fn as_u64(&self) -> Option<u64> {
        let number = self.number()?;
        if number == "-0" {
            Some(0)
        } else {
            number.parse().ok()
        }
    }

    /// `true` or `false`; `None` if it is neither.
    pub fn as_bool(&self) -> Option<bool> {
        match self.raw() {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    fn number(&self) -> Option<&str> {
        if self.kind() != Kind::Number {
            return None;
        }
        std::str::from_utf8(&self.text).ok()
    }

    /// The elements of an array, in order; none if it is no array.
    pub fn elements(&self) -> impl Iterator<Item = Value<'_>> {
        let text: &[u8] = if self.kind() == Kind::Array {
            &self.text
        } else {
            b"[]"
        };
        scan::Elements::new(text, 0).map(move |(start, end)| Value::borrowed(&text[start..end]))
    }

    /// The members of an object, duplicates included, in order; none if it is no object.
    pub fn members(&self) -> impl Iterator<Item = (Cow<'_, str>, Value<'_>)> {
        let text: &[u8] = if self.kind() == Kind::Object {
            &self.text
        } else {
            b"{}"
        };
        scan::Members::new(text, 0).map(move |member| {
            let name = decoded(&text[member.key_start..member.key_end]);
            (name, Value::borrowed(member.value(text)))
        })
    }

    /// The value at `path` inside it, if it is an object that has one. The last of duplicates counts.
    pub fn get(&self, path: &Path) -> Option<Value<'_>> {
        find(&self.text, path.segments()).map(Value::borrowed)
    }

    /// A tree of it. A number beyond the range of `f64` becomes a string of its spelling, the last of
    /// duplicates counts.
    pub fn to_value(&self) -> serde_json::Value {
        match self.kind() {
            Kind::Null => serde_json::Value::Null,
            Kind::Bool => serde_json::Value::Bool(self.as_bool() == Some(true)),
            Kind::Number => match serde_json::from_slice(&self.text) {
                Ok(number) => serde_json::Value::Number(number),
                Err(_) => {
                    serde_json::Value::String(String::from_utf8_lossy(&self.text).into_owned())
                }
            },
            Kind::String => {
                serde_json::Value::String(self.as_str().unwrap_or_default().into_owned())
            }
            Kind::Array => self.elements().map(|element| element.to_value()).collect(),
            Kind::Object => {
                let members = self
                    .members()
                    .map(|(name, value)| (name.into_owned(), value.to_value()));
                serde_json::Value::Object(members.collect())
            }
        }
    }
}

/// The text between the quotes of a string.
#[inline]
pub(crate) fn body(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// Whether `raw`, the text between a string's quotes, stands for `other`.
#[inline]
pub(crate) fn stands_for(raw: &[u8], other: &[u8]) -> bool {
    // An escape is longer than what it stands for. Most strings that differ do so in length or in the first byte: a
    // call is saved then.
    match raw.len().cmp(&other.len()) {
        Ordering::Less => false,
        _ if raw.first() != other.first() && raw.first() != Some(&b'\\') => false,
        Ordering::Equal => raw == other && memchr::memchr(b'\\', raw).is_none(),
        Ordering::Greater => escape::equals(raw, other),
    }
}

fn decoded(raw: &[u8]) -> Cow<'_, str> {
    if memchr::memchr(b'\\', raw).is_none() {
        return std::str::from_utf8(raw)
            .map_or_else(|_| String::from_utf8_lossy(raw), Cow::Borrowed);
    }
    let mut text = Vec::with_capacity(raw.len());
    // Escapes and UTF-8 were judged when the text was read, so nothing is lost here.
    let _valid = escape::decode(raw, &mut text);
    Cow::Owned(String::from_utf8(text).unwrap_or_default())
}

/// The text of the value at `segments` inside `value`; `value` itself if there are none.
pub(crate) fn find<'a>(value: &'a [u8], segments: &[Segment]) -> Option<&'a [u8]> {
    let mut value = value;
    for segment in segments {
        value = match segment {
            Segment::Name(name) if value.first() == Some(&b'{') => {
                scan::last_named(value, 0, name.text.as_bytes())?.value(value)
            }
            Segment::Index(index) if value.first() == Some(&b'[') => {
                let (start, end) = scan::Elements::new(value, 0).nth(*index)?;
                &value[start..end]
            }
            _ => return None,
        };
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_only_where_they_fit() {
        type Case = (&'static str, Option<f64>, Option<i64>, Option<u64>);
        let cases: &[Case] = &[
            ("0", Some(0.0), Some(0), Some(0)),
            ("-0", Some(-0.0), Some(0), Some(0)),
            ("1.0", Some(1.0), None, None),
            ("1e2", Some(100.0), None, None),
            ("-1", Some(-1.0), Some(-1), None),
            (
                "9223372036854775808",
                Some(9223372036854775808.0),
                None,
                Some(1 << 63),
            ),
            (
                "18446744073709551615",
                Some(18446744073709551615.0),
                None,
                Some(u64::MAX),
            ),
            (
                "18446744073709551616",
                Some(18446744073709551616.0),
                None,
                None,
            ),
            ("1e999", None, None, None),
            ("\"1\"", None, None, None),
            ("true", None, None, None),
        ];
        for (text, float, signed, unsigned) in cases {
            let value = Value::borrowed(text.as_bytes());
            assert_eq!(
                (value.as_f64(), value.as_i64(), value.as_u64()),
                (*float, *signed, *unsigned),
                "{text}"
            );
        }
    }

    #[test]
    fn a_string_is_compared_by_what_it_stands_for() {
        let value = Value::borrowed(br#""\u0061b""#);
        assert!(value.is_str("ab") && !value.is_str(r"\u0061b") && !value.is_str("a"));
        assert_eq!(value.as_str().as_deref(), Some("ab"));
        assert!(!Value::borrowed(b"1").is_str("1"));
    }

    #[test]
    fn what_is_no_container_has_nothing_in_it() {
        let value = Value::borrowed(br#""[1,{}]""#);
        assert_eq!((value.elements().count(), value.members().count()), (0, 0));
        assert!(value.get(&Path::parse("a").unwrap()).is_none());
    }

    #[test]
    fn a_tree_keeps_what_a_tree_can_keep() {
        let value = Value::borrowed(br#"{"a":[1,-2,1.5,null,true,"\n",{}],"b":1e999,"c":1,"c":2}"#);
        let want =
            serde_json::json!({"a": [1, -2, 1.5, null, true, "\n", {}], "b": "1e999", "c": 2});
        assert_eq!(value.to_value(), want);
    }
}
