//! The Millpond daemon.

mod backlog;
mod check;
mod cli;
mod codec;
mod config;
mod crashes;
mod desk;
mod dlq;
mod error;
mod hangs;
mod health;
mod journal;
mod kinds;
#[cfg(feature = "otlp")]
mod late;
mod logs;
mod observe;
mod order;
mod patience;
mod plan;
mod points;
mod prove;
mod reload;
mod remote;
mod replay;
mod report;
mod reproduce;
mod run;
mod signals;
mod spans;
mod status;
mod tap;
mod top;
mod verbs;
mod watchdog;
mod wire;
mod worker;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Verb};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Verb::Worker = cli.verb {
        return worker::run();
    }
    if let Err(message) = logs::start(cli.log_format, cli.filter()) {
        return verbs::refuse(&message, verbs::USAGE);
    }
    match cli.verb {
        Verb::Run(args) => verbs::run(args),
        Verb::Demo(args) => verbs::demo(&args),
        Verb::Check(args) => verbs::check(args),
        Verb::Dlq(args) => dlq::run(args),
        Verb::Replay(args) => reproduce::run(&args),
        Verb::Pause(args) => order::pause(args),
        Verb::Resume(args) => order::resume(args),
        Verb::Reload(args) => order::reload(args),
        Verb::Journal(args) => journal::run(args),
        Verb::Plan(args) => plan::plan(args),
        Verb::Tap(args) => tap::tap(args),
        Verb::Top(args) => top::top(&args),
        Verb::Prove(args) => prove::prove(args),
        Verb::Worker => worker::run(),
        Verb::Schema => verbs::schema(),
        Verb::Completions { shell } => verbs::completions(shell),
    }
}
