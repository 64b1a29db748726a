use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long a connection, and each part of an answer, may take. Streams say something once a second.
const PATIENCE: Duration = Duration::from_secs(12);

/// The longest line of an answer: a document of a thousand shards and pipelines is far from it.
const LONGEST: u64 = 16 << 20;

/// A daemon did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It cannot be reached, or went away.
    #[error("no daemon answers at {address}: {source}")]
    Away {
        /// Where it was looked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// It said no.
    #[error("the daemon at {address} refuses {path}: {detail}")]
    Refused {
        /// Which daemon.
        address: SocketAddr,
        /// The path that was asked for, without its query.
        path: String,
        /// The HTTP status; 0 if there was none.
        status: u16,
        /// Why, in its own words.
        detail: String,
    },
    /// What it said is not what a daemon of this version says.
    #[error(
        "{path} of the daemon at {address} does not read: {source}, expected a daemon of this version"
    )]
    Unreadable {
        /// Which daemon.
        address: SocketAddr,
        /// The path that was asked for.
        path: String,
        /// What was wrong.
        source: serde_json::Error,
    },
}

/// The JSON document at `path`.
///
/// # Errors
/// See [`ClientError`].
pub fn document<T: DeserializeOwned>(address: SocketAddr, path: &str) -> Result<T, ClientError> {
    let read = |mut answer: BufReader<TcpStream>| {
        let mut body = String::new();
        answer.by_ref().take(LONGEST).read_to_string(&mut body)?;
        Ok(body)
    };
    let body = get(address, path, None)?;
    let body = read(body).map_err(|source| ClientError::Away { address, source })?;
    serde_json::from_str(&body).map_err(|source| ClientError::Unreadable {
        address,
        path: path.to_owned(),
        source,
    })
}

/// The server-sent events at `path`, for whoever has the `token` where one is asked for.
///
/// # Errors
/// See [`ClientError`].
pub fn events(address: SocketAddr, path: &str, token: Option<&str>) -> Result<Events, ClientError> {
    let answer = get(address, path, token)?;
    Ok(Events { answer })
}

/// Server-sent events as they come: name and data. Ends with the connection; silence for 12 s is an error.
#[derive(Debug)]
pub struct Events {
    answer: BufReader<TcpStream>,
}

impl Iterator for Events {
    type Item = io::Result<(String, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut name = String::new();
        let mut data = String::new();
        loop {
            let mut line = String::new();
            match self.answer.by_ref().take(LONGEST).read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            let line = line.trim_end_matches(['\n', '\r']);
            match line.split_once(": ") {
                Some(("event", said)) => name = said.to_owned(),
                Some(("data", said)) => data.push_str(said),
                // An empty line ends an event; comments and the rest say nothing to us.
                _ if line.is_empty() && !data.is_empty() => return Some(Ok((name, data))),
                _ => {}
            }
        }
    }
}

/// Asks in HTTP/1.0, whose answers end with their connection: no chunks to be put together.
fn get(
    address: SocketAddr,
    path: &str,
    token: Option<&str>,
) -> Result<BufReader<TcpStream>, ClientError> {
    let (head, mut answer) =
        exchange(address, path, token).map_err(|source| ClientError::Away { address, source })?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status: u16 = status.unwrap_or(0);
    if (200..300).contains(&status) {
        return Ok(answer);
    }
    let mut body = String::new();
    // Whatever came of it: the status is reason enough.
    let _ = answer.by_ref().take(64 << 10).read_to_string(&mut body);
    let problem: Value = serde_json::from_str(&body).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or(head.trim());
    Err(ClientError::Refused {
        address,
        path: path.split('?').next().unwrap_or(path).to_owned(),
        status,
        detail: detail.to_owned(),
    })
}

/// The first line of the answer, and the answer from its body on.
fn exchange(
    address: SocketAddr,
    path: &str,
    token: Option<&str>,
) -> io::Result<(String, BufReader<TcpStream>)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n"));
    let authorization = authorization.unwrap_or_default();
    let request = format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n{authorization}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = BufReader::new(stream);
    let mut first = String::new();
    let mut line = String::new();
    loop {
        line.clear();
        let read = answer.by_ref().take(64 << 10).read_line(&mut line)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first.is_empty() {
            first.push_str(&line);
        }
        if line.trim_end().is_empty() {
            return Ok((first, answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A daemon that answers one request with `answer`; returns what it was asked.
    fn once(answer: &'static str) -> (SocketAddr, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut asked = String::new();
            while !asked.ends_with("\r\n\r\n") {
                reader.read_line(&mut asked).unwrap();
            }
            stream.write_all(answer.as_bytes()).unwrap();
            asked
        });
        (address, served)
    }

    #[test]
    fn events_are_read_one_by_one_and_end_with_the_connection() {
        let (address, served) = once(
            "HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\nretry: 1000\nevent: overview\ndata: {}\n\n\
             : still here\n\nevent: end\ndata: {\"a\":1}\n\nevent: cut",
        );
        let heard: Vec<_> = events(address, "/api/v1/tap?limit=1", Some("secret"))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let pair = |name: &str, data: &str| (name.to_owned(), data.to_owned());
        assert_eq!(heard, [pair("overview", "{}"), pair("end", "{\"a\":1}")]);
        let asked = served.join().unwrap();
        assert!(asked.starts_with("GET /api/v1/tap?limit=1 HTTP/1.0\r\n"));
        assert!(asked.contains("authorization: Bearer secret\r\n"));
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_daemon() {
        let (address, served) =
            once("HTTP/1.0 503 Service Unavailable\r\n\r\n{\"detail\":\"too many listen\"}");
        let error = events(address, "/api/v1/live", None).unwrap_err();
        let expected = format!("the daemon at {address} refuses /api/v1/live: too many listen");
        assert_eq!(error.to_string(), expected);
        served.join().unwrap();
    }

    #[test]
    fn a_daemon_that_is_not_there_and_one_that_says_something_else_are_told_apart() {
        let (address, served) = once("HTTP/1.0 200 OK\r\n\r\nhello");
        let odd = document::<Value>(address, "/api/v1/overview").unwrap_err();
        assert!(matches!(odd, ClientError::Unreadable { .. }), "{odd}");
        served.join().unwrap();
        // The listener went with its thread.
        let away = document::<Value>(address, "/api/v1/overview").unwrap_err();
        assert!(matches!(away, ClientError::Away { .. }), "{away}");
    }
}
