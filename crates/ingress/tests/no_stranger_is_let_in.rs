//! Every route with no, a wrong, an expired and the right credential: nothing is taken in but with the right one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::Rig;
use common::http::{Client, post_with};
use ring::hmac;
use serde_json::json;

const BODY: &[u8] = b"{\"a\":1}\n";
const ROUTES: &[&str] = &[
    "/v1/events",
    "/v1/cloudevents",
    "/v1/batch",
    "/v1/import",
    "/v1/track",
    "/v1/identify",
    "/v1/page",
    "/v1/screen",
    "/v1/group",
    "/v1/alias",
    "/v1/a",
    "/v1/b",
    "/v1/g",
    "/v1/i",
    "/v1/p",
    "/v1/s",
    "/v1/t",
    "/v1/nothing",
    "/",
];

fn signature(secret: &str, time: SystemTime, body: &[u8]) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let text = [format!("{seconds}.").as_bytes(), body].concat();
    let tag = hmac::sign(&key, &text);
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("millpond-signature: t={seconds},v1={hex}\r\n")
}

/// Keys of every kind, with secrets that are good, were good, and will be.
fn keys(folder: &std::path::Path) -> serde_json::Value {
    fs::write(
        folder.join("secrets"),
        "# two that are good, while one is changed for the other\nright-secret\n\nother-secret 2100-01-01T00:00:00Z\n\
         ended-secret 2020-01-01T00:00:00Z\n",
    )
    .unwrap();
    let key = |kind: &str| json!({ "name": kind, "type": kind, "file": folder.join("secrets") });
    json!([key("bearer"), key("basic"), key("hmac")])
}

#[test]
fn every_route_takes_nothing_in_without_the_right_credential() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "auth": keys(folder.path()) }));
    let now = SystemTime::now();
    let long_ago = now - Duration::from_secs(3_600);
    let strangers = [
        (String::new(), "no_credential"),
        (
            "authorization: Bearer wrong-secret\r\n".to_owned(),
            "wrong_credential",
        ),
        (
            "authorization: Bearer right-secre\r\n".to_owned(),
            "wrong_credential",
        ),
        ("authorization: Bearer\r\n".to_owned(), "wrong_credential"),
        // The right one, shown in another way than it may be.
        (
            "authorization: Digest right-secret\r\n".to_owned(),
            "wrong_credential",
        ),
        // "wrong-secret:"
        (
            "authorization: Basic d3Jvbmctc2VjcmV0Og==\r\n".to_owned(),
            "wrong_credential",
        ),
        ("authorization: Basic !\r\n".to_owned(), "wrong_credential"),
        (
            "authorization: Bearer ended-secret\r\n".to_owned(),
            "expired_credential",
        ),
        ("millpond-signature: t=1\r\n".to_owned(), "wrong_credential"),
        (
            signature("right-secret", long_ago, BODY),
            "expired_credential",
        ),
        (
            signature("right-secret", now + Duration::from_secs(3_600), BODY),
            "expired_credential",
        ),
    ];
    let signers = [
        (signature("wrong-secret", now, BODY), "wrong_credential"),
        (
            signature("right-secret", now, b"{\"a\":2}\n"),
            "wrong_credential",
        ),
        (signature("ended-secret", now, BODY), "expired_credential"),
    ];
    let mut refused = 0;
    for route in ROUTES {
        // What is signed is judged by the body: where nothing takes one, by the route.
        let signers = signers.iter().filter(|_| *route == "/v1/events");
        for (credential, reason) in strangers.iter().chain(signers) {
            let before = rig
                .source
                .totals()
                .refused_by
                .get(reason)
                .copied()
                .unwrap_or(0);
            let mut client = Client::new(&running);
            let request = String::from_utf8(post_with(credential, BODY)).unwrap();
            client.send(request.replacen("/v1/events", route, 1).as_bytes());
            let answer = client.answer();
            assert_eq!(answer.status, 401, "{route} {credential}: {answer:?}");
            assert!(answer.header("www-authenticate").is_some(), "{answer:?}");
            assert!(!format!("{answer:?}").contains("-secret"), "{answer:?}");
            assert_eq!(
                rig.source.totals().refused_by[reason],
                before + 1,
                "{credential}"
            );
            refused += 1;
        }
    }
    assert_eq!(rig.take(), 0);
    assert_eq!(rig.source.totals().events, 0);
    assert_eq!(
        refused,
        strangers_and_signers(strangers.len(), signers.len())
    );

    let guests = [
        "authorization: Bearer right-secret\r\n".to_owned(),
        "authorization: bearer other-secret\r\n".to_owned(),
        // "right-secret:", and without the colon
        "authorization: Basic cmlnaHQtc2VjcmV0Og==\r\n".to_owned(),
        "authorization: Basic cmlnaHQtc2VjcmV0\r\n".to_owned(),
        signature("right-secret", now, BODY),
        signature("other-secret", now - Duration::from_secs(200), BODY),
    ];
    for credential in &guests {
        let mut client = Client::new(&running);
        client.send(&post_with(credential, BODY));
        let answer = client.answer();
        assert_eq!(answer.status, 200, "{credential}: {answer:?}");
    }
    rig.take_events(guests.len());
    rig.stop(running);
}

