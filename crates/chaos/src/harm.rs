use std::hint::black_box;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use schemars::JsonSchema;
use serde::Deserialize;

/// How much is allocated at a time.
const BLOCK: usize = 16 << 20;
/// All of it together: more than any limit that a test sets.
const BLOCKS: usize = 4 << 30 >> 24;

/// What a faulty stage may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Harm {
    /// Panics.
    Panic,
    /// Aborts the process.
    Abort,
    /// Raises the signal of a bad memory access.
    Segfault,
    /// Recurses without an end.
    StackOverflow,
    /// Takes and touches 4 GiB of memory, then lets go of them: a limit ends it before.
    Allocate,
    /// Computes without an end.
    Loop,
    /// Sleeps without an end.
    Hang,
    /// Ends the process as if all were well.
    Exit,
}

impl Harm {
    #[expect(clippy::disallowed_methods, reason = "the process is to end")]
    pub(crate) fn happen(self) {
        match self {
            Harm::Panic => panic!("chaos: a panic was asked for"),
            Harm::Abort => std::process::abort(),
            // The first may only take the handler away that looks for an overflow of the stack.
            Harm::Segfault => loop {
                let _ = raise(Signal::SIGSEGV);
            },
            Harm::StackOverflow => {
                black_box(recurse(0));
            }
            Harm::Allocate => {
                black_box((0..BLOCKS).map(|_| vec![1_u8; BLOCK]).collect::<Vec<_>>());
            }
            Harm::Loop => loop {
                black_box(());
            },
            Harm::Hang => loop {
                std::thread::sleep(Duration::from_secs(3600));
            },
            Harm::Exit => std::process::exit(0),
        }
    }
}

#[expect(unconditional_recursion, reason = "the stack is to overflow")]
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let mut frame = [depth; 512];
    // Work after the call keeps it from being a jump.
    black_box(&mut frame)[1] = recurse(black_box(depth + 1));
    frame.iter().sum()
}
