//! URIs, as RFC 3986 has them.

/// Whether `text` is a URI reference: a URI, or one that leaves out what it begins with.
pub(super) fn is_reference(text: &str) -> bool {
    let (rest, fragment) = cut(text, '#');
    let (rest, query) = cut(rest, '?');
    let after_path = |part: Option<&str>| part.is_none_or(|part| made_of(part, b":@/?"));
    if !after_path(fragment) || !after_path(query) {
        return false;
    }
    match scheme(rest) {
        Some((_, rest)) => is_hierarchical(rest),
        // Without a scheme, no colon may come before the first slash: it would end one.
        None => {
            let first = rest.split('/').next().unwrap_or_default();
            !first.contains(':') && is_hierarchical(rest)
        }
    }
}

/// Whether `text` is a URI: one that begins with a scheme.
pub(super) fn is_absolute(text: &str) -> bool {
    scheme(text).is_some() && is_reference(text)
}

fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let begins = scheme.starts_with(|char: char| char.is_ascii_alphabetic());
    (begins && scheme.bytes().all(of_scheme)).then_some((scheme, rest))
}

/// An authority and a path, or a path alone.
fn is_hierarchical(text: &str) -> bool {
    match text.strip_prefix("//") {
        None => made_of(text, b":@/"),
        Some(text) => {
            let end = text.find('/').unwrap_or(text.len());
            let (authority, path) = text.split_at(end);
            is_authority(authority) && made_of(path, b":@/")
        }
    }
}

fn is_authority(text: &str) -> bool {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    let (host, port) = match host.strip_prefix('[') {
        Some(literal) => {
            let Some((address, port)) = literal.split_once(']') else {
                return false;
            };
            if !is_ip_literal(address) {
                return false;
            }
            ("", port.strip_prefix(':').or(port.is_empty().then_some("")))
        }
        None => {
            let (host, port) = host.split_once(':').unwrap_or((host, ""));
            (host, Some(port))
        }
    };
    made_of(user, b":")
        && made_of(host, b"")
        && port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// An address of version 6, or of one that is still to come.
fn is_ip_literal(text: &str) -> bool {
    if let Some(future) = text.strip_prefix(['v', 'V']) {
        let Some((version, address)) = future.split_once('.') else {
            return false;
        };
        let is_hex = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        return is_hex && !address.is_empty() && !address.contains('%') && made_of(address, b":");
    }
    text.parse::<std::net::Ipv6Addr>().is_ok()
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Whether `text` has only unreserved characters, sub-delimiters, percent-encoded bytes and what is in `more`.
fn made_of(text: &str, more: &[u8]) -> bool {
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b'%' => match after {
                [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    after
                }
                _ => return false,
            },
            byte if byte.is_ascii_alphanumeric()
                || b"-._~!$&'()*+,;=".contains(byte)
                || more.contains(byte) =>
            {
                after
            }
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_from_other_texts() {
        for text in [
            "https://github.com/cloudevents",
            "mailto:cncf-wg-serverless@lists.cncf.io",
            "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
            "/cloudevents/spec/pull/123",
            "/sensors/tn-1234567/alerts",
            "1-555-123-4567",
            "",
            "//host:80/p?q=a/b?c#f/?",
            "http://u:p@[2001:db8::1]:8080/",
            "http://[v1.a:b]/",
            "./a:b",
            "a%20b",
            "?q",
            "#f",
            "file:///etc/hosts",
        ] {
            assert!(is_reference(text), "{text}");
        }
        for text in [
            "a b",
            "\"a\"",
            "a%2",
            "a%zz",
            "1a:b",
            ":a",
            "http://[::1",
            "http://[x]/",
            "http://[::1]x/",
            "http://h:8x/",
            "http://a@b@c[/",
            "a#b#c",
            "a<b>",
            "\u{e4}",
            "a\\b",
            "http://[v1.]/",
            "http://[v.a]/",
            "[a]",
        ] {
            assert!(!is_reference(text), "{text}");
        }
        assert!(is_absolute("urn:x") && is_absolute("https://h/s.json#frag"));
        assert!(!is_absolute("/s.json") && !is_absolute("") && !is_absolute("//h/s"));
    }
}
