//! Every MUST of CloudEvents 1.0.2 that concerns a receiver over HTTP has a test here. Those that concern a sender
//! alone (how it encodes, what it leaves out) have none.
//!
//! | where | what a receiver must do | test |
//! |---|---|---|
//! | HTTP 3 | tell the modes apart by the prefix of the content type, in any case | `the_mode_is_told_by_the_content_type` |
//! | HTTP 1.4 | support the JSON format in structured mode | `a_structured_event_goes_out_as_it_came` |
//! | HTTP 3.1.1 | take `datacontenttype` from `Content-Type`, and no `ce-datacontenttype` | `the_content_type_is_that_of_the_data` |
//! | HTTP 3.1.3 | map each `ce-` header to an attribute, extensions too, whatever the case of its name | `every_header_is_an_attribute` |
//! | HTTP 3.1.3.2 | unescape double-quoted values, then percent-decode once; accept lower case and what need not be encoded; reject what is not UTF-8 | `header_values_are_unquoted_and_decoded_once` |
//! | HTTP 3.2.3 | take a structured event from its payload, whatever its headers say | `headers_say_nothing_of_a_structured_event` |
//! | HTTP 3.3 | read a batch in its format | `a_batch_is_read_event_by_event`, `an_empty_batch_is_a_batch` |
//! | JSON 2.2 | read each type from its JSON type, and only from it | `attributes_have_the_types_they_may_have` |
//! | JSON 2.2 | treat `null` as unset | `null_is_unset` |
//! | JSON 3.1.1 | store JSON data as a JSON value, text as a string, the rest as Base64 | `data_is_put_into_json_by_its_type` |
//! | JSON 3.1.1 | have `data` or `data_base64`, never both | `data_and_base64_exclude_each_other` |
//! | JSON 3.1.2 | take `data_base64` as Base64, assuming nothing of its type | `base64_has_to_be_base64` |
//! | JSON 3.1.2 | never read a string of `data` as JSON | `a_string_of_data_stays_a_string` |
//! | core | have `id`, `source`, `specversion` and `type`, none empty | `required_attributes_have_to_be_there` |
//! | core | have each attribute at most once | `an_attribute_is_there_once` |
//! | core, naming | have names of `a`-`z` and `0`-`9`, and not `data` | `names_are_lower_case_letters_and_digits` |
//! | core, types | have strings without control characters, noncharacters and half surrogates | `strings_have_no_forbidden_characters` |
//! | core, optional | have a media type, a URI, a subject that is not empty, an RFC 3339 time | `optional_attributes_are_what_they_are_called` |
//! | core, datacontenttype | treat media types and parameter names in any case alike | `data_is_put_into_json_by_its_type` |

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Came, headers, post};
use millpond_ingress_formats::{Format, Id, Route};
use serde_json::{Value, json};

const STRUCTURED: &[(&str, &str)] = &[("content-type", "application/cloudevents+json")];
const BATCH: &[(&str, &str)] = &[("content-type", "application/cloudevents-batch+json")];

fn structured(body: impl AsRef<[u8]>) -> Came {
    post("/v1/cloudevents", STRUCTURED, body)
}

/// The least that an event is, with `more` in it.
fn with(more: &str) -> String {
    format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t"{more}}}"#)
}

fn binary(more: &[(&str, &str)], body: impl AsRef<[u8]>) -> Came {
    let least = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
    ];
    let known = |name: &str| more.iter().any(|(other, _)| other == &name);
    let mut pairs: Vec<_> = least.into_iter().filter(|(name, _)| !known(name)).collect();
    pairs.extend(more.iter().filter(|(_, value)| *value != "-"));
    post("/v1/cloudevents", &pairs, body)
}

/// Asserts that it is refused for this reason, in these words, and kept.
fn refused(came: &Came, reason: &str, words: &str) {
    assert_eq!(came.rejects(), [(0, reason)], "{came:?}");
    assert!(
        came.detail().contains(words),
        "{} has no {words}",
        came.detail()
    );
    assert_eq!(
        (came.status, came.lines.len(), came.decoded.refused.len()),
        (400, 0, 1)
    );
}

