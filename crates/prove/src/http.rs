//! The little of HTTP that a client of the daemon needs.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// No answer of the daemon is longer.
const ANSWER_MAX: usize = 16 << 20;

/// A connection that is kept between requests.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// The connection cannot be used again.
    pub(crate) closes: bool,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let stream = BufReader::new(stream);
        Ok(Connection { stream })
    }

    /// Posts lines of events.
    pub(crate) fn post(&mut self, lines: &[u8]) -> Result<Answer> {
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\n\
             content-length: {}\r\n\r\n",
            lines.len()
        );
        self.ask(&[head.as_bytes(), lines].concat())
    }

    fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.get_mut().write_all(request)?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| wrong("a status line"))?;
        let (mut length, mut closes) = (None, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().ok(),
                Some(("connection", value)) => closes = value.trim() == "close",
                Some(_) => {}
                None if line.is_empty() => break,
                None => return Err(wrong("a header")),
            }
        }
        let length = length.filter(|&length| length <= ANSWER_MAX);
        let mut body = vec![0; length.ok_or_else(|| wrong("a length"))?];
        self.stream.read_exact(&mut body)?;
        let body = String::from_utf8(body).map_err(|_| wrong("text"))?;
        Ok(Answer {
            status,
            body,
            closes,
        })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let mut some = self.stream.by_ref().take(8 << 10);
        some.read_line(&mut line)?;
        let line = line.strip_suffix("\r\n");
        line.map(str::to_owned)
            .ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }
}

fn wrong(expected: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("expected {expected}"))
}

/// The body of a page of the admin listener.
pub(crate) fn page(address: SocketAddr, path: &str) -> Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let answer = Connection::open(address)?.ask(request.as_bytes())?;
    match answer.status {
        200 => Ok(answer.body),
        status => Err(Error::other(format!("{path} was answered with {status}"))),
    }
}
