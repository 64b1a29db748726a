//! Requests that are made to do harm: refused, counted, and no memory is left with them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::http::{Client, post};
use common::memory::{FLAT, resident};
use common::{Rig, Running};
use serde_json::json;

/// Sends what may be refused before it was sent, and says with which status.
fn status(running: &Running, bytes: &[u8]) -> Option<u16> {
    let mut stream = running.connect();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // The peer may hang up before it has read all of it.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut piece = [0; 1 << 10];
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(0) => return None,
            Ok(read) => answer.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("{error}"),
        }
    }
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1)?.parse().ok()
}

#[test]
fn a_head_without_an_end_is_refused() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0" }));
    let before = resident();
    let many = format!(
        "POST /v1/events HTTP/1.1\r\nhost: here\r\n{}",
        "a: b\r\n".repeat(1_000_000)
    );
    let long = format!(
        "POST /v1/events HTTP/1.1\r\na: {}\r\n\r\n",
        "b".repeat(10 << 20)
    );
    let path = format!("POST /{} HTTP/1.1\r\n\r\n", "b".repeat(10 << 20));
    for bytes in [many, long, path] {
        let status = status(&running, bytes.as_bytes());
        assert!(matches!(status, None | Some(431 | 414)), "{status:?}");
    }
    rig.take_until("counted", |rig| {
        rig.source
            .totals()
            .refused_by
            .get("headers_too_large")
            .is_some_and(|count| *count >= 2)
    });
    let grown = resident().saturating_sub(before);
    assert!(grown < FLAT, "{grown} bytes");
    assert_eq!(rig.budget.used(), 0);
    rig.stop(running);
}

#[test]
fn what_two_readers_may_read_differently_is_refused_and_nothing_behind_it_is_read() {
    let head = "POST /v1/events HTTP/1.1\r\nhost: here\r\n";
    let smuggled = String::from_utf8(post(b"{\"smuggled\":true}\n")).unwrap();
    let cases = [
        (
            "CL.TE",
            format!(
                "{head}content-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
            ),
        ),
        (
            "TE.CL",
            format!(
                "{head}transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n5\r\n{{\"a\"}}\r\n0\r\n\r\n{smuggled}"
            ),
        ),
        (
            "TE.TE",
            format!(
                "{head}transfer-encoding: chunked\r\ntransfer-encoding: x\r\n\r\n0\r\n\r\n{smuggled}"
            ),
        ),
        (
            "two lengths",
            format!("{head}content-length: 0\r\ncontent-length: 40\r\n\r\n{smuggled}"),
        ),
        (
            "a signed length",
            format!("{head}content-length: +2\r\n\r\n{{}}{smuggled}"),
        ),
        (
            "a bare line feed",
            format!("{head}a: b\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        (
            "bare line feeds",
            format!("{}\n{smuggled}", head.replace("\r\n", "\n")),
        ),
        (
            "a folded header",
            format!("{head}a: b\r\n transfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        (
            "a space before the colon",
            format!("{head}transfer-encoding : chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        (
            "a chunk's size with a sign",
            format!("{head}transfer-encoding: chunked\r\n\r\n-1\r\n{smuggled}"),
        ),
        (
            "a chunk longer than it says",
            format!("{head}transfer-encoding: chunked\r\n\r\n1\r\n{{}}\r\n0\r\n\r\n{smuggled}"),
        ),
        (
            "a chunk's size that overflows",
            format!("{head}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{smuggled}"),
        ),
        (
            "chunked garbage",
            format!(
                "{head}transfer-encoding: chunked\r\n\r\n{}",
                "\u{1}\u{2}garbage\r\n".repeat(1_000)
            ),
        ),
        ("no HTTP", "\u{16}\u{3}\u{1}hello\r\n\r\n".to_owned()),
    ];
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0" }));
    for (number, (name, bytes)) in cases.iter().enumerate() {
        let status = status(&running, bytes.as_bytes());
        assert_eq!(status, Some(400), "{name}");
        rig.take_until("counted", |rig| {
            let refused = rig.source.totals().refused_by;
            let of = |reason| refused.get(reason).copied().unwrap_or(0);
            of("ambiguous") + of("malformed") == number as u64 + 1
        });
    }
    rig.take_until("all closed", |rig| rig.source.totals().open == 0);
    rig.stop(running);
    assert!(rig.seen.is_empty(), "{:?}", rig.texts());
    assert_eq!(rig.budget.used(), 0);
}

#[test]
fn a_peer_has_no_more_connections_than_it_may_and_each_has_to_go_on() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({
        "listen": "127.0.0.1:0", "max_connections_per_peer": 2, "header_timeout": "300ms", "idle": "30s",
    }));
    let mut dripping: TcpStream = running.connect();
    let mut kept = Client::new(&running);
    assert_eq!(kept.post(b"{}\n").status, 200);
    assert!(Client::new(&running).is_closed());
    assert_eq!(rig.source.totals().closed_by["peer_limit"], 1);
    // A head that comes a byte at a time: it is the whole of it that has to be there.
    let drips = std::thread::spawn(move || {
        let mut sent = 0;
        while dripping
            .write_all(b"POST"[sent % 4..][..1].as_ref())
            .is_ok()
        {
            sent += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    rig.take_until("it is closed", |rig| rig.source.totals().open == 1);
    drips.join().unwrap();
    assert_eq!(rig.source.totals().closed_by["slow_header"], 1);
    assert_eq!(
        kept.post(b"{}\n").status,
        200,
        "who asks nothing has more time"
    );
    assert_eq!(
        Client::new(&running).post(b"{}\n").status,
        200,
        "there is room for another"
    );
    drop(kept);
    rig.take_events(3);
    rig.stop(running);
}
