//! Whatever bytes come in: what is no event is rejected with its reason and counted, the good lines
//! beside it go through, and memory stays flat.

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use common::Place;

#[test]
fn bad_lines_are_rejected_with_their_reasons_and_good_ones_go_through() {
    for key in ["", "key = \"id\""] {
        let place = Place::new(&format!(
            "[sources.feed]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n[pipelines.all]\n{key}\n\
             [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
             [runtime]\nworkers = 2\nmemory = \"16MiB\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
        ));
        let daemon = place.start().ready();
        let mut stream = daemon.connect("feed");
        let deep = [
            b"{\"a\":".repeat(10_000),
            b"1".to_vec(),
            b"}".repeat(10_000),
        ]
        .concat();
        let long = [
            b"{\"a\":\"".to_vec(),
            b"x".repeat(10 << 20),
            b"\"}".to_vec(),
        ]
        .concat();
        let bad: Vec<&[u8]> = vec![
            b"{\"id\":1,\"cut\":",
            b"\x00\x01\xff\xfe binary \x80",
            b"{\"id\":\"\xc3\x28\"}",
            &deep,
            b"{\"id\":\"\\ud800\"}",
            &long,
            b"[1,2]",
            b"{\"id\":01}",
            b"{\"id\":1}}",
        ];
        let mut good = Vec::new();
        for (number, line) in bad.iter().enumerate() {
            let event = format!("{{\"id\":{number},\"ok\":\"\u{fc}\"}}");
            let ends: &[u8] = if number % 2 == 0 {
                b"\r\n"
            } else {
                b"\n\n \t\r\n"
            };
            stream
                .write_all(&[line, &b"\n"[..], event.as_bytes(), ends].concat())
                .expect("taken");
            good.push(event.into_bytes());
        }
        stream.write_all(b"{\"id\":\"last\"}").expect("taken");
        good.push(b"{\"id\":\"last\"}".to_vec());
        drop(stream);
        let lines = (bad.len() + good.len()) as f64;
        daemon.until("all received", |daemon| {
            daemon.metric("millpond_events_received_total") >= lines
        });
        daemon.until("all settled", |daemon| {
            daemon.metric("millpond_live_events") == 0.0
        });
        assert_eq!(daemon.metric("millpond_unaccounted_events"), 0.0);
        assert!(daemon.resident() < (16 + 64) << 20, "{}", daemon.resident());
        let ended = daemon.terminate();
        ended.expect_clean();

        let mut out = place.lines("out.ndjson");
        out.sort_unstable();
        good.sort_unstable();
        assert_eq!(out, good);
        let letters = place.dead_letters();
        assert_eq!(letters.len(), bad.len());
        let mut reasons = BTreeMap::<&str, u64>::new();
        for letter in &letters {
            *reasons
                .entry(letter["reason"].as_str().expect("a reason"))
                .or_default() += 1;
        }
        for (reason, count) in [
            ("line_too_long", 1),
            ("too_deep", 1),
            ("lone_surrogate", 1),
            ("not_an_object", 1),
        ] {
            assert_eq!(reasons.get(reason), Some(&count), "{reason}: {reasons:?}");
        }
        let long = letters
            .iter()
            .find(|letter| letter["reason"] == "line_too_long")
            .expect("counted above");
        assert_eq!(long["length"], (10 << 20) + 8);
        let cut = letters
            .iter()
            .find(|letter| letter["event"] == "{\"id\":1,\"cut\":")
            .expect("kept as it came");
        assert_eq!(
            (&cut["source"], &cut["pipeline"]),
            (&"feed".into(), &"all".into())
        );
        assert_eq!(cut["offset"], 0);
    }
}

#[test]
fn letters_that_had_to_make_room_are_counted() {
    let place = Place::new(
        "[sources.feed]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [sinks.out]\ntype = \"blackhole\"\n[admin]\nlisten = \"127.0.0.1:0\"\n",
    );
    let limit = ["--set", "dead_letters.max=64KiB"];
    let daemon = place.start_with(&limit, Stdio::null()).ready();
    let bad = 2_000;
    let mut stream = daemon.connect("feed");
    stream.write_all(&b"not json\n".repeat(bad)).expect("taken");
    daemon.until("all set aside", |daemon| {
        daemon.metric("millpond_pipeline_events_dead_lettered_total") == bad as f64
    });
    let deleted = daemon.metric("millpond_dead_letters_deleted_total");
    assert!(daemon.metric("millpond_dead_letters_bytes") <= f64::from(64 << 10));
    daemon.terminate();
    assert!(deleted > 0.0);
    assert_eq!(place.dead_letters().len() as f64 + deleted, bad as f64);
}
