use super::*;

fn fault(text: &str) -> Option<(Kind, usize)> {
    event(text.as_bytes(), text.len(), &mut Index::default())
        .err()
        .map(|fault| (fault.kind, fault.at as usize))
}

#[test]
fn a_bad_line_is_rejected_with_its_kind_and_offset() {
    let cases: &[(&str, Kind, usize)] = &[
        ("", Kind::CutShort, 0),
        ("  ", Kind::CutShort, 2),
        ("{", Kind::CutShort, 1),
        ("{\"", Kind::CutShort, 2),
        ("{\"a\"", Kind::CutShort, 4),
        ("{\"a\":", Kind::CutShort, 5),
        ("{\"a\":1", Kind::CutShort, 6),
        ("{\"a\":1,", Kind::CutShort, 7),
        ("{\"a\":tr", Kind::CutShort, 7),
        ("{\"a\":-", Kind::CutShort, 6),
        ("{\"a\":1.", Kind::CutShort, 7),
        ("{\"a\":1e", Kind::CutShort, 7),
        ("{\"a\":\"\\", Kind::CutShort, 7),
        ("{\"a\":\"\\u00", Kind::CutShort, 10),
        ("{\"a\":\"\\ud800\\", Kind::CutShort, 13),
        ("{\"a\":[1", Kind::CutShort, 7),
        ("{\"a\":{\"b\":[{", Kind::CutShort, 12),
        ("\u{feff}{}", Kind::ExpectedObject, 0),
        ("\0{}", Kind::ExpectedObject, 0),
        ("}", Kind::ExpectedObject, 0),
        ("not json", Kind::ExpectedObject, 0),
        ("[1]", Kind::NotAnObject, 0),
        (" 1", Kind::NotAnObject, 1),
        ("[1", Kind::CutShort, 2),
        ("nul", Kind::CutShort, 3),
        ("1}", Kind::TrailingBytes, 1),
        ("{}}", Kind::TrailingBytes, 2),
        ("{} {}", Kind::TrailingBytes, 3),
        ("{}\0", Kind::TrailingBytes, 2),
        ("{a:1}", Kind::ExpectedName, 1),
        ("{'a':1}", Kind::ExpectedName, 1),
        ("{,}", Kind::ExpectedName, 1),
        ("{\"a\":1,}", Kind::ExpectedName, 7),
        ("{\"a\"=1}", Kind::ExpectedColon, 4),
        ("{\"a\" 1}", Kind::ExpectedColon, 5),
        ("{\"a\":}", Kind::ExpectedValue, 5),
        ("{\"a\":+1}", Kind::ExpectedValue, 5),
        ("{\"a\":.5}", Kind::ExpectedValue, 5),
        ("{\"a\":True}", Kind::ExpectedValue, 5),
        ("{\"a\":nul}", Kind::ExpectedValue, 5),
        ("{\"a\":NaN}", Kind::ExpectedValue, 5),
        ("{\"a\":01}", Kind::ExpectedCommaOrBrace, 6),
        ("{\"a\":1 2}", Kind::ExpectedCommaOrBrace, 7),
        ("{\"a\":1]", Kind::ExpectedCommaOrBrace, 6),
        ("{\"a\":truely}", Kind::ExpectedCommaOrBrace, 9),
        ("{\"a\":{\"b\":1]}", Kind::ExpectedCommaOrBrace, 11),
        ("{\"a\":[{\"b\":1]}", Kind::ExpectedCommaOrBrace, 12),
        ("{\"a\":[1}", Kind::ExpectedCommaOrBracket, 7),
        ("{\"a\":[1 2]}", Kind::ExpectedCommaOrBracket, 8),
        ("{\"a\":[1,]}", Kind::ExpectedValue, 8),
        ("{\"a\":[,]}", Kind::ExpectedValue, 6),
        ("{\"a\":[{1}]}", Kind::ExpectedName, 7),
        ("{\"a\":-x}", Kind::BadNumber, 6),
        ("{\"a\":1.x}", Kind::BadNumber, 7),
        ("{\"a\":1e+}", Kind::BadNumber, 8),
        ("{\"a\":\"\\x\"}", Kind::BadEscape, 6),
        ("{\"a\":\"\\u00g0\"}", Kind::BadEscape, 6),
        ("{\"a\":\"\\u+123\"}", Kind::BadEscape, 6),
        ("{\"\\U0061\":1}", Kind::BadEscape, 2),
        ("{\"a\":\"x\ty\"}", Kind::ControlCharacter, 7),
        ("{\"a\":\"\0\"}", Kind::ControlCharacter, 6),
        ("{\"a\n\":1}", Kind::ControlCharacter, 3),
        ("{\"a\":\"\\n\u{1f}\"}", Kind::ControlCharacter, 8),
        ("{\"a\":\"\\ud800\"}", Kind::LoneSurrogate, 6),
        ("{\"a\":\"\\udc00\"}", Kind::LoneSurrogate, 6),
        ("{\"a\":\"\\ud800\\n\"}", Kind::LoneSurrogate, 6),
        ("{\"a\":\"\\ud800\\ud800\"}", Kind::LoneSurrogate, 6),
        ("{\"a\":\"\\udc00\\ud800\"}", Kind::LoneSurrogate, 6),
    ];
    for (text, kind, offset) in cases {
        assert_eq!(fault(text), Some((*kind, *offset)), "{text:?}");
    }
}

#[test]
fn a_good_line_is_accepted_however_odd() {
    for text in [
        "{}",
        " \t\r\n{ } \n",
        "{\"\":null}",
        "{\"a\":-0,\"b\":1e999,\"c\":1.0E-0,\"d\":18446744073709551616,\"e\":0.10}",
        "{\"a\":\"\u{7f}\u{80}\u{2028}\"}",
        "{\"a\":\"\\ud83d\\ude00 \\u0000 \\/\"}",
        "{\"a\":[],\"b\":[{},[[]],{\"c\":[1,{\"d\":2}]}],\"a\":{\"a\":{\"a\":{}}}}",
        "{ \"a\" : { \"b\" : [ 1 , 2 ] , \"c\" : true } , \"d\" : false }",
    ] {
        assert_eq!(fault(text), None, "{text:?}");
    }
}

#[test]
fn depth_64_is_read_and_depth_65_is_refused() {
    let nest = |open: &str, close: &str, depth: usize| {
        format!(
            "{{\"a\":{}1{}}}",
            open.repeat(depth - 1),
            close.repeat(depth - 1)
        )
    };
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        assert_eq!(fault(&nest(open, close, 64)), None);
        let offset = 5 + 63 * open.len();
        assert_eq!(fault(&nest(open, close, 65)), Some((Kind::TooDeep, offset)));
        assert_eq!(
            fault(&nest(open, close, 100_000)),
            Some((Kind::TooDeep, offset))
        );
    }
    let mixed = format!("{{\"a\":{}{}}}", "[{\"a\":".repeat(40), "}]".repeat(40));
    assert_eq!(fault(&mixed).map(|f| f.0), Some(Kind::TooDeep));
    assert_eq!(
        value("[".repeat(64).as_bytes()).unwrap_err().kind,
        Kind::CutShort
    );
    assert_eq!(
        value("[".repeat(65).as_bytes()).unwrap_err().kind,
        Kind::TooDeep
    );
}

#[test]
fn depth_is_counted_outside_strings() {
    for (text, depth) in [
        ("1", 0),
        ("\"[[\"", 0),
        ("[]", 1),
        ("{\"[\":[{}],\"b\":[]}", 3),
    ] {
        assert_eq!(depth_of(text.as_bytes()), depth, "{text}");
    }
}
