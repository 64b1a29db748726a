//! A small HTTP server that answers as it is told.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Instant;

/// A request as the server saw it.
#[derive(Debug)]
pub(crate) struct Request {
    /// When its last byte had come.
    pub(crate) at: Instant,
    /// The first line.
    pub(crate) line: String,
    /// By their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn key(&self) -> &str {
        &self.headers["idempotency-key"]
    }
}

/// What the server does with a request.
pub(crate) enum Reply {
    /// A status line without its version, more headers, and a body.
    Say(&'static str, String, String),
    /// A status line, and a body that goes on until nobody reads it.
    Endless(&'static str),
    /// Nothing, until the client has gone.
    Silence,
    /// The connection is cut.
    Cut,
}

impl Reply {
    pub(crate) fn ok() -> Self {
        Reply::status("200 OK")
    }

    pub(crate) fn status(status: &'static str) -> Self {
        Reply::Say(status, String::new(), String::new())
    }

    pub(crate) fn with(status: &'static str, header: impl Into<String>) -> Self {
        Reply::Say(status, header.into(), String::new())
    }
}

/// Serves one connection after the other, and shows each request. It stays until the test ends.
pub(crate) fn serve(
    tls: Option<Arc<rustls::ServerConfig>>,
    mut reply: impl FnMut(&Request) -> Reply + Send + 'static,
) -> (String, mpsc::Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!(
        "{scheme}://127.0.0.1:{}/in",
        listener.local_addr().unwrap().port()
    );
    let (show, shown) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            match &tls {
                None => converse(stream, &mut reply, &show),
                Some(config) => {
                    let session = rustls::ServerConnection::new(config.clone()).unwrap();
                    converse(rustls::StreamOwned::new(session, stream), &mut reply, &show);
                }
            }
        }
    });
    (url, shown)
}

fn converse(
    stream: impl Read + Write,
    reply: &mut impl FnMut(&Request) -> Reply,
    show: &mpsc::Sender<Request>,
) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream) {
        let reply = reply(&request);
        let _ = show.send(request);
        let to = stream.get_mut();
        let written = match reply {
            Reply::Say(status, headers, body) => {
                let headers = if headers.is_empty() {
                    headers
                } else {
                    headers + "\r\n"
                };
                let length = body.len();
                // In one piece, or each would wait for the acknowledgement of the one before.
                let answer =
                    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
                to.write_all(answer.as_bytes()).and_then(|()| to.flush())
            }
            Reply::Endless(status) => {
                let begun = write!(
                    to,
                    "HTTP/1.1 {status}\r\ntransfer-encoding: chunked\r\n\r\n"
                );
                let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
                begun.and_then(|()| {
                    loop {
                        to.write_all(chunk.as_bytes())?;
                    }
                })
            }
            Reply::Silence => {
                while to.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
                return;
            }
            Reply::Cut => return,
        };
        if written.is_err() {
            return;
        }
    }
}

fn read(stream: &mut impl BufRead) -> Option<Request> {
    let mut next = || {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned()).filter(|_| line.ends_with('\n'))
    };
    let line = next()?;
    let mut headers = BTreeMap::new();
    loop {
        let header = next()?;
        let Some((name, value)) = header.split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    Some(Request {
        at: Instant::now(),
        line,
        headers,
        body,
    })
}
