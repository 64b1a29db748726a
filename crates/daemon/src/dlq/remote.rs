//! Asks a running daemon to do what only it can, since it has the store.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::DlqError;
use crate::desk::Pass;

/// How often the daemon is asked whether it is done.
const ASK: Duration = Duration::from_millis(100);
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has the daemon in `folder` do `what`, waits until it is done, and returns what it says.
pub(super) fn order(
    folder: &Path,
    what: &str,
    wanted: &[String],
    again: bool,
    locked: millpond_store::Error,
) -> Result<String, DlqError> {
    let Some(pass) = Pass::find(folder).map_err(DlqError::Token)? else {
        return Err(DlqError::Locked(locked));
    };
    let body = json!({ "where": wanted, "again": again }).to_string();
    let begun = ask(&pass, "POST", &format!("/api/v1/dlq/{what}"), &body)?;
    loop {
        let order = ask(&pass, "GET", "/api/v1/dlq", "")?["order"].take();
        if order["number"] != begun["order"] {
            return Err(refused(&pass, "it has taken another order since"));
        }
        if order["running"] == false {
            let said = order["said"].as_str().unwrap_or_default().to_owned();
            return match order["whole"] == true {
                true => Ok(said),
                false => Err(DlqError::Unfinished(said.trim_end().replace('\n', "; "))),
            };
        }
        thread::park_timeout(ASK);
    }
}

/// One request, and the document that answers it.
fn ask(pass: &Pass, method: &str, path: &str, body: &str) -> Result<Value, DlqError> {
    let answer =
        exchange(pass, method, path, body).map_err(|error| refused(pass, &error.to_string()))?;
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
    Err(refused(pass, why))
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

fn refused(pass: &Pass, why: &str) -> DlqError {
    DlqError::Refused {
        process: pass.process,
        address: pass.address,
        why: why.to_owned(),
    }
}
