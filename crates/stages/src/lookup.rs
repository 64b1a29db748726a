use std::collections::HashMap;

use millpond_event::{Kind, Value, Words};

/// Up to so many keys are compared one by one, which is faster than to hash.
const FEW: usize = 8;

/// A table by strings. A value is looked up by its decoded string; numbers and booleans by their
/// spelling.
#[derive(Debug)]
pub(crate) enum Lookup<T> {
    /// Each word stands for what has its number.
    Few(Words, Vec<T>),
    Many(HashMap<Box<str>, T>),
}

impl<T> Lookup<T> {
    /// Looks up any scalar but `null`.
    pub(crate) fn get(&self, value: &Value<'_>) -> Option<&T> {
        match value.kind() {
            Kind::String => self.get_string(value),
            Kind::Number | Kind::Bool => self.find(std::str::from_utf8(value.raw()).ok()?),
            Kind::Null | Kind::Array | Kind::Object => None,
        }
    }

    /// Looks up strings only. Copies nothing, unless there are many keys and the string has escapes.
    #[inline]
    pub(crate) fn get_string(&self, value: &Value<'_>) -> Option<&T> {
        match self {
            Self::Few(words, found) => found.get(words.position(value)?),
            Self::Many(_) => self.find(&value.as_str()?),
        }
    }

    fn find(&self, text: &str) -> Option<&T> {
        match self {
            Self::Few(words, found) => found.get(words.iter().position(|word| word == text)?),
            Self::Many(entries) => entries.get(text),
        }
    }
}

impl<T> FromIterator<(Box<str>, T)> for Lookup<T> {
    fn from_iter<I: IntoIterator<Item = (Box<str>, T)>>(entries: I) -> Self {
        let entries: Vec<(Box<str>, T)> = entries.into_iter().collect();
        if entries.len() <= FEW {
            let (words, found): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
            Self::Few(Words::new(words), found)
        } else {
            Self::Many(entries.into_iter().collect())
        }
    }
}
