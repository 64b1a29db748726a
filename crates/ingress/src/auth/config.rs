use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// A key: whoever shows one of the secrets in its file is let in.
///
/// The file has a secret a line, and behind it, if it has an end, a space and that time (RFC 3339): so an old and a new
/// one are good at the same time while senders change over. Empty lines and lines that begin with `#` are skipped. It is
/// read again when it changes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// What it is called where it has to be named; no secret.
    pub name: String,
    /// How it is shown.
    #[serde(rename = "type", default)]
    pub scheme: Scheme,
    /// Where its secrets are.
    pub file: PathBuf,
    /// The most events a second that are taken with it.
    #[serde(default)]
    pub rate: Option<u64>,
    /// Of `hmac`: how old a signature may be, or how far ahead.
    #[serde(default = "default_window", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub window: Duration,
}

/// How a key is shown.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// `Authorization: Bearer SECRET`.
    #[default]
    Bearer,
    /// `Authorization: Basic`, with the secret as the user's name and an empty password, or as `user:password`.
    Basic,
    /// `Millpond-Signature: t=SECONDS,v1=HEX`: HMAC-SHA256 with the secret over the time, a full stop and the body.
    Hmac,
}

fn default_window() -> Duration {
    Duration::from_secs(300)
}

impl Scheme {
    /// What a 401 says of it.
    pub(super) fn challenge(self) -> Option<&'static str> {
        match self {
            Scheme::Bearer => Some("Bearer realm=\"millpond\""),
            Scheme::Basic => Some("Basic realm=\"millpond\", charset=\"UTF-8\""),
            Scheme::Hmac => None,
        }
    }
}

/// What a header of authorization shows.
pub(super) fn shown(value: &[u8]) -> Option<(Scheme, Vec<u8>)> {
    let space = value.iter().position(|&byte| byte == b' ')?;
    let (scheme, rest) = (&value[..space], value[space..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some((Scheme::Bearer, rest.to_vec()));
    }
    if scheme.eq_ignore_ascii_case(b"basic") {
        let mut both = base64(rest)?;
        if both.last() == Some(&b':') {
            both.pop();
        }
        return Some((Scheme::Basic, both));
    }
    None
}

/// The bytes that this stands for, with or without padding.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text
        .strip_suffix(b"==")
        .or(text.strip_suffix(b"="))
        .unwrap_or(text);
    if text.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.chunks(4) {
        let mut bits = 0u32;
        for &byte in group {
            let six = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(six);
        }
        bits <<= 6 * (4 - group.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_as_the_standards_say() {
        let cases = [
            ("Bearer abc", Some((Scheme::Bearer, "abc"))),
            ("bearer  abc ", Some((Scheme::Bearer, "abc"))),
            ("Basic a2V5Og==", Some((Scheme::Basic, "key"))),
            ("Basic dXNlcjpwYXNz", Some((Scheme::Basic, "user:pass"))),
            ("BASIC Zm8=", Some((Scheme::Basic, "fo"))),
            ("Basic Zg", Some((Scheme::Basic, "f"))),
            ("Basic Z", None),
            ("Basic Z!==", None),
            ("Digest abc", None),
            ("abc", None),
            ("", None),
        ];
        for (value, expected) in cases {
            let expected = expected.map(|(scheme, text)| (scheme, text.as_bytes().to_vec()));
            assert_eq!(shown(value.as_bytes()), expected, "{value}");
        }
    }
}
