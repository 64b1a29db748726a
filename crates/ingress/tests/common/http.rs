//! A client that speaks just enough HTTP to look at every byte of it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::Running;

pub struct Client {
    pub stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Value,
}

/// A request with these lines as its body.
pub fn post(lines: &[u8]) -> Vec<u8> {
    post_with("", lines)
}

/// The same with more headers, each with its line's end.
pub fn post_with(headers: &str, lines: &[u8]) -> Vec<u8> {
    let kind = "content-type: application/x-ndjson\r\n";
    post_to("/v1/events", &format!("{kind}{headers}"), lines)
}

/// A request to any path, with these headers and this body.
pub fn post_to(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: here\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

impl Client {
    pub fn new(running: &Running) -> Client {
        let stream = running.connect();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Client {
            stream: BufReader::new(stream),
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    pub fn post(&mut self, lines: &[u8]) -> Answer {
        self.send(&post(lines));
        self.answer()
    }

    pub fn answer(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut head).unwrap();
            assert!(read > 0, "the connection ended after {head:?}");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let head = head.to_lowercase();
        let mut answer = Answer {
            status,
            head,
            body: Value::Null,
        };
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        if !body.is_empty() {
            answer.body = serde_json::from_slice(&body).unwrap();
        }
        answer
    }

    /// Whether nothing was answered up to now.
    pub fn hears_nothing(&mut self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).unwrap();
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).unwrap();
        peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    pub fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap()
    }
}
