//! What stands in the value of a header.

use std::borrow::Cow;

/// What the value of an attribute's header stands for, unquoted and percent-decoded once.
///
/// # Errors
/// What was expected, if it cannot stand for anything.
pub(super) fn decode(value: &[u8]) -> Result<String, &'static str> {
    if !value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return Err("printable ASCII, everything else percent-encoded as UTF-8");
    }
    let unquoted = unquote(value)?;
    let decoded = percent_decode(&unquoted);
    String::from_utf8(decoded).map_err(|_| "percent-encoded UTF-8")
}

/// Takes the quotes off a quoted string, and the backslashes in it; anything else stays as it is.
fn unquote(value: &[u8]) -> Result<Cow<'_, [u8]>, &'static str> {
    let Some(rest) = value.strip_prefix(b"\"") else {
        return Ok(Cow::Borrowed(value));
    };
    const UNENDED: &str = "a quote that ends what the first begins, and nothing after it";
    let mut text = Vec::with_capacity(rest.len());
    let mut bytes = rest.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if bytes.len() == 0 => return Ok(Cow::Owned(text)),
            b'"' => return Err(UNENDED),
            b'\\' => text.push(*bytes.next().ok_or(UNENDED)?),
            byte => text.push(*byte),
        }
    }
    Err(UNENDED)
}

/// One round of percent-decoding. A percent sign without two digits after it stands for itself.
fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let encoded = match after {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match encoded {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
