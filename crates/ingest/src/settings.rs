//! What the settings of sources have in common: for sources in crates of their own, too.

use bytesize::ByteSize;
use schemars::{JsonSchema, Schema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ConfigError;

/// The longest that a line or a body may be: chunks are addressed by 32 bits.
const LONGEST: u64 = 1 << 30;

/// `max_line` in bytes.
///
/// # Errors
/// When it is none that the spans of a chunk can address.
pub fn max_line(size: ByteSize) -> Result<usize, ConfigError> {
    addressable("max_line", size)
}

/// A size of `key` that the spans of a chunk can address.
///
/// # Errors
/// When it is no such size.
pub fn addressable(key: &str, size: ByteSize) -> Result<usize, ConfigError> {
    let bytes = size.as_u64();
    match usize::try_from(bytes) {
        Ok(fits) if (1..=LONGEST).contains(&bytes) => Ok(fits),
        _ => Err(ConfigError::new(
            key,
            format!("{bytes} bytes, expected 1 B to 1 GiB"),
        )),
    }
}

/// The default of `max_line`.
pub fn default_max_line() -> ByteSize {
    ByteSize::mib(1)
}

/// The schema of a source's table.
pub fn schema<T: JsonSchema>() -> Schema {
    schema_for!(T)
}

/// Reads a source's table.
///
/// # Errors
/// Names the key at fault, its value, and what was expected.
pub fn read<T: DeserializeOwned>(params: Value) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(params).map_err(|error| {
        let key = error.path().to_string();
        let mut message = error.inner().to_string();
        if let Some(hint) = unknown_field(&message) {
            message.push_str(&hint);
        }
        ConfigError::new(if key == "." { String::new() } else { key }, message)
    })
}

/// What to say after serde's "unknown field `x`, expected ...".
fn unknown_field(message: &str) -> Option<String> {
    let mut quoted = message
        .strip_prefix("unknown field ")?
        .split('`')
        .skip(1)
        .step_by(2);
    let unknown = quoted.next()?;
    Some(nearest(unknown, &quoted.collect::<Vec<_>>()))
}

/// A hint at the known name that is most like `unknown`, if any is much like it.
pub(crate) fn nearest(unknown: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(unknown, name), name))
        .filter(|(edits, _)| *edits <= unknown.len().div_ceil(3))
        .min_by_key(|(edits, _)| *edits)
        .map_or_else(String::new, |(_, name)| {
            format!(" (did you mean `{name}`?)")
        })
}

pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