#[test]
fn the_mode_is_told_by_the_content_type() {
    for (value, want) in [
        ("application/cloudevents+json", Format::CloudEventStructured),
        (
            "Application/CloudEvents+JSON; charset=UTF-8",
            Format::CloudEventStructured,
        ),
        ("application/cloudevents", Format::CloudEventStructured),
        (
            "application/cloudevents-batch+json",
            Format::CloudEventBatch,
        ),
        (
            "APPLICATION/CLOUDEVENTS-BATCH+JSON",
            Format::CloudEventBatch,
        ),
        ("application/json", Format::CloudEventBinary),
        ("text/plain", Format::CloudEventBinary),
    ] {
        let format = Route::CloudEvents.format(&headers(&[("content-type", value)]));
        assert_eq!(format, Ok(want), "{value}");
    }
    assert_eq!(
        Route::CloudEvents.format(&headers(&[])),
        Ok(Format::CloudEventBinary)
    );
    for value in [
        "application/cloudevents+avro",
        "application/cloudevents-batch+xml",
        "application/cloudevents+json; charset=utf-16",
    ] {
        let error = Route::CloudEvents.format(&headers(&[("content-type", value)]));
        assert!(
            error.unwrap_err().to_string().contains("cloudevents+json"),
            "{value}"
        );
    }
}

