//! Escapes in JSON strings: reading them, comparing through them, writing them.

use crate::error::{Fault, ParseErrorKind};
use crate::strings;

/// Reads the escape whose backslash stands at `at`: the character it stands for, and where it ends.
pub(crate) fn read(text: &[u8], at: usize) -> Result<(char, usize), Fault> {
    let plain = match text.get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return read_unicode(text, at),
        Some(_) => return Err(Fault::new(ParseErrorKind::BadEscape, at)),
        None => return Err(Fault::new(ParseErrorKind::CutShort, text.len())),
    };
    Ok((plain, at + 2))
}

fn read_unicode(text: &[u8], at: usize) -> Result<(char, usize), Fault> {
    let lone = || Fault::new(ParseErrorKind::LoneSurrogate, at);
    let first = hex(text, at)?;
    if !(0xD800..0xDC00).contains(&first) {
        // What is left outside char's range is a low half without its high half.
        return Ok((char::from_u32(first).ok_or_else(lone)?, at + 6));
    }
    match (text.get(at + 6), text.get(at + 7)) {
        (Some(b'\\'), Some(b'u')) => {}
        (None, _) | (Some(b'\\'), None) => {
            return Err(Fault::new(ParseErrorKind::CutShort, text.len()));
        }
        _ => return Err(lone()),
    }
    let second = hex(text, at + 6)?;
    if !(0xDC00..0xE000).contains(&second) {
        return Err(lone());
    }
    let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    Ok((char::from_u32(code).ok_or_else(lone)?, at + 12))
}

/// The four hex digits of the `\u` escape at `at`.
fn hex(text: &[u8], at: usize) -> Result<u32, Fault> {
    let mut code = 0;
    for i in at + 2..at + 6 {
        let Some(byte) = text.get(i) else {
            return Err(Fault::new(ParseErrorKind::CutShort, text.len()));
        };
        let Some(digit) = char::from(*byte).to_digit(16) else {
            return Err(Fault::new(ParseErrorKind::BadEscape, at));
        };
        code = code << 4 | digit;
    }
    Ok(code)
}

/// Appends what the string body `raw` (without its quotes) stands for; `None` if an escape in it is not valid.
pub(crate) fn decode(raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut at = 0;
    while let Some(run) = memchr::memchr(b'\\', raw.get(at..)?) {
        out.extend_from_slice(&raw[at..at + run]);
        let (decoded, end) = read(raw, at + run).ok()?;
        out.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
        at = end;
    }
    out.extend_from_slice(&raw[at..]);
    Some(())
}

/// Whether the string body `raw` (without its quotes) stands for `name`.
pub(crate) fn equals(raw: &[u8], name: &[u8]) -> bool {
    let (mut raw_at, mut name_at) = (0, 0);
    while let Some(byte) = raw.get(raw_at) {
        if *byte != b'\\' {
            if name.get(name_at) != Some(byte) {
                return false;
            }
            raw_at += 1;
            name_at += 1;
            continue;
        }
        let Ok((decoded, end)) = read(raw, raw_at) else {
            return false;
        };
        let mut utf8 = [0; 4];
        let utf8 = decoded.encode_utf8(&mut utf8).as_bytes();
        if !name[name_at..].starts_with(utf8) {
            return false;
        }
        raw_at = end;
        name_at += utf8.len();
    }
    name_at == name.len()
}

/// Appends `text` as a JSON string with its quotes: only what must be escaped is.
pub(crate) fn encode(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    out.push(b'"');
    let mut at = 0;
    loop {
        let end = strings::plain_run(bytes, at);
        out.extend_from_slice(&bytes[at..end]);
        let Some(byte) = bytes.get(end) else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x8 => out.extend_from_slice(b"\\b"),
            0xc => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => {
                let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
            }
        }
        at = end + 1;
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_name_equals_only_what_it_stands_for() {
        let cases: &[(&str, &str, bool)] = &[
            (r"a", "a", true),
            (r"\u0061", "a", true),
            (r"\u00e9", "é", true),
            (r"\ud83d\ude00", "😀", true),
            (r"\/\b\f\n\r\t\\", "/\u{8}\u{c}\n\r\t\\", true),
            (r"\u0061b", "a", false),
            (r"\u0061", "ab", false),
            (r"\u0061", "", false),
            (r"", "", true),
            (r"\ud83d", "\u{fffd}", false),
        ];
        for (raw, name, same) in cases {
            assert_eq!(
                equals(raw.as_bytes(), name.as_bytes()),
                *same,
                "{raw} against {name:?}"
            );
            let mut decoded = Vec::new();
            let valid = decode(raw.as_bytes(), &mut decoded).is_some();
            assert_eq!(
                valid && decoded == name.as_bytes(),
                *same,
                "{raw} against {name:?}"
            );
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        let text: String = (0..0x80u32)
            .filter_map(char::from_u32)
            .chain("é😀\u{2028}".chars())
            .collect();
        let mut json = Vec::new();
        encode(&text, &mut json);
        assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
        let mut back = Vec::new();
        decode(&json[1..json.len() - 1], &mut back).unwrap();
        assert_eq!(back, text.as_bytes());
    }
}
