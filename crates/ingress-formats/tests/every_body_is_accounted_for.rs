//! Whatever a body is: each of its events is a line or refused, once, whoever counts; ids go with lines; nothing comes
//! out that is longer than it may be; and nothing panics.

mod common;

use common::{CONTEXT, frame, headers};
use millpond_event::Judge;
use millpond_ingress_formats::{Check, Context, Decoded, Lines, REASONS, Route};
use proptest::prelude::*;

fn checked(path: &str, pairs: &[(&str, &str)], body: &[u8], context: &Context) -> Decoded {
    let route = Route::find(path).expect("a path");
    let headers = headers(pairs);
    let format = route.format(&headers).expect("a format");
    let mut text = body.to_vec();
    let decoded = format.decode(&headers, &mut text, context);
    let lines = match &decoded.lines {
        Lines::InBody => frame(&text),
        Lines::Built(lines) => frame(lines),
    };
    // Of lines that are too long, whoever cuts them makes one event as well, blank or not.
    let long_blank = text
        .split(|&byte| byte == b'\n')
        .filter(|line| line.len() > context.max_event)
        .filter(|line| line.iter().all(|byte| b" \t\r".contains(byte)))
        .count();
    let long_blank = if decoded.lines == Lines::InBody {
        long_blank
    } else {
        0
    };
    let count = (lines.len() + long_blank + decoded.refused.len()) as u64;
    assert_eq!(
        decoded.events,
        count,
        "{path} {:?}: {lines:?}",
        String::from_utf8_lossy(body)
    );
    assert!(decoded.rejects.count() <= decoded.events);
    for refused in &decoded.refused {
        assert!(REASONS.contains(&refused.reason), "{}", refused.reason);
    }
    assert!(decoded.ids.is_empty() || decoded.ids.len() == lines.len());
    if path != "/v1/events" {
        // These formats judge for themselves: their lines are events.
        let mut judge = Judge::default();
        for line in &lines {
            assert_eq!(judge.event(line.as_bytes()), Ok(()), "{line}");
        }
        assert_eq!(decoded.rejects.count(), decoded.refused.len() as u64);
        assert_eq!(decoded.ids.len(), lines.len());
    }
    if context.check == Check::Strict {
        let mut judge = Judge::default();
        let bad = lines
            .iter()
            .filter(|line| line.len() > context.max_event || judge.event(line.as_bytes()).is_err());
        let bad = bad.count() + long_blank + decoded.refused.len();
        assert_eq!(
            decoded.rejects.count(),
            bad as u64,
            "{:?}",
            String::from_utf8_lossy(body)
        );
    }
    decoded
}

const PATHS: &[(&str, &[(&str, &str)])] = &[
    ("/v1/events", &[]),
    ("/v1/events", &[("content-type", "application/json")]),
    ("/v1/events", &[("content-type", "application/x-ndjson")]),
    (
        "/v1/cloudevents",
        &[("content-type", "application/cloudevents+json")],
    ),
    (
        "/v1/cloudevents",
        &[("content-type", "application/cloudevents-batch+json")],
    ),
    (
        "/v1/cloudevents",
        &[
            ("ce-id", "1"),
            ("ce-source", "/s"),
            ("ce-type", "t"),
            ("ce-specversion", "1.0"),
            ("content-type", "application/json"),
        ],
    ),
    ("/v1/batch", &[]),
    ("/v1/track", &[]),
];

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\n",
        "\r",
        " ",
        "\"a\"",
        "1",
        "null",
        "{}",
        "{\"a\":1}",
        "{\"a\":\n1}",
        "\"batch\":",
        "{\"batch\":[",
        "]}",
        "\"type\":\"track\"",
        "\"userId\":\"u\"",
        "{\"type\":\"page\",\"userId\":\"u\"}",
        "\"context\":{\"x\":1}",
        "\"writeKey\":\"k\"",
        "\u{feff}",
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}",
        "\"data\":",
        "\"data_base64\":\"QQ==\"",
        "                                                        ",
    ];
    prop_oneof![
        8 => proptest::sample::select(known).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes(pieces in proptest::collection::vec(piece(), 0..25), strict: bool, max_event in 8usize..200) {
        let body = pieces.concat();
        let check = if strict { Check::Strict } else { Check::Shape };
        for (path, pairs) in PATHS {
            checked(path, pairs, &body, &Context { check, max_event, ..CONTEXT });
        }
    }
}

#[test]
fn a_body_of_nothing_but_brackets_is_read_in_no_time_and_no_depth() {
    for body in [
        "[".repeat(1_000_000),
        "{\"a\":".repeat(200_000),
        "[{}".repeat(300_000),
        "[[],".repeat(250_000),
    ] {
        for (path, pairs) in PATHS {
            let decoded = checked(path, pairs, body.as_bytes(), &CONTEXT);
            assert!(decoded.rejects.count() > 0, "{path}");
        }
    }
}
