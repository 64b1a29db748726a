//! `millpond resume`: lets a pipeline go on that was paused.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::cli::{ConfigArgs, ResumeArgs, StoreArgs};
use crate::config::Problems;
use crate::desk::Pass;
use crate::remote::{RemoteError, ask};
use crate::verbs::{CONFIG, FAILED, load, print, refuse};

#[derive(Debug, thiserror::Error)]
enum ResumeError {
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

pub(crate) fn run(args: ResumeArgs) -> ExitCode {
    let ResumeArgs { pipeline, store } = args;
    match resume(&pipeline, store) {
        Ok(()) => print(&format!("pipeline {pipeline:?} goes on\n")),
        Err(error @ ResumeError::Config(_)) => refuse(&error, CONFIG),
        Err(error) => refuse(&error, FAILED),
    }
}

fn resume(pipeline: &str, store: StoreArgs) -> Result<(), ResumeError> {
    let StoreArgs { config, set, path } = store;
    let folder = match path {
        Some(path) => path,
        None => load(ConfigArgs { config, set })?.dead_letters.path,
    };
    let Some(pass) = Pass::find(&folder).map_err(ResumeError::Token)? else {
        return Err(ResumeError::NoDaemon(folder));
    };
    let body = json!({ "pipeline": pipeline }).to_string();
    ask(&pass, "POST", "/api/v1/pipelines/resume", &body)?;
    Ok(())
}
