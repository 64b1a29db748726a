//! The command line.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// What the bench compares the daemon with.
#[derive(Debug, Parser)]
#[command(name = "peer")]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) peer: Peer,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Peer {
    /// The reference task with `serde_json::Value`, line by line.
    Serde(Task),
    /// The reference task with typed `sonic-rs`, borrowed strings, large reads and reused buffers.
    Expert(Task),
    /// The fixed work of the daemon's `work` stage on bare threads: how far this machine's cores scale at all.
    Threads(Threads),
}

#[derive(Debug, Args)]
pub(crate) struct Task {
    /// Where to wait for the one connection.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// The output file; malformed lines go to a file of this name with `.rejected` behind it. `-` discards both.
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Threads {
    /// Threads that work at the same time.
    #[arg(long)]
    pub(crate) count: NonZeroU32,
    /// For how long.
    #[arg(long)]
    pub(crate) seconds: NonZeroU64,
}
