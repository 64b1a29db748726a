use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use crate::client::{ClientError, document, events};
use crate::overview::Overview;
use crate::past::Past;

/// How long to wait before the daemon is looked for again.
const AGAIN: Duration = Duration::from_millis(1_500);

/// What is heard of the daemon.
#[derive(Debug)]
pub(crate) enum Heard {
    /// How it stands now.
    Now(Box<Overview>),
    /// What it remembers of the last 15 minutes.
    Past(Past),
    /// It is not there, or went away, and is looked for again.
    Lost(String),
}

/// Listens to the daemon at `address` for as long as somebody takes what is heard.
pub(crate) fn listen<T: From<Heard>>(address: SocketAddr, tell: &SyncSender<T>) {
    loop {
        let why = match hear(address, tell) {
            Ok(()) => return,
            Err(why) => why,
        };
        if tell.send(Heard::Lost(why).into()).is_err() {
            return;
        }
        thread::park_timeout(AGAIN);
    }
}

/// Until nobody takes what is heard, or the reason why nothing more is.
fn hear<T: From<Heard>>(address: SocketAddr, tell: &SyncSender<T>) -> Result<(), String> {
    let said = |error: ClientError| error.to_string();
    let stream = events(address, "/api/v1/live", None).map_err(said)?;
    let past: Past = document(address, "/api/v1/history").map_err(said)?;
    if tell.send(Heard::Past(past).into()).is_err() {
        return Ok(());
    }
    for event in stream {
        let (name, data) =
            event.map_err(|error| format!("the daemon at {address} went silent: {error}"))?;
        if name != "overview" {
            continue;
        }
        let read = serde_json::from_str(&data);
        let now = read.map_err(|error| {
            format!(
                "the daemon at {address} does not read: {error}, expected a daemon of this version"
            )
        })?;
        if tell.send(Heard::Now(Box::new(now)).into()).is_err() {
            return Ok(());
        }
    }
    Err(format!("the daemon at {address} went away"))
}
