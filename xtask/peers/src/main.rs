//! What the bench compares the daemon with: the reference task W1 as one would write it by hand, on one thread.
//!
//! A peer listens, says `ready`, takes one connection, works until it ends, and prints what became of the lines.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the output of a command line tool is its result"
)]

mod door;
mod expert;
mod flags;
mod output;
mod serde_value;
mod threads;

use clap::Parser;
use flags::{Flags, Peer};

/// The daemon has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let result = match Flags::parse().peer {
        Peer::Serde(task) => serde_json::to_string(&door::serve(&task, serde_value::run)?)?,
        Peer::Expert(task) => serde_json::to_string(&door::serve(&task, expert::run)?)?,
        Peer::Threads(flags) => serde_json::to_string(&threads::run(&flags)?)?,
    };
    println!("{result}");
    Ok(())
}
