//! Asks a running daemon for what only it can do or say, through its admin listener.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::desk::Pass;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running daemon did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the daemon{} at {address}: {why}", process.map_or(String::new(), |process| format!(", process {process}")))]
pub(crate) struct RemoteError {
    /// If it is known.
    process: Option<u32>,
    address: SocketAddr,
    why: String,
}

impl RemoteError {
    pub(crate) fn new(pass: &Pass, why: &str) -> Self {
        RemoteError {
            process: Some(pass.process),
            address: pass.address,
            why: why.to_owned(),
        }
    }
}

/// One request, and the document that answers it.
pub(crate) fn ask(pass: &Pass, method: &str, path: &str, body: &str) -> Result<Value, RemoteError> {
    let authorization = format!("authorization: Bearer {}\r\n", pass.token);
    request(pass.address, &authorization, method, path, body)
        .map_err(|why| RemoteError::new(pass, &why))
}

/// What is shown to whoever may talk to the listener, read as a `T`.
pub(crate) fn look<T: DeserializeOwned>(address: SocketAddr, path: &str) -> Result<T, RemoteError> {
    let read = |document| {
        serde_json::from_value(document).map_err(|error| {
            format!("{path} does not read: {error}, expected a daemon of this version")
        })
    };
    let shown = request(address, "", "GET", path, "").and_then(read);
    shown.map_err(|why| RemoteError {
        process: None,
        address,
        why,
    })
}

fn request(
    address: SocketAddr,
    authorization: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Result<Value, String> {
    let answer = exchange(address, authorization, method, path, body);
    let answer = answer.map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let document: Value = serde_json::from_str(body).unwrap_or_default();
    let succeeded = head
        .split(' ')
        .nth(1)
        .is_some_and(|status| status.starts_with('2'));
    if succeeded {
        return Ok(document);
    }
    Err(document["detail"].as_str().unwrap_or(head).to_owned())
}

fn exchange(
    address: SocketAddr,
    authorization: &str,
    method: &str,
    path: &str,
    body: &str,
) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         {authorization}content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
