use std::fmt;

use super::model::Place;

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where; the key is empty for a file as a whole.
    pub(crate) at: Place,
    /// What was found and what was expected.
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.at, self.message)
    }
}

/// Everything that is wrong with the configuration; never empty where it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Says that nobody knows `name`, and what is known that comes nearest.
pub(crate) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    let nearest = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), *candidate))
        .filter(|(distance, _)| *distance <= 1 + name.chars().count() / 3)
        .min();
    match nearest {
        Some((_, candidate)) => format!("unknown {what} {name:?}, did you mean {candidate:?}?"),
        None if known.is_empty() => format!("unknown {what} {name:?}, there is none"),
        None => format!(
            "unknown {what} {name:?}, expected one of {}",
            known.join(", ")
        ),
    }
}

/// The message of a deserializer, with what it expected in the words of a configuration instead of
/// those of its types.
pub(crate) fn in_plain_words(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once("expected ") else {
        return message.to_owned();
    };
    let expected = match expected {
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0 on",
        "i64" => "a whole number",
        "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "a table",
        "path string" => "a path",
        "a duration" => "a duration such as \"10s\"",
        "an integer or string" => "a size such as \"256MiB\"",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    format!("{found}expected {expected}")
}

/// The path of `key` inside `parent`; a key that is not a bare word is quoted.
pub(crate) fn join(parent: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let key = if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        format!("{key:?}")
    };
    if parent.is_empty() {
        key
    } else {
        format!("{parent}.{key}")
    }
}

/// `inner` as a path inside `outer`, either of which may be empty.
pub(crate) fn nest(outer: &str, inner: &str) -> String {
    match (outer, inner) {
        ("", path) | (path, "") => path.to_owned(),
        (outer, inner) if inner.starts_with('[') => format!("{outer}{inner}"),
        (outer, inner) => format!("{outer}.{inner}"),
    }
}
