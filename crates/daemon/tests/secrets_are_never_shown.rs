//! A secret stays in its file: it is in no log, however much is logged, in no answer, in no metric and in no view.

mod common;

use std::io::{Read, Write};
use std::process::Stdio;

use common::Place;

const SECRETS: [&str; 3] = [
    "canary-bearer-secret",
    "canary-basic-secret",
    "canary-hmac-secret",
];
/// What strangers try, which may be a secret elsewhere.
const WRONG: &str = "canary-of-somebody-else";

#[test]
fn neither_logs_nor_answers_nor_metrics_nor_views_have_it() {
    let place = Place::new(
        "[sources.web]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\n\
         [[sources.web.auth]]\nname = \"a\"\nfile = \"{dir}/bearer\"\n\
         [[sources.web.auth]]\nname = \"b\"\ntype = \"basic\"\nfile = \"{dir}/basic\"\n\
         [[sources.web.auth]]\nname = \"c\"\ntype = \"hmac\"\nfile = \"{dir}/hmac\"\n\
         [sinks.out]\ntype = \"file\"\npath = \"{dir}/out.ndjson\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n",
    );
    for (name, secret) in ["bearer", "basic", "hmac"].into_iter().zip(SECRETS) {
        std::fs::write(place.path(name), format!("{secret}\n")).expect("written");
    }
    let daemon = place.start_with(&["--log", "trace"], Stdio::null()).ready();
    let mut seen = String::new();
    let signature = format!("t=1,v1={}", "0".repeat(64));
    for header in [
        "x: y".to_owned(),
        format!("authorization: Bearer {}", SECRETS[0]),
        format!("authorization: Bearer {WRONG}"),
        // The basic secret as the user's name, and the wrong one.
        "authorization: Basic Y2FuYXJ5LWJhc2ljLXNlY3JldDo=".to_owned(),
        "authorization: Basic Y2FuYXJ5LW9mLXNvbWVib2R5LWVsc2U6".to_owned(),
        format!("millpond-signature: {signature}"),
        // It breaks off in the middle of a header.
        format!("authorization: Bearer {WRONG}\n{}", SECRETS[0]),
    ] {
        let mut stream = daemon.connect("web");
        let request = format!(
            "POST /v1/events HTTP/1.1\r\nhost: here\r\nconnection: close\r\n{header}\r\ncontent-length: 9\r\n\r\n{{\"a\":10}}\n"
        );
        stream.write_all(request.as_bytes()).expect("sent");
        stream.read_to_string(&mut seen).expect("answered");
    }
    // A file that cannot be used is warned of, by its place.
    std::fs::write(place.path("bearer"), format!("{} tomorrow\n", SECRETS[0])).expect("written");
    daemon.until("it is looked at", |daemon| {
        let mut stream = daemon.connect("web");
        let request = "POST /v1/events HTTP/1.1\r\nhost: here\r\nconnection: close\r\nauthorization: Bearer x\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("sent");
        stream.read_to_string(&mut seen).expect("answered");
        std::thread::sleep(std::time::Duration::from_millis(300));
        seen.matches("HTTP/1.1 401").count() > 10
    });
    for path in [
        "/metrics",
        "/api/v1/ledger",
        "/api/v1/queues",
        "/api/v1/pipelines",
        "/api/v1/config",
        "/version",
        "/",
    ] {
        seen += &daemon.get(path).1;
    }
    assert_eq!(daemon.metric("millpond_events_received_total") as u64, 2);
    let ended = daemon.terminate();
    seen += &format!("{:?}", ended.log);
    assert!(
        seen.contains("expected a secret, and behind it"),
        "the warning is there"
    );
    assert!(
        seen.contains("a request was refused"),
        "so is what is only traced"
    );
    for secret in SECRETS.iter().chain([&WRONG]) {
        assert!(!seen.contains(secret), "{secret} is shown");
    }
    for encoded in [
        "Y2FuYXJ5LWJhc2ljLXNlY3JldDo",
        "Y2FuYXJ5LW9mLXNvbWVib2R5LWVsc2U6",
    ] {
        assert!(!seen.contains(encoded), "{encoded} is shown");
    }
}
