use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::Value;

/// What is wrong with a stage's table, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", key, if key.is_empty() { "" } else { ": " })]
pub struct ConfigError {
    /// The path inside the table, such as `any[1].matches`; empty for the table as a whole.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
}

impl ConfigError {
    pub(crate) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
        }
    }
}

/// Reads a stage's table.
///
/// # Errors
///
/// When a key is unknown, missing or has a value that is not what the table expects.
pub fn parse<T: DeserializeOwned>(params: Value) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(params).map_err(|error| {
        let path = error.path().to_string();
        let key = if path == "." { String::new() } else { path };
        let message = error.inner().to_string();
        match unknown_field(&message) {
            Some((field, expected)) => ConfigError::new(
                join(key.strip_suffix(field).unwrap_or(&key), field),
                unknown("key", field, &expected),
            ),
            None => ConfigError::new(key, message),
        }
    })
}

/// The message for a name that nobody knows, with the nearest one that is known.
pub(crate) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= 1 + name.chars().count() / 3)
        .min();
    match nearest {
        Some((_, candidate)) => format!("unknown {what} {name:?}, did you mean {candidate:?}?"),
        None if known.is_empty() => format!("unknown {what} {name:?}, expected none"),
        None => format!(
            "unknown {what} {name:?}, expected one of {}",
            known.join(", ")
        ),
    }
}

/// The path of `key` inside the table at `base`.
pub(crate) fn join(base: &str, key: &str) -> String {
    match base.trim_end_matches('.') {
        "" => key.to_owned(),
        base => format!("{base}.{key}"),
    }
}

/// For a key whose value may be `null`, which is not the same as no such key.
pub(crate) fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// Takes serde's message about an unknown field apart: the field and what was expected.
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut names = message.strip_prefix("unknown field ")?.split('`');
    let field = names.nth(1)?;
    Some((field, names.skip(1).step_by(2).collect()))
}
