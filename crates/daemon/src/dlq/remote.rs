//! Asks a running daemon to do what only it can, since it has the store.

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::DlqError;
use crate::desk::Pass;
use crate::remote::{RemoteError, ask};

/// How often the daemon is asked whether it is done.
const ASK: Duration = Duration::from_millis(100);

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
            return Err(RemoteError::new(&pass, "it has taken another order since").into());
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
