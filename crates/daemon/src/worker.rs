//! Workers in processes of their own: what the daemon tells them, and what one of them does.

mod orders;
mod pen;
mod wire;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use millpond_runtime::note_panics;
use millpond_runtime::process::{Built, Hand, Processes, Suspects, serve};

use crate::codec::JsonCodec;
use crate::config::{Apart, Config};
use crate::error::StartError;
use crate::journal::OpenJournal;
use crate::verbs::{FAILED, refuse};
use orders::Orders;

/// The verb of the command line that begins such a process.
const VERB: &str = "worker";
/// The file beside a journal in which attempts to run an event are remembered.
const ATTEMPTS: &str = "attempts";
/// The program that runs, though another may lie in its place meanwhile.
const PROGRAM: &str = "/proc/self/exe";

/// How the processes are started, and what they are told.
///
/// # Errors
/// The orders cannot be written, or what is known of earlier attempts cannot be read.
pub(crate) fn processes(
    config: &Config,
    apart: &Apart,
    journal: Option<&OpenJournal>,
) -> Result<Processes, StartError> {
    let suspects = journal.map(|open| {
        let path = open.folder.join(ATTEMPTS);
        Suspects::open(&path, open.journal.id())
            .map(Arc::new)
            .map_err(|error| {
                StartError::failed_at(&open.at, format!("{}: {error}", path.display()))
            })
    });
    Ok(Processes {
        command: Arc::new(command),
        hello: hello(config, apart)?,
        deadline: apart.timeout,
        suspects: suspects.transpose()?,
    })
}

/// What they are told: what they run.
///
/// # Errors
/// It cannot be written.
pub(crate) fn hello(config: &Config, apart: &Apart) -> Result<Arc<[u8]>, StartError> {
    let orders = Orders::new(config, apart);
    Ok(orders.write().map_err(StartError::Orders)?.into())
}

/// Nothing is handed on but the program: no file, no variable, no folder.
fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .arg0("millpond")
        .arg(VERB)
        .env_clear()
        // The allocator would reserve 1 GiB before there is a limit.
        .env("MIMALLOC_ARENA_RESERVE", "0")
        .current_dir("/");
    command
}

/// `millpond worker`: runs lines until the daemon is gone.
pub(crate) fn run() -> ExitCode {
    let served = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|socket| {
            ignore_signals()?;
            serve(UnixStream::from(socket), build)
        });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(
            &format!("the process of a worker, which the daemon starts by itself: {error}"),
            FAILED,
        ),
    }
}

/// What ends the daemon is told to the daemon, which drains and needs its workers for that.
fn ignore_signals() -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}

fn build(orders: &[u8]) -> Result<Built<JsonCodec>, String> {
    let orders = Orders::read(orders)?;
    pen::limit(&orders)?;
    let hands = orders.pipelines.iter().map(|pipeline| {
        Ok(Hand {
            blueprint: crate::wire::blueprint(pipeline, None)?,
            codec: Box::new(crate::wire::codec(pipeline, None)?),
        })
    });
    let hands = hands
        .collect::<Result<Vec<_>, StartError>>()
        .map_err(|error| error.to_string())?;
    // Those of stages are told to the daemon, which logs them.
    note_panics();
    Ok(Built {
        hands,
        // Stages have read their files by now.
        notice: pen::close(),
    })
}
