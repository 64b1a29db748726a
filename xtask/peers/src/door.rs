//! The one connection of a peer.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use anyhow::Context;
use serde::Serialize;

use crate::flags::Task;
use crate::output::Outputs;

/// What became of the lines.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Counts {
    /// Lines that are not blank.
    pub(crate) received: u64,
    pub(crate) malformed: u64,
    pub(crate) filtered: u64,
    pub(crate) written: u64,
}

/// Waits for the connection and lets `work` run on it until it ends.
pub(crate) fn serve(
    task: &Task,
    work: impl FnOnce(TcpStream, &mut Outputs) -> anyhow::Result<Counts>,
) -> anyhow::Result<Counts> {
    let mut outputs = Outputs::open(&task.out)?;
    let listener = TcpListener::bind(task.listen)
        .with_context(|| format!("cannot listen on {}", task.listen))?;
    eprintln!("listening on {}", listener.local_addr()?);
    println!("ready");
    std::io::stdout().flush()?;
    let (stream, _) = listener.accept().context("no connection came")?;
    drop(listener);
    let counts = work(stream, &mut outputs)?;
    outputs.flush()?;
    Ok(counts)
}

/// The daemon skips such lines, so the peers do.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}
