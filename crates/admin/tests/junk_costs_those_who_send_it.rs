//! Requests that are refused, in a flood, are answered slowly; whoever asks for what is granted is not.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{pond, serving};

/// Asks over one connection, again and again, and reads each answer.
struct Asker(TcpStream);

impl Asker {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        let patience = Duration::from_secs(60);
        stream.set_read_timeout(Some(patience)).unwrap();
        Asker(stream)
    }

    /// How the answer begins.
    fn ask(&mut self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.0.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&answer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.unwrap().parse().unwrap() {
                    return head.lines().next().unwrap().to_owned();
                }
            }
            let read = self.0.read(&mut buffer).unwrap();
            assert!(read > 0, "cut off: {text}");
            answer.extend_from_slice(&buffer[..read]);
        }
    }
}

#[test]
fn a_crowd_that_gets_nothing_pushes_nobody_out_who_got_something() {
    serving(pond().observed, |address| {
        let mut good = Asker::new(address);
        assert_eq!(good.ask("/livez"), "HTTP/1.1 200 OK");
        let crowd: Vec<_> = (0..150).map(|_| TcpStream::connect(address)).collect();
        // It is let in behind the crowd.
        assert_eq!(Asker::new(address).ask("/livez"), "HTTP/1.1 200 OK");
        assert_eq!(good.ask("/livez"), "HTTP/1.1 200 OK");
        drop(crowd);
    });
}

#[test]
fn a_flood_of_refusals_is_slow_and_what_is_granted_is_not() {
    serving(pond().observed, |address| {
        let mut good = Asker::new(address);
        assert_eq!(good.ask("/livez"), "HTTP/1.1 200 OK");
        let over = AtomicBool::new(false);
        let (took, during) = thread::scope(|scope| {
            let junk = scope.spawn(|| {
                let mut junk = Asker::new(address);
                let begun = Instant::now();
                for _ in 0..500 {
                    assert_eq!(junk.ask("/nowhere"), "HTTP/1.1 404 Not Found");
                }
                over.store(true, Ordering::Relaxed);
                begun.elapsed()
            });
            let mut during = 0;
            while !over.load(Ordering::Relaxed) {
                assert_eq!(good.ask("/livez"), "HTTP/1.1 200 OK");
                during += 1;
            }
            (junk.join().unwrap(), during)
        });
        // 200 at once, and then 50 a second.
        assert!(took > Duration::from_millis(5_700), "{took:?}");
        assert!(during > 20, "{during} were granted meanwhile");
    });
}
