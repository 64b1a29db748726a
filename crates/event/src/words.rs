//! Strings to compare values with.

use crate::value::{Value, body, stands_for};

/// A few strings, made ready once to find out which of them a value is.
///
/// ```
/// # use millpond_event::{Event, Path, Words};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let words = Words::new(["click", "view"]);
/// let event = Event::parse(br#"{"type":"vi\u0065w"}"#)?;
/// let kind = event.get(&Path::parse("type")?).ok_or("no type")?;
/// assert_eq!(words.position(&kind), Some(1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Words {
    words: Box<[Word]>,
    /// The bytes of the shortest of them.
    shortest: usize,
}

#[derive(Clone, Debug)]
struct Word {
    text: Box<str>,
    /// It has no backslash: a string that is spelled so is this word.
    is_plain: bool,
}

impl Words {
    /// Words in this order.
    pub fn new<W: Into<Box<str>>>(words: impl IntoIterator<Item = W>) -> Self {
        let word = |text: W| {
            let text = text.into();
            let is_plain = !text.contains('\\');
            Word { text, is_plain }
        };
        let words: Box<[Word]> = words.into_iter().map(word).collect();
        let shortest = words.iter().map(|word| word.text.len()).min();
        Self {
            words,
            shortest: shortest.unwrap_or(0),
        }
    }

    /// The words, in the order given.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.words.iter().map(|word| &*word.text)
    }

    /// Which of them the value is a string for, counted from 0: the first, if several. Never allocates; what it takes
    /// grows with the number of words.
    #[inline]
    pub fn position(&self, value: &Value<'_>) -> Option<usize> {
        let raw = body(value.raw())?;
        // Most that are one are spelled without escapes.
        let is_spelled = |word: &Word| {
            let text = word.text.as_bytes();
            raw.len() == text.len() && raw.first() == text.first() && word.is_plain && raw == text
        };
        match self.words.iter().position(is_spelled) {
            // An escape is longer than what it stands for.
            None if raw.len() > self.shortest => self.position_escaped(raw),
            found => found,
        }
    }

    #[inline(never)]
    fn position_escaped(&self, raw: &[u8]) -> Option<usize> {
        let mut words = self.words.iter();
        words.position(|word| stands_for(raw, word.text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_however_it_is_spelled_and_no_other_is() {
        let words = Words::new(["a", "abc", "ab", "ab", r"\u0061b", "a\\", ""]);
        for (text, expected) in [
            (r#""a""#, Some(0)),
            (r#""ab""#, Some(2)),
            (r#""\u0061b""#, Some(2)),
            (r#""\u0061\u0062""#, Some(2)),
            (r#""\\u0061b""#, Some(4)),
            (r#""a\\""#, Some(5)),
            (r#""""#, Some(6)),
            (r#""\u0000""#, None),
            (r#""b""#, None),
            (r#""abcd""#, None),
            ("1", None),
            ("null", None),
            (r#"["a"]"#, None),
        ] {
            let value = Value::parse(text.as_bytes()).unwrap();
            assert_eq!(words.position(&value), expected, "{text}");
        }
        let value = Value::parse(br#""""#).unwrap();
        assert_eq!(Words::default().position(&value), None);
        let no_words: [&str; 0] = [];
        assert_eq!(Words::new(no_words).position(&value), None);
    }
}
