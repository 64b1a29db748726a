//! The hot path in rounds of fixed work, for `cargo xtask instructions` to count under callgrind.
//!
//! `list` prints the cases, each with the case whose work it contains. `run CASE ROUNDS` does that many rounds of one
//! and prints how many events a round has. What a case costs an event is the difference between runs of few and of
//! many rounds, so that setting up, and the growth of buffers in the first round, cancel out.
//!
//! Without such an order every case does one round, to show that it still works.

#![allow(
    clippy::print_stdout,
    reason = "the output of a command line tool is its result"
)]

mod case;
/// The daemon's own: it is a binary, and its codec no part of any crate.
#[path = "../../../crates/daemon/src/codec.rs"]
mod codec;
mod events;
mod hop;
mod lines;
mod rig;
mod stages;
mod whole;

use case::{Case, Failure};

// As in the daemon.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["list"] => {
            for case in cases() {
                println!("{} {}", case.name, case.beyond.unwrap_or_default());
            }
        }
        ["run", name, rounds] => {
            let case = cases().into_iter().find(|case| case.name == name);
            let case = case.ok_or_else(|| format!("there is no case {name:?}"))?;
            println!("{}", case.run(rounds.parse()?)?);
        }
        [] => {
            for case in cases() {
                println!("{:12}{:>8} events", case.name, case.run(1)?);
            }
            println!("instructions are counted by `cargo xtask instructions`");
        }
        _ => {
            let message =
                format!("found {arguments:?}, expected nothing, list, or run CASE ROUNDS");
            return Err(message.into());
        }
    }
    Ok(())
}

/// In the order of the way of an event.
fn cases() -> Vec<Case> {
    let lists = [
        events::cases(),
        stages::cases(),
        hop::cases(),
        whole::cases(),
    ];
    lists.into_iter().flatten().collect()
}
