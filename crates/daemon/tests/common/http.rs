//! A client of the source `http`.

use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::{Daemon, PATIENCE};

/// A connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Client {
    pub fn connect(daemon: &Daemon, source: &str) -> Self {
        let stream = daemon.connect(source);
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Client {
            stream: BufReader::new(stream),
        }
    }

    /// Posts lines; an error when the connection ends before it is answered.
    pub fn post(&mut self, lines: &[u8]) -> Result<Answer> {
        let headers = [("content-type", "application/x-ndjson")];
        self.post_to("/v1/events", &headers, lines)
    }

    /// Posts any body; an error when the connection ends before it is answered.
    pub fn post_to(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        let length = body.len();
        let mut head =
            format!("POST {path} HTTP/1.1\r\nhost: here\r\ncontent-length: {length}\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let request = [head.as_bytes(), b"\r\n", body].concat();
        self.stream.get_mut().write_all(&request)?;
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let begin = head.len();
            if self.stream.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(value) = head[begin..].strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length");
            }
        }
        let status = head.split(' ').nth(1).expect("a status line");
        let status = status.parse().expect("a status");
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let body = serde_json::from_slice(&body).expect("answers are JSON");
        Ok(Answer { status, body })
    }
}
