//! An event that was acknowledged is not taken in again; one that was not comes again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::Rig;
use common::http::{Client, post, post_to};
use millpond_ingest::Resume;
use serde_json::{Value, json};

const BODY: &[u8] = b"{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":2}\n{\"n\":3}\n";

fn params(ack: &str) -> Value {
    json!({ "listen": "127.0.0.1:0", "ack": ack, "dedupe": { "field": "id" }, "timeout": "500ms" })
}

#[test]
fn what_was_acknowledged_is_left_out_on_any_connection_and_counted() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(params("received"));
    assert_eq!(Client::new(&running).post(BODY).body["duplicates"], 0);
    let answer = Client::new(&running).post(BODY);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        json!({ "accepted": 1, "rejected": 0, "duplicates": 2, "ack": "received" }),
        "what has no id is no duplicate"
    );
    let answer = Client::new(&running).post(b"{\"id\":\"b\"}\n");
    assert_eq!((answer.status, &answer.body["accepted"]), (200, &json!(0)));
    rig.take_events(4);
    rig.stop(running);
    assert_eq!(rig.source.totals().duplicates, 3);
    assert_eq!(rig.texts()[3], "{\"n\":3}");
}

#[test]
fn formats_that_have_ids_are_known_by_them() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let params = json!({ "listen": "127.0.0.1:0", "ack": "received", "dedupe": {} });
    let running = rig.start_http(params);
    let event = |source: &str, id: &str| {
        format!(r#"{{"specversion":"1.0","id":"{id}","source":"{source}","type":"t"}}"#)
    };
    let json = "content-type: application/cloudevents+json\r\n";
    let batch = "content-type: application/cloudevents-batch+json\r\n";
    let binary = "ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /a\r\nce-type: u\r\n";
    let [one, two] = [event("/a", "1"), event("/b", "1")];
    let call = |id: &str| format!(r#"{{"type":"page","userId":"u","messageId":"{id}"}}"#);
    let calls = format!(r#"{{"batch":[{},{}]}}"#, call("1"), call("2"));
    let track = r#"{"event":"e","userId":"u","messageId":"2"}"#;
    let mut taken = 0;
    for (path, headers, body, new) in [
        ("/v1/cloudevents", json, one.clone(), 1),
        // The same in the other modes; of another source, it is another one.
        ("/v1/cloudevents", batch, format!("[{one},\n{two}]"), 1),
        ("/v1/cloudevents", binary, String::new(), 0),
        ("/v1/cloudevents", batch, format!("[{two},7,{one}]"), 0),
        ("/v1/batch", "", calls.clone(), 2),
        ("/v1/batch", "", calls, 0),
        ("/v1/track", "", track.to_owned(), 0),
        // What has no id of its own is none of these.
        ("/v1/events", "", one.clone(), 1),
    ] {
        let mut client = Client::new(&running);
        client.send(&post_to(path, headers, body.as_bytes()));
        assert_eq!(client.answer().status, 200, "{path} {body}");
        taken += new;
    }
    // One was refused, each time that it came.
    rig.take_events(taken + 1);
    rig.stop(running);
    assert_eq!(rig.source.totals().duplicates, 7);
}

#[test]
fn the_retry_of_a_request_that_failed_is_taken_in() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(params("delivered"));
    let mut client = Client::new(&running);
    client.send(&post(BODY));
    let parcel = rig.next_parcel();
    // Another connection brings the same while nobody knows how this one ends.
    let answer = Client::new(&running).post(BODY);
    assert_eq!(
        (answer.status, answer.header("retry-after").is_some()),
        (503, true)
    );
    assert!(answer.detail().contains("under way"), "{}", answer.detail());
    assert_eq!(rig.source.totals().refused_by["under_way"], 1);
    drop(parcel);
    assert_eq!(client.answer().status, 503, "it was abandoned");
    client.send(&post(BODY));
    rig.take_events(3);
    let answer = client.answer();
    assert_eq!((answer.status, &answer.body["accepted"]), (200, &json!(3)));
    rig.handle.stop();
    running.thread.join().unwrap().unwrap();
}

#[test]
fn a_request_that_breaks_off_reserves_nothing() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(params("received"));
    let whole = post(BODY);
    let mut client = Client::new(&running);
    client.send(&whole[..whole.len() - 1]);
    drop(client);
    rig.take_until("it is gone", |rig| {
        rig.source.totals().opened == 1 && rig.source.totals().open == 0
    });
    assert_eq!(Client::new(&running).post(BODY).body["accepted"], 3);
    rig.take_events(3);
    rig.stop(running);
}

#[test]
fn what_is_acknowledged_after_the_answer_counts_all_the_same() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let inlet = rig.journal_inlet(Resume::new());
    let running = rig.start_http_with(params("durable"), inlet);
    let mut client = Client::new(&running);
    client.send(&post(BODY));
    let kept = rig.journal.as_mut().unwrap().recv().unwrap().item;
    assert_eq!(client.answer().status, 503, "no word in time");
    assert_eq!(client.post(BODY).status, 503, "and nobody knows yet");
    kept.listener.unwrap().durable(&kept.info);
    client.send(&post(b"{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":2}\n"));
    let answer = client.answer();
    assert_eq!(
        (answer.status, &answer.body["duplicates"]),
        (200, &json!(2))
    );
    rig.handle.stop();
    running.thread.join().unwrap().unwrap();
}
