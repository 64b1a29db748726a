//! JSON text judged once, to be set into many events.

use std::fmt;
use std::sync::Arc;

use crate::error::{ParseError, ParseErrorKind};
use crate::parse;
use crate::value::Value;

/// A JSON value of any kind as text, known to be valid and free of line breaks. A clone is the same text.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson {
    text: Arc<[u8]>,
    depth: u8,
}

impl RawJson {
    /// Judges `text` as strictly as an event. Whitespace around the value is dropped; line breaks between
    /// its tokens become spaces, so that the value fits on one line.
    ///
    /// # Errors
    /// If it is not one JSON value in UTF-8.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, ParseError> {
        let text = text.as_ref();
        check_utf8(text)?;
        let (start, end) = parse::value(text)?;
        let mut text = text[start..end].to_vec();
        on_one_line(&mut text);
        Ok(Self::valid(&text))
    }

    /// The text of a tree.
    ///
    /// # Errors
    /// If it is nested deeper than 64 levels.
    pub fn from_value(value: &serde_json::Value) -> Result<Self, ParseError> {
        Self::parse(value.to_string())
    }

    fn valid(text: &[u8]) -> Self {
        Self {
            text: text.into(),
            depth: parse::depth_of(text) as u8,
        }
    }

    /// The value.
    pub fn value(&self) -> Value<'_> {
        Value::borrowed(&self.text)
    }

    /// Its text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// How deep its containers are nested: 0 for a scalar.
    pub(crate) fn depth(&self) -> usize {
        usize::from(self.depth)
    }
}

impl From<&Value<'_>> for RawJson {
    fn from(value: &Value<'_>) -> Self {
        Self::valid(value.raw())
    }
}

impl From<Value<'_>> for RawJson {
    fn from(value: Value<'_>) -> Self {
        Self::from(&value)
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({})", String::from_utf8_lossy(&self.text))
    }
}

/// Makes one line of a valid JSON text: a line break in JSON is whitespace between tokens, never part of a string.
pub fn on_one_line(text: &mut [u8]) {
    if memchr::memchr2(b'\n', b'\r', text).is_some() {
        for byte in text {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
}

/// Whether `text` is UTF-8, and if not, where it stops being so.
pub(crate) fn check_utf8(text: &[u8]) -> Result<(), ParseError> {
    simdutf8::compat::from_utf8(text)
        .map(|_| ())
        .map_err(|error| ParseError::new(ParseErrorKind::InvalidUtf8, error.valid_up_to()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_value_is_one_value_on_one_line() {
        let raw = RawJson::parse(" {\n\"a\":\r\n[1, 2]} \n").unwrap();
        assert_eq!(raw.as_bytes(), b"{ \"a\":  [1, 2]}");
        assert_eq!(raw.depth(), 2);
        for (text, kind) in [
            ("", ParseErrorKind::CutShort),
            ("1 2", ParseErrorKind::TrailingBytes),
            ("nope", ParseErrorKind::ExpectedValue),
            ("\"\\ud800\"", ParseErrorKind::LoneSurrogate),
        ] {
            assert_eq!(RawJson::parse(text).unwrap_err().kind, kind, "{text}");
        }
        assert_eq!(
            RawJson::from_value(&serde_json::json!([null, "x"]))
                .unwrap()
                .as_bytes(),
            b"[null,\"x\"]"
        );
    }
}
