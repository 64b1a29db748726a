//! Rust text as the text checks see it: comments, literals and test items blanked out, line breaks kept.

/// `text` with every comment and every string or character literal replaced by spaces.
pub(super) fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let after_name = at > 0 && is_name(bytes[at - 1]);
        let length = match rest {
            [b'/', b'/', ..] => line_comment(rest),
            [b'/', b'*', ..] => block_comment(rest),
            [b'"', ..] => quoted(rest, b'"'),
            [b'\'', ..] => character(text, at),
            [b'r', ..] if !after_name => raw_string(rest),
            [b'b' | b'c', b'r', ..] if !after_name => {
                raw_string(&rest[1..]).map(|length| length + 1)
            }
            _ => None,
        };
        let end = at + length.unwrap_or(0);
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `code` (as from [`code_only`]) with every item under `#[cfg(test)]` replaced by spaces.
pub(super) fn without_tests(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    let mut from = 0;
    while let Some(found) = code[from..].find("#[cfg(") {
        let begin = from + found;
        let Some(close) = matching(code.as_bytes(), begin + 1) else {
            break;
        };
        from = close;
        let condition = &code[begin..close];
        if !has_word(condition, "test") || condition.contains("not(test") {
            continue;
        }
        from = item_end(code.as_bytes(), close);
        for byte in &mut out[begin..from] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    if code.contains("#![cfg(test)]") {
        out.retain(|byte| *byte == b'\n');
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The lines, counted from 1, on which `word` stands by itself: no name goes on before or behind it.
pub(super) fn lines_with(text: &str, word: &str) -> Vec<usize> {
    let holds = |(index, line): (usize, &str)| has_word(line, word).then_some(index + 1);
    text.lines().enumerate().filter_map(holds).collect()
}

fn has_word(line: &str, word: &str) -> bool {
    let bytes = line.as_bytes();
    line.match_indices(word).any(|(at, _)| {
        let end = at + word.len();
        let open = |inner: u8, outer: Option<&u8>| {
            is_name(inner) && outer.is_some_and(|byte| is_name(*byte))
        };
        let first = word.as_bytes().first().copied().unwrap_or(b' ');
        let last = word.as_bytes().last().copied().unwrap_or(b' ');
        !open(
            first,
            at.checked_sub(1).and_then(|before| bytes.get(before)),
        ) && !open(last, bytes.get(end))
    })
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn line_comment(rest: &[u8]) -> Option<usize> {
    Some(
        rest.iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len()),
    )
}

fn block_comment(rest: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(rest.len())
}

/// The length of a literal that begins and ends with `quote`, escapes inside it understood.
fn quoted(rest: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    Some(rest.len())
}

/// A character literal; `None` for a lifetime or a label.
fn character(text: &str, at: usize) -> Option<usize> {
    let rest = &text.as_bytes()[at..];
    let inner = text[at + 1..].chars().next()?;
    match inner {
        '\\' => quoted(rest, b'\''),
        _ if rest.get(1 + inner.len_utf8()) == Some(&b'\'') => Some(inner.len_utf8() + 2),
        _ => None,
    }
}

/// `r"..."`, `r#"..."#` and so on; `None` for a raw name such as `r#type`.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let body = 2 + hashes;
    let ends = |window: &[u8]| window[0] == b'"' && window[1..].iter().all(|byte| *byte == b'#');
    let end = rest[body..].windows(1 + hashes).position(ends);
    Some(end.map_or(rest.len(), |end| body + end + 1 + hashes))
}

/// The place behind the bracket that closes the one at `open`.
fn matching(code: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in code.iter().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// The end of the item that begins at `at`: behind its `;` or its `{...}`, whatever attributes stand before.
fn item_end(code: &[u8], mut at: usize) -> usize {
    while at < code.len() {
        match code[at] {
            b';' | b',' => return at + 1,
            b'{' => return matching(code, at).unwrap_or(code.len()),
            b'(' | b'[' => at = matching(code, at).unwrap_or(code.len()),
            b'}' | b')' => return at,
            _ => at += 1,
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_inside_a_comment_or_a_literal_is_not_code() {
        for text in [
            "// flume",
            "/* a /* flume */ flume */",
            "\"flume\"",
            "\"\\\" flume\"",
            "r#\" \" flume\"#",
            "br\"flume\"",
            "b\"flume\"",
            "//! flume\n/// flume",
        ] {
            assert!(lines_with(&code_only(text), "flume").is_empty(), "{text}");
        }
    }

    #[test]
    fn a_name_behind_a_comment_or_a_literal_is_still_code() {
        for text in [
            "/* a */ flume",
            "\"\\\\\" flume",
            "'\"' flume",
            "'\\'' flume",
            "'ü' flume",
            "fn f<'a>(x: &'a str) { flume }",
            "r\"\\\" flume",
            "r#type flume",
            "var\"x\" flume",
        ] {
            assert_eq!(lines_with(&code_only(text), "flume"), [1], "{text}");
        }
    }

    #[test]
    fn lines_keep_their_numbers() {
        let code = code_only("/* one\ntwo */\n\"three\nfour\"\nflume();\n");
        assert_eq!(lines_with(&code, "flume"), [5]);
    }

    #[test]
    fn only_whole_names_count() {
        assert!(lines_with("my_flume flumes", "flume").is_empty());
        assert_eq!(lines_with("a\nuse flume::Sender;", "flume"), [2]);
        assert_eq!(lines_with("std::fs::read()", "fs::"), [1]);
        assert!(lines_with("prefs::read()", "fs::").is_empty());
    }

    #[test]
    fn items_under_cfg_test_are_left_out_and_what_follows_them_is_not() {
        let code = "a();\n#[cfg(test)]\n#[allow(x)]\nmod tests { fn f() { b(); } }\nfn g() { c(); }\n#[cfg(test)]\nuse b;\nd();";
        let left = without_tests(code);
        assert!(lines_with(&left, "b").is_empty(), "{left}");
        assert_eq!(lines_with(&left, "c"), [5]);
        assert_eq!(lines_with(&left, "d"), [8]);
    }

    #[test]
    fn items_under_another_condition_stay() {
        for code in [
            "#[cfg(not(test))] fn f() { b(); }",
            "#[cfg(unix)] fn f() { b(); }",
            "#[cfg(testing)] fn f() { b(); }",
        ] {
            assert_eq!(lines_with(&without_tests(code), "b"), [1], "{code}");
        }
        assert!(
            lines_with(
                &without_tests("#[cfg(all(test, unix))] fn f() { b(); }"),
                "b"
            )
            .is_empty()
        );
        assert!(lines_with(&without_tests("#![cfg(test)]\nfn f() { b(); }"), "b").is_empty());
    }

    #[test]
    fn text_that_breaks_off_does_not_break_the_reader() {
        for text in [
            "\"",
            "'",
            "r#\"",
            "/*",
            "#[cfg(test",
            "#[cfg(test)] mod x {",
            "b'",
            "\"\\",
            "#[cfg(test)]",
        ] {
            let _ = without_tests(&code_only(text));
        }
    }
}