#[test]
fn a_structured_event_goes_out_as_it_came() {
    let event = with(r#","x":5,"data":{"n":1.0,"m":10000000000000000000001,"e":1e2}"#);
    let came = structured(&event);
    assert_eq!(came.lines, [&*event]);
    assert_eq!(came.decoded.ids, [Some(Id::of(&["cloudevent", "/s", "1"]))]);
    assert_eq!((came.status, &came.answer["accepted"]), (200, &json!(1)));
    let pretty = event.replace(',', ",\r\n  ");
    assert_eq!(structured(&pretty).event(), structured(&event).event());
    // Not JSON, or not one event.
    refused(&structured("{"), "cut_short", "ends before");
    refused(&structured("[]"), "not_an_object", "an object");
    refused(
        &structured(format!("{event}{event}")),
        "trailing_bytes",
        "more bytes",
    );
    assert_eq!(structured(" \n").decoded.events, 0);
}

#[test]
fn the_content_type_is_that_of_the_data() {
    let came = binary(&[("content-type", "application/json; charset=utf-8")], "{}");
    assert_eq!(
        came.event()["datacontenttype"],
        "application/json; charset=utf-8"
    );
    let came = binary(&[], "x");
    assert!(came.event().get("datacontenttype").is_none());
    let came = binary(&[("ce-datacontenttype", "text/plain")], "x");
    refused(&came, "bad_attribute", "expected content-type to say it");
}

#[test]
fn every_header_is_an_attribute() {
    let came = binary(
        &[
            ("CE-Time", "2018-04-05T03:56:24Z"),
            ("ce-subject", "sub"),
            ("ce-dataschema", "https://h/s"),
            ("ce-myextension7", "5"),
            ("content-type", "application/json"),
            ("x-ce-other", "no attribute"),
        ],
        " {\n \"a\" : 1.0 } ",
    );
    assert_eq!(
        came.lines,
        [concat!(
            r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"application/json","#,
            r#""dataschema":"https://h/s","myextension7":"5","subject":"sub","time":"2018-04-05T03:56:24Z","#,
            r#""data":{  "a" : 1.0 }}"#
        )]
    );
    assert_eq!(came.decoded.ids, structured(with("")).decoded.ids);
}

#[test]
fn header_values_are_unquoted_and_decoded_once() {
    for (value, want) in [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \u{20ac} \u{1f600}"),
        ("%e2%82%ac", "\u{20ac}"),
        ("%41%2D", "A-"),
        ("%2541", "%41"),
        ("a b", "a b"),
        ("\"a \\\"b\\\\ %20\"", "a \"b\\  "),
        ("\"%22\"", "\""),
        ("%22a%22", "\"a\""),
        ("100%", "100%"),
        ("%4", "%4"),
        ("a\"b\"", "a\"b\""),
    ] {
        let came = binary(&[("ce-subject", value)], "");
        assert_eq!(came.event()["subject"], want, "{value}");
    }
    for (value, words) in [
        ("%C0%A0", "percent-encoded UTF-8"),
        ("%ff", "percent-encoded UTF-8"),
        ("\"a", "a quote that ends"),
        ("\"a\" b", "a quote that ends"),
        ("\"a\\", "a quote that ends"),
        ("\u{e4}", "printable ASCII"),
        ("%0a", "no control characters"),
    ] {
        refused(
            &binary(&[("ce-subject", value)], ""),
            "bad_attribute",
            words,
        );
    }
}

#[test]
fn headers_say_nothing_of_a_structured_event() {
    let pairs = [
        STRUCTURED[0],
        ("ce-id", "other"),
        ("ce-source", "%ff"),
        ("ce-x", "y"),
    ];
    let came = post("/v1/cloudevents", &pairs, with(""));
    assert_eq!(came.lines, [with("")]);
}

#[test]
fn a_batch_is_read_event_by_event() {
    let other = with("").replace("\"1\"", "\"2\"");
    let body = format!(
        "[\n {},\n{{\"id\":\"x\"}}, 7,{}\n]\n",
        with(",\n\"x\":1"),
        other
    );
    let came = post("/v1/cloudevents", BATCH, body);
    assert_eq!(came.lines, [with(", \"x\":1"), other]);
    assert_eq!(
        came.rejects(),
        [(1, "missing_attribute"), (2, "not_an_object")]
    );
    assert_eq!(came.decoded.refused[0].original, b"{\"id\":\"x\"}");
    let id = |id| Some(Id::of(&["cloudevent", "/s", id]));
    assert_eq!(came.decoded.ids, [id("1"), id("2")]);
    assert_eq!((came.status, &came.answer["rejected"]), (200, &json!(2)));
    let came = post("/v1/cloudevents", BATCH, with(""));
    refused(&came, "bad_syntax", "an array of events");
}

#[test]
fn an_empty_batch_is_a_batch() {
    let came = post("/v1/cloudevents", BATCH, " []\n");
    assert!(came.decoded.may_be_empty);
    assert_eq!((came.status, came.decoded.events), (200, 0));
}

#[test]
fn attributes_have_the_types_they_may_have() {
    for value in ["\"s\"", "true", "0", "-2147483648", "2147483647", "null"] {
        let event = with(&format!(r#","ext":{value}"#));
        assert_eq!(structured(&event).lines, [&*event], "{value}");
    }
    for value in ["1.5", "1e2", "2147483648", "-2147483649", "{}", "[1]"] {
        let came = structured(with(&format!(r#","ext":{value}"#)));
        refused(&came, "bad_attribute", "whole number of 32 bits");
    }
    for name in ["subject", "time", "dataschema", "datacontenttype"] {
        let came = structured(with(&format!(r#","{name}":1"#)));
        refused(&came, "bad_attribute", "expected a string");
    }
}

#[test]
fn null_is_unset() {
    let event = with(r#","subject":null,"time":null,"ext":null"#);
    assert_eq!(structured(&event).lines, [&*event]);
    let came = structured(with("").replace("\"/s\"", "null"));
    refused(&came, "missing_attribute", "no `source`");
    // `data` may be null as any other JSON; Base64 that is null is none.
    let came = structured(with(r#","data":null,"data_base64":null"#));
    assert_eq!(came.status, 200);
}

#[test]
fn data_is_put_into_json_by_its_type() {
    let data = |kind: &str, body: &[u8]| {
        let mut event = binary(&[("content-type", kind)], body).event();
        (event["data"].take(), event["data_base64"].take())
    };
    for kind in [
        "application/json",
        "text/JSON",
        "Application/Problem+Json; CharSet=utf-8",
    ] {
        assert_eq!(
            data(kind, b"[1, {\"a\":null}]").0,
            json!([1, {"a": null}]),
            "{kind}"
        );
        // A string in JSON stays what it is.
        assert_eq!(data(kind, b"\"{}\"").0, "{}");
    }
    for kind in [
        "text/plain",
        "TEXT/Plain; CharSet=UTF-8",
        "application/xml",
        "image/svg+xml",
    ] {
        assert_eq!(
            data(kind, "<\u{e4} \"\n>".as_bytes()).0,
            "<\u{e4} \"\n>",
            "{kind}"
        );
    }
    for (kind, body, want) in [
        ("application/octet-stream", &b"{}"[..], "e30="),
        ("image/png", b"\x89\x00\xff", "iQD/"),
        ("text/plain; charset=latin1", b"\xe4", "5A=="),
        ("text/plain", b"\xff", "/w=="),
        ("application/json; charset=utf-16", b"\0{\0}", "AHsAfQ=="),
    ] {
        assert_eq!(data(kind, body), (Value::Null, json!(want)), "{kind}");
    }
    // Nothing is assumed of data without a type, and nothing is made of no data.
    let event = binary(&[], "{}").event();
    assert_eq!(
        (&event["data"], &event["data_base64"]),
        (&Value::Null, &json!("e30="))
    );
    let event = binary(&[("content-type", "application/json")], "").event();
    assert_eq!((event.get("data"), event.get("data_base64")), (None, None));
    let came = binary(&[("content-type", "application/json")], "{]");
    refused(&came, "bad_data", "said to be JSON");
    // What is kept of it says all that was sent.
    let kept = String::from_utf8_lossy(&came.decoded.refused[0].original).into_owned();
    assert!(
        kept.contains("ce-source: /s\n") && kept.ends_with("\n\n{]"),
        "{kept}"
    );
}

#[test]
fn data_and_base64_exclude_each_other() {
    let came = structured(with(r#","data":1,"data_base64":"QQ==""#));
    refused(&came, "bad_data", "expected one of them");
}

#[test]
fn base64_has_to_be_base64() {
    for value in ["\"QQ==\"", "\"\"", "null"] {
        let event = with(&format!(r#","data_base64":{value}"#));
        assert_eq!(structured(&event).lines, [&*event]);
    }
    for value in [
        "\"Q\"",
        "\"QQ\"",
        "\"Q_==\"",
        "\"QR==\"",
        "\"QQ== \"",
        "7",
        "{}",
    ] {
        let came = structured(with(&format!(r#","data_base64":{value}"#)));
        refused(&came, "bad_data", "Base64");
    }
}

#[test]
fn a_string_of_data_stays_a_string() {
    let event = with(r#","datacontenttype":"application/json","data":"{\"a\":1}""#);
    assert_eq!(structured(&event).lines, [&*event]);
}

#[test]
fn required_attributes_have_to_be_there() {
    for name in ["specversion", "id", "source", "type"] {
        let mut event: Value = serde_json::from_str(&with("")).unwrap();
        event[name] = json!("");
        refused(&structured(event.to_string()), "bad_attribute", name);
        event.as_object_mut().unwrap().remove(name);
        refused(&structured(event.to_string()), "missing_attribute", name);
        let header = format!("ce-{name}");
        refused(&binary(&[(&header, "-")], ""), "missing_attribute", &header);
        refused(&binary(&[(&header, "")], ""), "bad_attribute", name);
    }
    for version in ["0.3", "1.1", "2.0", "1"] {
        let came = structured(with("").replace("1.0", version));
        refused(&came, "bad_attribute", "expected 1.0");
    }
    let came = post(
        "/v1/cloudevents",
        &[("content-type", "application/json")],
        with(""),
    );
    refused(
        &came,
        "missing_attribute",
        "content-type application/cloudevents+json",
    );
}

#[test]
fn an_attribute_is_there_once() {
    refused(
        &structured(with(r#","id":"2""#)),
        "bad_attribute",
        "`id` is there twice",
    );
    refused(
        &structured(with(r#","e":1,"\u0065":1"#)),
        "bad_attribute",
        "`e` is there twice",
    );
    let came = binary(&[("ce-subject", "a"), ("ce-subject", "b")], "");
    refused(&came, "bad_attribute", "`ce-subject` is there twice");
}

#[test]
fn names_are_lower_case_letters_and_digits() {
    for name in [
        "Subject",
        "my-ext",
        "my_ext",
        "\u{e4}",
        "",
        "data_base65",
        "a b",
    ] {
        let came = structured(with(&format!(r#","{name}":"x""#)));
        refused(&came, "bad_attribute", "lower-case letters and digits");
    }
    for name in ["ce-my-ext", "ce-data", "ce-my_ext", "ce-data_base64"] {
        let came = binary(&[(name, "x")], "");
        refused(&came, "bad_attribute", "lower-case letters and digits");
    }
    let long = with(r#","anextensionwithaverylongname1234567890":"x""#);
    assert_eq!(structured(&long).lines, [&*long]);
}

#[test]
fn strings_have_no_forbidden_characters() {
    for text in [
        "\\u0000",
        "\\n",
        "\\u007f",
        "\u{85}",
        "\u{fdd0}",
        "\u{fffe}",
        "\u{1ffff}",
    ] {
        let came = structured(with(&format!(r#","ext":"{text}""#)));
        refused(
            &came,
            "bad_attribute",
            "no control characters and no noncharacters",
        );
    }
    let came = structured(with(r#","ext":"\udead""#));
    refused(&came, "lone_surrogate", "half a surrogate pair");
    let pair = with(r#","ext":"\ud83d\ude00""#);
    assert_eq!(structured(&pair).lines, [&*pair]);
}

#[test]
fn optional_attributes_are_what_they_are_called() {
    for (name, good, bad) in [
        ("datacontenttype", "text/plain; charset=utf-8", "plain"),
        ("datacontenttype", "a/b", ""),
        ("dataschema", "https://h/s#f", "/relative"),
        ("dataschema", "urn:x", ""),
        ("subject", "x", ""),
        ("time", "2018-04-05T17:31:00.5+02:00", "2018-04-05"),
        ("time", "2018-04-05T17:31:00Z", ""),
        ("source", "https://h/a?b#c", "a b"),
    ] {
        let event = |value: &str| {
            let mut event: Value = serde_json::from_str(&with("")).unwrap();
            event[name] = json!(value);
            event.to_string()
        };
        assert_eq!(structured(event(good)).status, 200, "{name} {good}");
        refused(&structured(event(bad)), "bad_attribute", name);
        if name != "datacontenttype" {
            let header = format!("ce-{name}");
            assert_eq!(binary(&[(&header, good)], "").status, 200, "{name} {good}");
            refused(&binary(&[(&header, bad)], ""), "bad_attribute", name);
        }
    }
}