#[test]
fn the_right_credential_opens_every_route() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "auth": keys(folder.path()) }));
    for route in ROUTES {
        let mut client = Client::new(&running);
        let request = post_with("authorization: Bearer right-secret\r\n", BODY);
        let request = String::from_utf8(request).unwrap();
        client.send(request.replacen("/v1/events", route, 1).as_bytes());
        let answer = client.answer();
        // Not each of them takes such a body.
        assert!(!matches!(answer.status, 401 | 403), "{route}: {answer:?}");
    }
    assert!(
        !rig.source
            .totals()
            .refused_by
            .contains_key("wrong_credential")
    );
    rig.handle.stop();
    rig.take_until("the end", |_| running.thread.is_finished());
    running.thread.join().unwrap().unwrap();
}

fn strangers_and_signers(strangers: usize, signers: usize) -> usize {
    ROUTES.len() * strangers + signers
}

#[test]
fn a_signature_is_good_once_and_a_failed_request_does_not_use_it_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(64 << 20, 1, None);
    let params =
        json!({ "listen": "127.0.0.1:0", "auth": keys(folder.path()), "ack": "delivered" });
    let running = rig.start_http(params);
    let signed = post_with(&signature("right-secret", SystemTime::now(), BODY), BODY);
    let mut client = Client::new(&running);
    client.send(&signed);
    drop(rig.next_parcel());
    assert_eq!(client.answer().status, 503, "it was abandoned");
    client.send(&signed);
    rig.take_events(1);
    assert_eq!(client.answer().status, 200);
    client.send(&signed);
    assert_eq!(client.answer().status, 409);
    assert_eq!(rig.source.totals().refused_by["used_signature"], 1);
    rig.handle.stop();
    running.thread.join().unwrap().unwrap();
}

#[test]
fn a_secret_is_changed_without_a_restart_and_a_bad_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "auth": keys(folder.path()) }));
    let status = |secret: &str| {
        let mut client = Client::new(&running);
        client.send(&post_with(
            &format!("authorization: Bearer {secret}\r\n"),
            BODY,
        ));
        client.answer().status
    };
    assert_eq!(status("fresh-secret"), 401);
    fs::write(folder.path().join("secrets"), "fresh-secret\n").unwrap();
    let mut taken = 0;
    rig.take_until("the new secret", |_| {
        let status = status("fresh-secret");
        taken += usize::from(status == 200);
        status == 200
    });
    assert_eq!(status("right-secret"), 401, "it was taken out");
    fs::write(folder.path().join("secrets"), "short\n").unwrap();
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(status("short"), 401);
    assert_eq!(status("fresh-secret"), 200);
    rig.take_events(taken + 1);
    rig.stop(running);
}

#[test]
fn a_key_sends_as_much_as_it_may_and_is_told_when_to_send_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secrets"), "right-secret\n").unwrap();
    let key = json!({ "name": "slow", "file": folder.path().join("secrets"), "rate": 10 });
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "auth": [key] }));
    let mut client = Client::new(&running);
    let request = post_with("authorization: Bearer right-secret\r\n", &BODY.repeat(60));
    client.send(&request);
    assert_eq!(client.answer().status, 200);
    client.send(&request);
    let answer = client.answer();
    assert_eq!(answer.status, 429);
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(
        (4..=6).contains(&seconds),
        "50 events are owed, at 10 a second: {seconds}"
    );
    drop(client);
    rig.take_events(60);
    rig.stop(running);
    assert_eq!(rig.source.totals().refused_by["rate"], 1);
}

#[test]
fn a_page_sends_only_from_an_origin_that_is_named() {
    for (cors, origin, status) in [
        (json!(null), "https://shop.example", 403),
        (
            json!({ "origins": ["https://shop.example"] }),
            "https://shop.example",
            200,
        ),
        (
            json!({ "origins": ["https://shop.example"] }),
            "https://shop.example.evil",
            403,
        ),
        (
            json!({ "origins": ["https://shop.example"] }),
            "http://shop.example",
            403,
        ),
        (json!({ "origins": ["https://shop.example"] }), "null", 403),
    ] {
        let mut rig = Rig::new(64 << 20, 1, None);
        let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "cors": cors }));
        let mut client = Client::new(&running);
        client.send(
            format!(
                "OPTIONS /v1/events HTTP/1.1\r\nhost: here\r\norigin: {origin}\r\n\
                 access-control-request-method: POST\r\naccess-control-request-headers: content-type\r\n\r\n"
            )
            .as_bytes(),
        );
        let asked = client.answer();
        let allowed = (status == 200).then_some(origin);
        assert_eq!(
            asked.status,
            if status == 200 { 204 } else { status },
            "{origin}: {asked:?}"
        );
        assert_eq!(asked.header("access-control-allow-origin"), allowed);
        client.send(&post_with(&format!("origin: {origin}\r\n"), BODY));
        let answer = client.answer();
        assert_eq!(answer.status, status, "{origin}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        drop(client);
        rig.take_events(usize::from(status == 200));
        rig.stop(running);
        let refused = rig.source.totals().refused_by.get("origin").copied();
        assert_eq!(refused, (status == 403).then_some(2), "asked, and sent");
    }
}
