//! The tracking API of Segment: calls come out as they came, with what the server knows; a bad one is set aside and its
//! batch goes on; nothing of a client's secret comes out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Came, post};
use millpond_ingress_formats::{Id, Route};
use serde_json::{Value, json};

const NOW: &str = "2026-02-03T04:05:06.789Z";

fn batch(body: &Value) -> Came {
    post(
        "/v1/batch",
        &[("content-type", "application/json")],
        body.to_string(),
    )
}

fn tree(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn every_call_comes_out_as_it_came_with_the_time_it_was_received() {
    let calls = [
        ("track", r#""event":"Bought","userId":"u""#),
        ("identify", r#""anonymousId":"a","traits":{"n":1.0}"#),
        ("page", r#""userId":7"#),
        ("screen", r#""userId":"u","name":"x""#),
        ("group", r#""userId":"u","groupId":"g""#),
        ("alias", r#""userId":"u","previousId":"p""#),
    ];
    for (call, members) in calls {
        let one = format!(r#"{{ "type":"{call}",{members},"messageId":"m" }}"#);
        let want = format!(r#"{{"type":"{call}",{members},"messageId":"m","receivedAt":"{NOW}"}}"#);
        let in_batch = post("/v1/batch", &[], format!(r#"{{"batch":[{one},{one}]}}"#));
        assert_eq!(in_batch.lines, [&*want, &*want]);
        assert_eq!(in_batch.decoded.ids, [Some(Id::of(&["segment", "m"])); 2]);
        let path = format!("/v1/{call}");
        let alone = post(&path, &[("content-type", "text/plain")], &one);
        assert_eq!((alone.lines, alone.status), (vec![want], 200));
        assert_eq!(alone.answer, json!({"success": true}));
        // The path says what it is where the call does not.
        let untyped = post(&path, &[], format!(r#"{{{members}}}"#));
        assert_eq!(untyped.event()["type"], call);
        assert_eq!(untyped.decoded.ids, [None]);
    }
}

#[test]
fn sdks_find_the_paths_they_call() {
    let short = [
        ("t", "track"),
        ("i", "identify"),
        ("p", "page"),
        ("s", "screen"),
        ("g", "group"),
        ("a", "alias"),
    ];
    for (short, long) in short {
        let find = |name: &str| Route::find(&format!("/v1/{name}")).unwrap();
        assert_eq!(find(short), find(long));
    }
    for path in ["/v1/import", "/v1/b"] {
        assert_eq!(Route::find(path), Some(Route::SegmentBatch));
    }
}

#[test]
fn a_bad_call_is_set_aside_and_the_batch_is_a_success() {
    let good = r#"{"type":"track","event":"e","userId":"u"}"#;
    let too_large = format!(
        r#"{{"type":"track","event":"{}","userId":"u"}}"#,
        "x".repeat(32 << 10)
    );
    let bad = [
        (
            r#"{"type":"track","event":"e"}"#,
            "bad_call",
            "neither `userId` nor `anonymousId`",
        ),
        (r#"{"type":"track","userId":"u"}"#, "bad_call", "no `event`"),
        (
            r#"{"type":"group","userId":"u"}"#,
            "bad_call",
            "no `groupId`",
        ),
        (
            r#"{"type":"alias","userId":"u"}"#,
            "bad_call",
            "no `previousId`",
        ),
        (
            r#"{"type":"buy","userId":"u"}"#,
            "bad_call",
            "type \"buy\", expected track",
        ),
        (r#"{"type":7,"userId":"u"}"#, "bad_call", "type 7"),
        (r#"{"userId":""}"#, "bad_call", "no `type`"),
        (r#"{"type":"page","userId":""}"#, "bad_call", "neither"),
        (r#"{"type":"page","userId":{}}"#, "bad_call", "neither"),
        (
            r#"{"type":"page","userId":"u",}"#,
            "bad_syntax",
            "expected a name",
        ),
        ("7", "not_an_object", "a number"),
        ("[]", "not_an_object", "an array"),
        (&*too_large, "event_too_large", "expected at most 32768"),
    ];
    for (call, reason, detail) in bad {
        let came = post(
            "/v1/batch",
            &[],
            format!(r#"{{"batch":[{good},{call},{good}]}}"#),
        );
        assert_eq!(came.status, 200, "{call}");
        assert_eq!(came.answer, json!({"success": true}));
        assert_eq!(came.lines.len(), 2);
        assert_eq!(came.rejects(), [(1, reason)], "{call}");
        assert!(came.detail().contains(detail), "{call}: {}", came.detail());
        assert_eq!(came.decoded.refused[0].original, call.as_bytes());
    }
    // A path that says something else than the call.
    let came = post("/v1/page", &[], good);
    assert_eq!((came.status, came.rejects()), (200, vec![(0, "bad_call")]));
}

#[test]
fn a_body_that_is_none_is_a_bad_request_and_kept_whole() {
    let long = format!(
        r#"{{"context":{{"x":"{}"}},"batch":[]}}"#,
        "x".repeat(32 << 10)
    );
    for body in [
        "nonsense",
        "[]",
        "{}",
        r#"{"batch":7}"#,
        r#"{"batch":[{]}"#,
        r#"{"batch":[{},]}"#,
        r#"{"batch":[]} x"#,
        r#"{"batch":[],"context":{"a":}}"#,
        r#"{"batch":[]"#,
        &*long,
    ] {
        let came = post("/v1/batch", &[], body);
        assert_eq!(came.status, 400, "{body}");
        assert_eq!(came.rejects(), [(0, "unreadable_body")]);
        assert_eq!(came.decoded.refused[0].original, body.as_bytes());
        // Where SDKs look for what to log.
        assert_eq!(came.answer["code"], "unreadable_body");
        assert!(came.answer["message"].is_string());
    }
    assert_eq!(post("/v1/track", &[], "{\"a\":").status, 400);
    let empty = post("/v1/batch", &[], r#"{"batch":[]}"#);
    assert_eq!((empty.status, empty.decoded.may_be_empty), (200, true));
}

#[test]
fn what_a_batch_says_for_all_is_said_for_each_that_does_not() {
    let came = batch(&json!({
        "sentAt": "2026-01-01T00:00:00.000Z",
        "context": {"library": {"name": "l"}, "ip": "1.1.1.1"},
        "integrations": {"All": false},
        "batch": [
            {"type": "page", "userId": "u"},
            {"type": "page", "userId": "u", "context": {"ip": "2.2.2.2", "x.y": 1}, "sentAt": "own"},
            {"type": "page", "userId": "u", "context": {}, "integrations": null},
        ],
    }));
    let [first, second, third] = [0, 1, 2].map(|i| tree(&came.lines[i]));
    assert_eq!(
        first["context"],
        json!({"library": {"name": "l"}, "ip": "1.1.1.1"})
    );
    assert_eq!(first["integrations"], json!({"All": false}));
    assert_eq!(first["sentAt"], "2026-01-01T00:00:00.000Z");
    assert_eq!(
        second["context"],
        json!({"library": {"name": "l"}, "ip": "2.2.2.2", "x.y": 1})
    );
    assert_eq!(second["sentAt"], "own");
    assert_eq!(third["context"], first["context"]);
    assert_eq!(third["integrations"], Value::Null);
}

#[test]
fn a_write_key_never_comes_out_and_no_client_says_when_it_was_received() {
    let call = json!({"type": "page", "userId": "u", "writeKey": "s3cret", "receivedAt": "never"});
    let escaped = r#"{"type":"page","userId":"u","write\u004bey":"s3cret"}"#;
    for came in [
        batch(&json!({"writeKey": "s3cret", "batch": [call.clone()]})),
        post("/v1/page", &[], call.to_string()),
        post("/v1/page", &[], escaped),
    ] {
        let event = came.event();
        assert!(!came.lines[0].contains("s3cret"), "{event}");
        assert_eq!(event["receivedAt"], NOW);
    }
}

#[test]
fn a_small_batch_cannot_become_a_large_one() {
    let calls: Vec<_> = (0..10_000)
        .map(|_| json!({"type": "page", "userId": "u"}))
        .collect();
    let came = batch(&json!({"context": {"x": "x".repeat(30_000)}, "batch": calls}));
    let built: usize = came.lines.iter().map(String::len).sum();
    assert!(built <= 8 * (500 << 10), "{built}");
    assert_eq!(came.decoded.events, 10_000);
    assert_eq!(
        came.decoded.rejects.count(),
        10_000 - came.lines.len() as u64
    );
    assert_eq!(
        came.decoded.refused.last().unwrap().reason,
        "batch_too_large"
    );
    assert_eq!(came.status, 200);
}
