//! `millpond pause`, `resume` and `reload`: orders for a running daemon.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::{ConfigArgs, PipelineArgs, StoreArgs};
use crate::config::Problems;
use crate::desk::Pass;
use crate::remote::{RemoteError, ask};
use crate::verbs::{CONFIG, FAILED, load, print, refuse};

#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error(transparent)]
    Config(#[from] Problems),
    #[error("the token of the daemon cannot be read: {0}")]
    Token(io::Error),
    #[error(
        "no daemon with an admin listener runs here: there is no token in {}",
        .0.display()
    )]
    NoDaemon(PathBuf),
    #[error(transparent)]
    Refused(#[from] RemoteError),
}

/// `millpond pause`.
pub(crate) fn pause(args: PipelineArgs) -> ExitCode {
    let PipelineArgs { pipeline, store } = args;
    let body = json!({ "pipeline": pipeline });
    give(store, "/api/v1/pipelines/pause", &body, |_| {
        format!("pipeline {pipeline:?} is paused\n")
    })
}

/// `millpond resume`.
pub(crate) fn resume(args: PipelineArgs) -> ExitCode {
    let PipelineArgs { pipeline, store } = args;
    let body = json!({ "pipeline": pipeline });
    give(store, "/api/v1/pipelines/resume", &body, |_| {
        format!("pipeline {pipeline:?} goes on\n")
    })
}

/// `millpond reload`.
pub(crate) fn reload(store: StoreArgs) -> ExitCode {
    give(store, "/api/v1/reload", &json!({}), |answer| {
        let changed = answer["changed"].as_array().into_iter().flatten();
        let changed: Vec<_> = changed.filter_map(Value::as_str).collect();
        match changed.is_empty() {
            true => "nothing has changed\n".to_owned(),
            false => format!("taken over: {}\n", changed.join(", ")),
        }
    })
}

/// Gives an order to the daemon that has the store, and says what came of it.
fn give(
    store: StoreArgs,
    path: &str,
    body: &Value,
    said: impl FnOnce(&Value) -> String,
) -> ExitCode {
    let asked = pass(store).and_then(|pass| Ok(ask(&pass, "POST", path, &body.to_string())?));
    match asked {
        Ok(answer) => print(&said(&answer)),
        Err(error @ OrderError::Config(_)) => refuse(&error, CONFIG),
        Err(error) => refuse(&error, FAILED),
    }
}

fn pass(store: StoreArgs) -> Result<Pass, OrderError> {
    let StoreArgs { config, set, path } = store;
    let folder = match path {
        Some(path) => path,
        None => load(ConfigArgs { config, set })?.dead_letters.path,
    };
    let pass = Pass::find(&folder).map_err(OrderError::Token)?;
    pass.ok_or(OrderError::NoDaemon(folder))
}
