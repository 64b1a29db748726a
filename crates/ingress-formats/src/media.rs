//! Media types, as RFC 9110 spells them.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::format::Unsupported;

/// A media type: `type/subtype`, with its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Media<'a> {
    kind: &'a str,
    subtype: &'a str,
    parameters: &'a str,
}

impl<'a> Media<'a> {
    /// Reads a media type; `None` if it is none.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let (kind, subtype) = essence.trim().split_once('/')?;
        let media = Media {
            kind,
            subtype,
            parameters,
        };
        let well_formed = is_token(kind)
            && is_token(subtype)
            && media
                .parameters()
                .all(|parameter| parameter.is_some_and(|(name, _)| is_token(name)));
        well_formed.then_some(media)
    }

    /// Whether it is this type, parameters aside.
    pub(crate) fn is(&self, essence: &str) -> bool {
        essence.split_once('/').is_some_and(|(kind, subtype)| {
            self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
        })
    }

    /// Whether it begins so, parameters aside.
    pub(crate) fn begins_with(&self, prefix: &str) -> bool {
        let (kind, subtype) = prefix.split_once('/').unwrap_or((prefix, ""));
        let begins = self.subtype.get(..subtype.len());
        self.kind.eq_ignore_ascii_case(kind)
            && begins.is_some_and(|begins| begins.eq_ignore_ascii_case(subtype))
    }

    /// Whether it is of this kind: `text`, `image` and so on.
    pub(crate) fn is_kind(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// Whether its subtype is this, or has it as its suffix: `json` and `problem+json`.
    pub(crate) fn is_made_of(&self, format: &str) -> bool {
        let suffix = self.subtype.rsplit('+').next().unwrap_or_default();
        suffix.eq_ignore_ascii_case(format)
    }

    /// Whether its text is UTF-8, as far as it says; ASCII is.
    pub(crate) fn is_utf8(&self) -> bool {
        let charset = self
            .parameters()
            .flatten()
            .find(|(name, _)| name.eq_ignore_ascii_case("charset"));
        charset.is_none_or(|(_, value)| {
            ["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|known| value.eq_ignore_ascii_case(known))
        })
    }

    /// Names and values, the quotes of a value taken off; `None` for one that has no value.
    fn parameters(&self) -> impl Iterator<Item = Option<(&'a str, &'a str)>> {
        let pieces = split_unquoted(self.parameters).filter(|piece| !piece.trim().is_empty());
        pieces.map(|piece| {
            let (name, value) = piece.split_once('=')?;
            let value = value.trim();
            let unquoted = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'));
            Some((name.trim(), unquoted.unwrap_or(value)))
        })
    }
}

/// The pieces between semicolons that stand outside quotes.
fn split_unquoted(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |char: char| {
        let splits = char == ';' && !quoted;
        quoted ^= char == '"' && !escaped;
        escaped = quoted && char == '\\' && !escaped;
        splits
    })
}

fn is_token(text: &str) -> bool {
    let of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(of_token)
}

/// The `Content-Type` of a request, if it has one.
///
/// # Errors
/// If it has several, or one that is no media type.
pub(crate) fn content_type<'a>(
    headers: &'a HeaderMap,
    expected: &'static str,
) -> Result<Option<Media<'a>>, Unsupported> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let media = value.to_str().ok().and_then(Media::parse);
    match media {
        Some(media) if values.next().is_none() => Ok(Some(media)),
        _ => Err(Unsupported::of(headers, expected)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_read_whatever_its_case_and_parameters() {
        for text in [
            "application/json",
            "APPLICATION/Json",
            " application/json ; charset=utf-8",
            "application/json;charset=\"UTF-8\";x=\"a;b\"",
            "application/json;",
        ] {
            let media = Media::parse(text).unwrap();
            assert!(media.is("application/json") && media.is_utf8() && media.is_made_of("json"));
        }
        let media = Media::parse("Application/Problem+JSON; CharSet=latin1").unwrap();
        assert!(media.is_made_of("json") && !media.is("application/json") && !media.is_utf8());
        let media = Media::parse("text/x; a=\";charset=utf-16\"").unwrap();
        assert!(media.is_utf8() && media.is_kind("Text"));
        for text in [
            "",
            "json",
            "/json",
            "a/",
            "a b/c",
            "a/b; x",
            "a/b/c",
            "a/b;=c",
            "text/pl\u{e4}in",
        ] {
            assert!(Media::parse(text).is_none(), "{text}");
        }
    }
}
