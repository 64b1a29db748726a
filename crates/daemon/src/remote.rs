//! Asks a running daemon for what only it can do, through its admin listener.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::desk::Pass;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running daemon did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the daemon, process {process} at {address}: {why}")]
pub(crate) struct RemoteError {
    process: u32,
    address: SocketAddr,
    why: String,
}

impl RemoteError {
    pub(crate) fn new(pass: &Pass, why: &str) -> Self {
        RemoteError {
            process: pass.process,
            address: pass.address,
            why: why.to_owned(),
        }
    }
}

/// One request, and the document that answers it.
pub(crate) fn ask(pass: &Pass, method: &str, path: &str, body: &str) -> Result<Value, RemoteError> {
    let answer = exchange(pass, method, path, body)
        .map_err(|error| RemoteError::new(pass, &error.to_string()))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let document: Value = serde_json::from_str(body).unwrap_or_default();
    let succeeded = head
        .split(' ')
        .nth(1)
        .is_some_and(|status| status.starts_with('2'));
    if succeeded {
        return Ok(document);
    }
    let why = document["detail"].as_str().unwrap_or(head);
    Err(RemoteError::new(pass, why))
}

fn exchange(pass: &Pass, method: &str, path: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&pass.address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
         authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
        pass.address,
        pass.token,
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
