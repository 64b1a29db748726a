//! Whatever clients send to the source `http`: good events come out as they were, bad ones are dead letters with their
//! bytes and their reasons, both are counted, and nothing else happens to either.

mod common;

use common::http::{Answer, Client};
use common::{Daemon, Place};
use serde_json::{Value, json};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const CLOUDEVENT: &[(&str, &str)] = &[("content-type", "application/cloudevents+json")];
const CLOUDEVENTS: &[(&str, &str)] = &[("content-type", "application/cloudevents-batch+json")];

fn place(more: &str) -> Place {
    place_with("", more)
}

fn place_with(source: &str, more: &str) -> Place {
    Place::new(&format!(
        "[sources.web]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\nack = \"delivered\"\n{source}\
         [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n{more}"
    ))
}

fn post(daemon: &Daemon, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut client = Client::connect(daemon, "web");
    let answer = client.post_to(path, headers, body.as_bytes());
    answer.expect("an answer")
}

/// What a body is answered whose last event is broken inside: how many were accepted, how many rejected.
fn broken_last(daemon: &Daemon, events: usize) -> (u64, u64) {
    let body = "{\"n\":1}\n".repeat(events - 1) + "{\"n\":}\n";
    let answer = post(daemon, "/v1/events", JSON, &body);
    let count = |name: &str| answer.body[name].as_u64().expect("a count");
    (count("accepted"), count("rejected"))
}

/// Ends the daemon: its events, in some order, and the reason and the bytes of each dead letter.
fn came_out(place: &Place, daemon: Daemon) -> (Vec<Value>, Vec<(String, String)>) {
    daemon.until("all settled", |daemon| {
        daemon.metric("millpond_live_events") == 0.0
    });
    assert_eq!(daemon.metric("millpond_unaccounted_events"), 0.0);
    daemon.terminate().expect_clean();
    let mut events = place.lines("out.ndjson");
    events.sort_unstable();
    let events = events
        .iter()
        .map(|line| serde_json::from_slice(line).expect("JSON"));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut letters: Vec<_> = place
        .dead_letters()
        .iter()
        .inspect(|letter| {
            assert!(
                letter.get("truncated").is_none_or(Value::is_null),
                "{letter}"
            )
        })
        .map(|letter| (text(&letter["reason"]), text(&letter["event"])))
        .collect();
    letters.sort_unstable();
    (events.collect(), letters)
}

fn letter(reason: &str, event: &str) -> (String, String) {
    (reason.to_owned(), event.to_owned())
}

