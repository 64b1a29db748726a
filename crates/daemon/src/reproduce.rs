//! `millpond replay`: runs the event of a crash through its pipeline once more, in a process of its own.

mod run;

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::cli::ReplayCrashArgs;
use crate::config::{Pipeline, Problems};
use crate::crashes::{CrashFile, CrashFileError};
use crate::error::StartError;
use crate::verbs::{CONFIG, FAILED, USAGE, load_files, print, refuse};

/// How the process ends in which the event went through, and in which it crashed again. Whatever else it ends
/// with, it did not come so far as to say.
const THROUGH: u8 = 100;
const CRASHED: u8 = 101;

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(5);

#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    File(#[from] CrashFileError),
    #[error(transparent)]
    Config(#[from] Problems),
    #[error(transparent)]
    Pipeline(#[from] StartError),
    #[error("there is no pipeline {0:?} in the configuration")]
    NoPipeline(String),
    #[error("a process to run the event in: {0}")]
    Process(io::Error),
}

pub(crate) fn run(args: &ReplayCrashArgs) -> ExitCode {
    match replay(args) {
        Ok(code) => code,
        Err(error) => refuse(&error, error.exit_code()),
    }
}

impl ReplayError {
    fn exit_code(&self) -> u8 {
        match self {
            ReplayError::File(_) => USAGE,
            ReplayError::Config(_) | ReplayError::NoPipeline(_) => CONFIG,
            ReplayError::Pipeline(error) => error.exit_code(),
            ReplayError::Process(_) => FAILED,
        }
    }
}

fn replay(args: &ReplayCrashArgs) -> Result<ExitCode, ReplayError> {
    let file = CrashFile::read(&args.file)?;
    let pipeline = pipeline(&file, args)?;
    let blueprint = crate::wire::blueprint(&pipeline, None)?;
    if args.here {
        return Ok(ExitCode::from(run::run(&pipeline, &blueprint, file.event)));
    }
    let head = &file.head;
    let place = head.location.as_ref().map(|place| format!(" at {place}"));
    print(&format!(
        "pipeline {:?}, stage {:?}, {}: {}{}\n",
        head.pipeline,
        head.stage,
        head.time,
        head.message,
        place.unwrap_or_default(),
    ));
    if head.millpond != env!("CARGO_PKG_VERSION") {
        print(&format!("that was version {}\n", head.millpond));
    }
    apart(args.timeout)
}

/// The pipeline as it was, or as it is configured now.
fn pipeline(file: &CrashFile, args: &ReplayCrashArgs) -> Result<Pipeline, ReplayError> {
    let config = if args.config.is_empty() {
        file.config()?
    } else {
        load_files(args.config.clone(), args.set.clone())?
    };
    let name = &file.head.pipeline;
    let mut pipelines = config.pipelines.into_iter();
    let pipeline = pipelines.find(|pipeline| pipeline.name == *name);
    pipeline.ok_or_else(|| ReplayError::NoPipeline(name.clone()))
}

/// Runs this command once more in a process of its own, which a stage may end as it likes.
fn apart(at_most: Duration) -> Result<ExitCode, ReplayError> {
    let program = std::env::current_exe().map_err(ReplayError::Process)?;
    let mut child = Command::new(program)
        .args(std::env::args_os().skip(1))
        .arg("--here")
        .stdin(Stdio::null())
        .spawn()
        .map_err(ReplayError::Process)?;
    let until = Instant::now() + at_most;
    let status = loop {
        match child.try_wait().map_err(ReplayError::Process)? {
            Some(status) => break status,
            None if Instant::now() < until => std::thread::park_timeout(LOOK),
            None => {
                // It is waited for: it cannot be somebody else's process by now.
                let _ = child.kill();
                let _ = child.wait();
                print(&format!(
                    "it hangs: it was ended after {}\n",
                    humantime::format_duration(at_most)
                ));
                return Ok(ExitCode::from(FAILED));
            }
        }
    };
    Ok(judge(status))
}

fn judge(status: ExitStatus) -> ExitCode {
    match (status.code().map(u8::try_from), status.signal()) {
        (Some(Ok(THROUGH)), _) => print("it went through\n"),
        (Some(Ok(CRASHED)), _) => ExitCode::from(FAILED),
        (_, Some(signal)) => {
            print(&format!(
                "it crashed again: its process was ended by signal {signal}\n"
            ));
            ExitCode::from(FAILED)
        }
        (_, None) => {
            print(&format!(
                "it crashed again: it ended its process ({status})\n"
            ));
            ExitCode::from(FAILED)
        }
    }
}
