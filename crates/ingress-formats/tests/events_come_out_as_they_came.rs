//! However JSON is put into a body, its events come out with every value as it was spelled, one a line; and what is no
//! event is named by its place and kept.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{CONTEXT, Came, headers, post, post_in};
use millpond_ingress_formats::{Check, Context, Route};
use proptest::prelude::*;
use serde_json::json;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const LINES: &[(&str, &str)] = &[("content-type", "application/x-ndjson; charset=utf-8")];

fn events(pairs: &[(&str, &str)], body: &str) -> Came {
    post("/v1/events", pairs, body)
}

#[test]
fn one_object_an_array_and_lines_are_told_apart_by_themselves() {
    let one: &[&str] = &[r#"{"b":1.0,"a":1e3}"#];
    let two: &[&str] = &[r#"{"n":10000000000000000000001}"#, r#"{"s":"[{,\"\\"}"#];
    let (first, second) = (two[0], two[1]);
    let cases = [
        (one[0].to_owned(), one),
        (format!("  {}\r\n", one[0]), one),
        (format!("\u{feff}{}", one[0]), one),
        (format!("[{}]", one[0]), one),
        (format!("{first}\n{second}"), two),
        (format!("{first}\r\n\r\n{second}\r\n"), two),
        (format!("[{first},{second}]"), two),
        (format!(" [ {first} ,\r\n\t{second}\n]\n"), two),
        (format!("\u{feff}[{first},{second}]"), two),
        (format!("{first}{second}"), two),
        (format!("{first} {second}\n"), two),
    ];
    for pairs in [&[], JSON, &[("content-type", "text/plain")]] {
        for (body, want) in &cases {
            let came = events(pairs, body);
            let lines: Vec<_> = came.lines.iter().map(|line| line.trim()).collect();
            assert_eq!(lines, *want, "{body:?} {pairs:?}");
            assert_eq!(came.decoded.rejects.count(), 0, "{body:?}");
            assert_eq!(came.answer["accepted"], want.len(), "{body:?}");
            assert_eq!(came.status, 200);
        }
    }
}

#[test]
fn what_is_laid_out_over_lines_comes_out_on_one_with_its_values() {
    let event = json!({"a": {"b": [1, "x\ny", {}]}, "c": "\r\n"});
    let pretty = serde_json::to_string_pretty(&event).unwrap();
    let crlf = pretty.replace('\n', "\r\n");
    for body in [
        pretty.clone(),
        crlf.clone(),
        format!("[{pretty},\n{crlf}]"),
        format!("{pretty}\n{pretty}\n"),
        serde_json::to_string_pretty(&[&event, &event]).unwrap(),
    ] {
        let came = events(JSON, &body);
        assert!(!came.lines.is_empty());
        for line in &came.lines {
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(line).unwrap(),
                event,
                "{body}"
            );
            assert!(!line.contains(['\n', '\r']));
        }
        assert_eq!(came.decoded.events, came.lines.len() as u64);
        assert_eq!(came.decoded.rejects.count(), 0, "{body}");
    }
}

#[test]
fn a_bad_line_is_named_by_its_place_and_stays_for_whoever_keeps_it() {
    let body = "{\"a\":1}\n\nnot json\n[1]\n{\"b\":2}\n{\"c\":\n";
    for pairs in [LINES, &[]] {
        let came = events(pairs, body);
        assert_eq!(
            came.rejects(),
            [(1, "bad_syntax"), (2, "not_an_object"), (4, "cut_short")]
        );
        assert_eq!(came.lines.len(), 5);
        assert!(came.decoded.refused.is_empty());
        assert_eq!(came.status, 200);
        assert_eq!(came.answer["accepted"], 2);
        assert_eq!(came.answer["rejects"][0]["index"], 1);
        assert_eq!(came.answer["rejects"][0]["reason"], "bad_syntax");
    }
}

#[test]
fn a_first_line_that_is_broken_does_not_make_one_event_of_all_lines() {
    let came = events(&[], "{\"a\":1\n{\"b\":2}\n{\"c\":3}\n");
    assert_eq!(came.rejects(), [(0, "cut_short")]);
    assert_eq!(came.lines.len(), 3);
    // Even where the brackets come out even.
    let came = events(&[], "{\"a\":\n{\"b\":2}}x\n{\"c\":3}\n");
    assert_eq!(came.lines.len(), 3);
}

#[test]
fn an_object_that_is_declared_and_broken_is_one_reject_with_all_its_lines() {
    let body = "{\n  \"a\": 1,\n}\n";
    let came = events(JSON, body);
    assert_eq!(came.status, 400);
    assert_eq!(came.rejects(), [(0, "bad_syntax")]);
    assert!(came.lines.is_empty());
    assert_eq!(came.decoded.refused[0].original, b"{\n  \"a\": 1,\n}");
    assert_eq!(
        (&came.answer["accepted"], &came.answer["status"]),
        (&json!(0), &json!(400))
    );
}

#[test]
fn what_is_broken_in_an_array_takes_only_what_cannot_be_told_apart_with_it() {
    let came = events(JSON, r#"[{"a":1},2,{"b":},{"c":3}]"#);
    // Broken inside is found by whoever runs it; what is no object shows at once.
    assert_eq!(came.rejects(), [(1, "not_an_object")]);
    assert_eq!(came.lines, [r#"{"a":1}"#, "2", r#"{"b":}"#, r#"{"c":3}"#]);

    let strict = Context {
        check: Check::Strict,
        ..CONTEXT
    };
    let came = post_in(&strict, "/v1/events", JSON, r#"[{"a":1},2,{"b":},{"c":3}]"#);
    assert_eq!(came.rejects(), [(1, "not_an_object"), (2, "bad_syntax")]);
    assert_eq!(came.lines.len(), 4);

    let came = events(JSON, r#"[{"a":1},{"b":2"#);
    assert_eq!(came.rejects(), [(1, "cut_short")]);
    assert_eq!(came.lines, [r#"{"a":1}"#]);
    assert_eq!(came.decoded.refused[0].original, br#",{"b":2"#);

    let came = events(JSON, "[{\"a\":1} {\"b\":2}]");
    assert_eq!(came.rejects(), [(1, "bad_syntax")]);
    assert_eq!(came.lines, [r#"{"a":1}"#]);

    let came = events(JSON, "[{\"a\":1}]\n{\"b\":2}\n");
    assert_eq!(came.rejects(), [(1, "trailing_bytes")]);
    assert_eq!(came.lines, [r#"{"a":1}"#]);

    // A line break in a string is no whitespace: nothing valid may be made of it.
    let came = events(JSON, "[{\"a\":\"x\ny\"},{\"b\":2}]");
    assert_eq!(came.rejects(), [(0, "control_character")]);
    assert_eq!(came.lines, [r#"{"b":2}"#]);
    assert_eq!(came.decoded.refused[0].original, b"{\"a\":\"x\ny\"}");
}

#[test]
fn a_body_without_events_is_fine_only_where_it_says_so() {
    for (body, fine) in [
        ("[]", true),
        (" [ ] \n", true),
        ("", false),
        ("\n\r\n ", false),
    ] {
        let came = events(JSON, body);
        assert_eq!(
            (came.decoded.events, came.decoded.may_be_empty),
            (0, fine),
            "{body:?}"
        );
        assert!(came.lines.is_empty());
    }
}

#[test]
fn events_that_are_too_long_are_counted_where_a_line_would_be() {
    let small = Context {
        max_event: 20,
        ..CONTEXT
    };
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(20));
    for (pairs, body) in [
        (LINES, format!("{{}}\n{long}\n{{}}\n")),
        (JSON, format!("[{{}},{long},{{}}]")),
        (LINES, format!("{{}}\n{}\n{{}}\n", " ".repeat(21))),
    ] {
        let came = post_in(&small, "/v1/events", pairs, &body);
        assert_eq!(came.rejects(), [(1, "line_too_long")], "{body}");
        assert_eq!(came.decoded.events, 3);
    }
    // But blanks between the elements of an array are no line.
    let came = post_in(
        &small,
        "/v1/events",
        JSON,
        format!("[{{}},{}{{}}]", " ".repeat(50)),
    );
    assert_eq!(came.decoded.rejects.count(), 0);
}

#[test]
fn what_is_no_json_is_refused_with_words_that_help() {
    for (value, expected) in [
        ("text/csv", "application/x-ndjson"),
        ("application/msgpack", "format json_lines"),
        (
            "application/x-www-form-urlencoded",
            "-H 'content-type: application/json'",
        ),
        ("application/json; charset=utf-16", "in UTF-8"),
        ("application/cloudevents+json", "application/json"),
        ("json", "application/json"),
    ] {
        let error = Route::Events.format(&headers(&[("content-type", value)]));
        let told = error.unwrap_err().to_string();
        assert!(told.contains(value) && told.contains(expected), "{told}");
    }
    let twice = headers(&[
        ("content-type", "application/json"),
        ("content-type", "text/plain"),
    ]);
    assert!(Route::Events.format(&twice).is_err());
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let text = "[a-z\\[\\]{},:\"\\\\\n\r é]{0,10}";
    prop_oneof![
        any::<i64>().prop_map(|n| json!(n)),
        text.prop_map(|s| json!(s)),
        Just(json!(null))
    ]
    .prop_recursive(3, 20, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|it| json!(it)),
            proptest::collection::btree_map(text, inner, 0..4).prop_map(|it| json!(it)),
        ]
    })
}

proptest! {
    #[test]
    fn any_events_come_out_of_any_form(
        values in proptest::collection::vec(proptest::collection::btree_map("[a-z\"]{0,3}", value(), 1..4), 1..6),
        pretty: bool, form in 0..4usize, strict: bool,
    ) {
        let spell = |value: &serde_json::Value| if pretty {
            serde_json::to_string_pretty(value).unwrap()
        } else {
            value.to_string()
        };
        let values: Vec<_> = values.into_iter().map(|it| json!(it)).collect();
        let each: Vec<_> = values.iter().map(spell).collect();
        let body = match form {
            0 => spell(&json!(values)),
            1 => format!("[{}]", each.join(",")),
            2 => each.join("\n"),
            _ => each.concat(),
        };
        let check = if strict { Check::Strict } else { Check::Shape };
        let came = post_in(&Context { check, ..CONTEXT }, "/v1/events", &[], &body);
        let lines: Vec<serde_json::Value> =
            came.lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(lines, values, "{}", body);
        prop_assert_eq!(came.decoded.rejects.count(), 0);
    }
}
