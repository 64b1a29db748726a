use serde::de::DeserializeOwned;
use serde_json::Value;

/// What is wrong with a component's table, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", key, if key.is_empty() { "" } else { ": " })]
pub struct ConfigError {
    /// The path inside the component, such as `rotate.size`; empty for the component as a whole.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
}

impl ConfigError {
    /// An error at a key.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        ConfigError {
            key: key.into(),
            message: message.into(),
        }
    }
}

/// Reads a component's table. `others` are keys that the section may have beside those of `T`:
/// they only serve suggestions.
pub(crate) fn parse<T: DeserializeOwned>(params: Value, others: &[&str]) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(params).map_err(|error| {
        let path = error.path().to_string();
        let key = if path == "." { String::new() } else { path };
        let message = error.inner().to_string();
        match unknown_field(&message) {
            Some((field, mut expected)) => {
                expected.extend(others);
                ConfigError::new(with_field(key, field), unknown("key", field, &expected))
            }
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
    match (nearest, known) {
        (Some((_, candidate)), _) => {
            format!("unknown {what} {name:?}, did you mean {candidate:?}?")
        }
        (None, []) => format!("unknown {what} {name:?}, expected none"),
        (None, _) => format!(
            "unknown {what} {name:?}, expected one of {}",
            known.join(", ")
        ),
    }
}

/// Takes serde's message about an unknown field apart: the field and what was expected.
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut names = message.strip_prefix("unknown field ")?.split('`');
    let field = names.nth(1)?;
    Some((field, names.skip(1).step_by(2).collect()))
}

/// `serde_path_to_error` names the unknown field in the path only in some formats.
fn with_field(key: String, field: &str) -> String {
    if key == field || key.ends_with(&format!(".{field}")) {
        key
    } else if key.is_empty() {
        field.to_owned()
    } else {
        format!("{key}.{field}")
    }
}
