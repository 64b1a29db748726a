//! What an attribute may be called, and what it may be.

use millpond_event::{Kind, Value};

use super::{BAD, time, uri};
use crate::decoded::Fault;
use crate::media::Media;

/// The version that is read.
pub(super) const VERSION: &str = "1.0";
/// Those that every event has.
pub(super) const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];
/// Where the data is, of whichever kind.
pub(super) const DATA: [&str; 2] = ["data", "data_base64"];

/// Judges a name.
pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if !name.is_empty() && name.bytes().all(allowed) && !DATA.contains(&name) {
        return Ok(());
    }
    let detail = format!(
        "attribute `{}`, expected a name of lower-case letters and digits, and not `data`",
        short(name)
    );
    Err(Fault::new(BAD, detail))
}

/// Judges a value that is spelled as a string, whatever type it stands for.
pub(super) fn check_text(name: &str, value: &str) -> Result<(), Fault> {
    let expected = match name {
        _ if !value.chars().all(is_allowed) => "no control characters and no noncharacters",
        "specversion" if value != VERSION => "1.0",
        "id" | "type" | "subject" if value.is_empty() => "a string that is not empty",
        "source" if value.is_empty() || !uri::is_reference(value) => "a URI reference",
        "dataschema" if !uri::is_absolute(value) => "an absolute URI",
        "datacontenttype" if Media::parse(value).is_none() => "a media type",
        "time" if !time::is_timestamp(value) => "a time such as 2026-02-28T23:59:59.5Z",
        _ => return Ok(()),
    };
    Err(wrong(name, &format!("`{}`", short(value)), expected))
}

/// Judges a value in JSON.
pub(super) fn check_value(name: &str, value: &Value<'_>) -> Result<(), Fault> {
    let expected = match value.kind() {
        Kind::String => {
            return check_text(name, &value.as_str().unwrap_or_default());
        }
        _ if is_core(name) => "a string",
        Kind::Bool => return Ok(()),
        Kind::Number if is_integer(value) => return Ok(()),
        Kind::Number => "a whole number of 32 bits",
        _ => "a string, a whole number of 32 bits or a boolean",
    };
    let found = String::from_utf8_lossy(value.raw());
    Err(wrong(name, &format!("`{}`", short(&found)), expected))
}

fn is_core(name: &str) -> bool {
    REQUIRED.contains(&name) || ["datacontenttype", "dataschema", "subject", "time"].contains(&name)
}

fn is_integer(value: &Value<'_>) -> bool {
    value
        .as_i64()
        .is_some_and(|number| i32::try_from(number).is_ok())
}

/// Whether a character may be part of a string: neither a control character nor a noncharacter of Unicode.
fn is_allowed(char: char) -> bool {
    let code = u32::from(char);
    let is_noncharacter = (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe;
    !char.is_control() && !is_noncharacter
}

fn wrong(name: &str, found: &str, expected: &str) -> Fault {
    Fault::new(
        BAD,
        format!("attribute `{name}` is {found}, expected {expected}"),
    )
}

/// As much of a text as a person needs to know it by.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