#[test]
fn json_in_any_form_comes_out_and_what_is_none_is_set_aside() {
    for journal in ["", "[journal]\ndir = \"{dir}/journal\"\n"] {
        let place = place(journal);
        let daemon = place.start().ready();
        let bodies = [
            (r#"{"n":1.0}"#, 1, 0),
            ("{\n  \"n\": 2\n}\n", 1, 0),
            (r#"[{"n":3},{"n":4}, 5]"#, 2, 1),
            ("{\"n\":5}\n{\"n\":6}\n", 2, 0),
            ("{\"n\":7}\nnot json\n{\"n\":8}", 2, 1),
            ("[{\"n\":9},\n{\"n\":\"x\ny\"}]", 1, 1),
        ];
        for (body, accepted, rejected) in bodies {
            let answer = post(&daemon, "/v1/events", JSON, body);
            assert_eq!(answer.status, 200, "{body}: {}", answer.body);
            assert_eq!(answer.body["accepted"], accepted, "{body}");
            assert_eq!(answer.body["rejected"], rejected, "{body}");
        }
        // None of it could be read, and it is kept all the same.
        let answer = post(&daemon, "/v1/events", JSON, "{\n\"n\":\n}");
        assert_eq!((answer.status, &answer.body["rejected"]), (400, &json!(1)));
        assert_eq!(answer.body["rejects"][0]["reason"], "bad_syntax");
        assert_eq!(post(&daemon, "/v1/events", JSON, "").status, 400);
        assert_eq!(post(&daemon, "/v1/events", JSON, "[]").status, 200);

        let (events, letters) = came_out(&place, daemon);
        let mut numbers: Vec<_> = events.iter().map(|event| event["n"].as_f64()).collect();
        numbers.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        let want: Vec<_> = (1..=9).map(|n| Some(f64::from(n))).collect();
        assert_eq!(numbers, want);
        assert_eq!(
            letters,
            [
                letter("bad_syntax", "not json"),
                letter("bad_syntax", "{\n\"n\":\n}"),
                letter("control_character", "{\"n\":\"x\ny\"}"),
                letter("not_an_object", "5"),
            ]
        );
    }
}

#[test]
fn an_answer_knows_what_is_broken_where_it_was_told_to_look() {
    // Bodies of 80 bytes and of 80 KiB.
    for (check, short, long) in [
        ("", (9, 1), (10_000, 0)),
        ("check = \"strict\"\n", (9, 1), (9_999, 1)),
        ("check = \"shape\"\n", (10, 0), (10_000, 0)),
    ] {
        let place = place_with(check, "");
        let daemon = place.start().ready();
        assert_eq!(broken_last(&daemon, 10), short, "{check}");
        assert_eq!(broken_last(&daemon, 10_000), long, "{check}");
        let (events, letters) = came_out(&place, daemon);
        // Whatever the answer said, it is set aside.
        assert_eq!(events.len(), 9 + 9_999);
        assert_eq!(letters, vec![letter("bad_syntax", "{\"n\":}"); 2]);
    }
}

#[test]
fn cloudevents_of_each_mode_come_out_in_the_json_format() {
    let place = place("");
    let daemon = place.start().ready();
    let event = |id: &str| json!({"specversion": "1.0", "id": id, "source": "/s", "type": "t", "data": {"n": 1}});
    let send = |headers: &[(&str, &str)], body: &str| {
        let answer = post(&daemon, "/v1/cloudevents", headers, body);
        (answer.status, answer.body["accepted"].as_u64())
    };
    assert_eq!(send(CLOUDEVENT, &event("a").to_string()), (200, Some(1)));
    let batch = json!([event("b"), {"id": "bad"}, event("c")]);
    let pretty = serde_json::to_string_pretty(&batch).expect("JSON");
    assert_eq!(send(CLOUDEVENTS, &pretty), (200, Some(2)));
    assert_eq!(send(CLOUDEVENTS, "[]"), (200, Some(0)));
    let mut binary = vec![
        ("ce-specversion", "1.0"),
        ("ce-id", "d"),
        ("ce-source", "/s"),
        ("CE-Type", "t"),
        ("content-type", "application/json"),
    ];
    assert_eq!(send(&binary, "{\"n\":1}"), (200, Some(1)));
    binary.remove(2);
    assert_eq!(send(&binary, "{}"), (400, Some(0)));

    let (events, letters) = came_out(&place, daemon);
    let ids: Vec<_> = events.iter().map(|event| event["id"].clone()).collect();
    assert_eq!(ids.len(), 4, "{events:?}");
    for mut came in events {
        let id = came["id"].as_str().expect("an id").to_owned();
        if id == "d" {
            let kind = came
                .as_object_mut()
                .and_then(|it| it.remove("datacontenttype"));
            assert_eq!(kind, Some(json!("application/json")));
        }
        assert_eq!(came, event(&id));
    }
    assert_eq!(letters.len(), 2, "{letters:?}");
    assert!(
        letters
            .iter()
            .all(|(reason, _)| reason == "missing_attribute")
    );
    // What is kept of a binary one are its headers, too.
    assert!(letters[0].1.contains("ce-id: d\n") && letters[0].1.ends_with("\n\n{}"));
}

#[test]
fn a_batch_of_calls_succeeds_whatever_is_in_it() {
    let place = place("");
    let daemon = place.start().ready();
    let body = r#"{"batch":[{"type":"track","event":"e","userId":"u","messageId":"1"},{"type":"track"},{"a":}],
        "writeKey":"s3cret","sentAt":"2026-01-01T00:00:00Z"}"#;
    let answer = post(&daemon, "/v1/batch", JSON, body);
    assert_eq!(
        (answer.status, answer.body),
        (200, json!({"success": true}))
    );
    let page = [("content-type", "text/plain")];
    let answer = post(
        &daemon,
        "/v1/p",
        &page,
        r#"{"anonymousId":"a","writeKey":"s3cret"}"#,
    );
    assert_eq!(answer.status, 200);
    assert_eq!(post(&daemon, "/v1/batch", JSON, "{\"batch\":").status, 400);
    let too_large = format!("{{\"batch\":[],\"x\":\"{}\"}}", "x".repeat(500 << 10));
    assert_eq!(post(&daemon, "/v1/batch", JSON, &too_large).status, 413);

    let (events, letters) = came_out(&place, daemon);
    let members = |name: &str| {
        events
            .iter()
            .map(|event| event[name].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(members("type"), ["page", "track"]);
    assert_eq!(members("writeKey"), [Value::Null, Value::Null]);
    assert_eq!(events[1]["sentAt"], "2026-01-01T00:00:00Z");
    assert!(events.iter().all(|event| event["receivedAt"].is_string()));
    assert_eq!(
        letters,
        [
            letter("bad_call", r#"{"type":"track"}"#),
            letter("bad_syntax", r#"{"a":}"#),
            letter("unreadable_body", "{\"batch\":"),
        ]
    );
}

/// A reader that follows every bracket by a call of its own would need a stack without end for it.
#[test]
fn what_is_nested_without_end_ends_nothing() {
    const DEPTH: usize = 100_000;
    let place = place("");
    let daemon = place.start().ready();
    let deep = format!("{{\"n\":{}{}}}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let unclosed = "[".repeat(DEPTH);
    for path in ["/v1/events", "/v1/cloudevents", "/v1/track", "/v1/batch"] {
        for body in [&deep, &unclosed] {
            let answer = post(&daemon, path, JSON, body);
            assert!(answer.status < 500, "{path}: {}", answer.body);
        }
    }
    assert_eq!(post(&daemon, "/v1/events", JSON, "{\"n\":1}").status, 200);
    daemon.until("all settled", |daemon| {
        daemon.metric("millpond_live_events") == 0.0
    });
    assert_eq!(daemon.metric("millpond_unaccounted_events"), 0.0);
    daemon.terminate().expect_clean();
    let lines = place.lines("out.ndjson");
    assert_eq!(lines.len(), 1, "none of it came out");
}
