//! `millpond top`: what a running daemon does, in the terminal, or as lines for whatever is no terminal.

use std::io::{self, ErrorKind, IsTerminal};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use millpond_top::{Every, PrintError, print, watch};

use crate::signals;
use crate::verbs::{FAILED, refuse};

pub(crate) const EXAMPLES: &str = "\
Examples:
  millpond top
  millpond top --admin 127.0.0.1:7081
  millpond top --once
  millpond top --interval 5s --count 12 > load.txt

In a terminal of at least 80 columns and 24 rows, `?` says which keys there are, and q leaves. Where the output is no
terminal, and with --once, --count, --interval or --plain, it is a line a second. Another machine is reached through a
tunnel: ssh -L 7080:127.0.0.1:7080 HOST.

Exit codes: 0, 1 no daemon answers or the terminal cannot be used, 2 usage.";

/// Which daemon is watched, and how.
#[derive(Args, Debug)]
pub(crate) struct TopArgs {
    /// The admin listener of the daemon.
    #[arg(long, default_value = "127.0.0.1:7080", value_name = "ADDRESS")]
    admin: SocketAddr,

    /// Writes one line and ends.
    #[arg(long, conflicts_with_all = ["count", "interval"])]
    once: bool,

    /// Writes lines this far apart: 1s by default.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    interval: Option<Duration>,

    /// Writes so many lines and ends.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Writes lines in a terminal, too.
    #[arg(long)]
    plain: bool,
}

/// `millpond top`.
pub(crate) fn top(args: &TopArgs) -> ExitCode {
    let lines = args.plain || args.once || args.count.is_some() || args.interval.is_some();
    if lines || !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return plain(args);
    }
    // A signal that cannot be watched for ends the process, as it does everywhere.
    let remote = |remote: millpond_top::Remote| {
        let _ = signals::watch(move |_| remote.leave());
    };
    match watch(args.admin, remote) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error, FAILED),
    }
}

fn plain(args: &TopArgs) -> ExitCode {
    let every = Every {
        interval: args.interval.unwrap_or(Duration::from_secs(1)),
        count: if args.once { Some(1) } else { args.count },
    };
    match print(
        args.admin,
        every,
        &mut io::stdout().lock(),
        &mut io::stderr().lock(),
    ) {
        Ok(()) => ExitCode::SUCCESS,
        // Who read the lines has read enough.
        Err(PrintError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => refuse(&error, FAILED),
    }
}
