//! Clients that connect and say nothing, say half, or never read must not keep others out.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::{ask, pond, serving};

#[test]
fn a_crowd_of_silent_clients_does_not_keep_a_scrape_out() {
    serving(pond().observed, |address| {
        let silent: Vec<TcpStream> = (0..100)
            .map(|client| {
                let mut stream = TcpStream::connect(address).unwrap();
                if client % 2 == 0 {
                    // May already have been closed to make room.
                    let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: local");
                }
                stream
            })
            .collect();
        assert_eq!(ask(address, "GET", "/livez").0, 200);
        let mut oldest = &silent[0];
        oldest
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let mut answer = Vec::new();
        let closed = oldest.read_to_end(&mut answer);
        assert!(
            closed.is_ok()
                || closed.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
        );
        assert!(answer.is_empty(), "the oldest gave way without an answer");
    });
}

#[test]
fn an_endless_head_is_refused() {
    serving(pond().observed, |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let mut sent = stream.write_all(b"GET /livez HTTP/1.1\r\nx: ");
        for _ in 0..1_000 {
            sent = sent.and_then(|()| stream.write_all(&[b'a'; 1024]));
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
            "{answer}"
        );
        assert_eq!(ask(address, "GET", "/livez").0, 200);
    });
}
