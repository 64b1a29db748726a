//! Development tasks, run as `cargo xtask <command>`: `tidy`, `ci`, `bench`, `ack`, `ingress`, `burst`, `plan-check`,
//! `instructions`, `clients`, `fuzz`, `api-tests`, `page-tests`, `screenshots` and `prove-bugs`.
//!
//! This package builds and runs the daemon like any user would. It depends on no crate of the workspace.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the output of a command line tool is its result"
)]

mod api;
mod bench;
mod ci;
mod clients;
mod flags;
mod fuzz;
mod installed;
mod instructions;
mod page;
mod prove_bugs;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::Parser;
use flags::{Command, Flags};

fn main() -> ExitCode {
    let done = match Flags::parse().command {
        Command::Tidy => tidy::run(),
        Command::Ci(flags) => ci::run(&flags),
        Command::Bench(flags) => bench::run(&flags),
        Command::Ack(flags) => bench::ack::run(&flags),
        Command::Ingress(flags) => bench::ingress::run(&flags),
        Command::Burst(flags) => bench::burst::run(&flags),
        Command::PlanCheck(flags) => bench::plan_check::run(&flags),
        Command::Instructions(flags) => instructions::run(&flags),
        Command::Clients(flags) => clients::run(&flags),
        Command::Fuzz(flags) => fuzz::run(&flags),
        Command::AdminCost(flags) => bench::admin_cost::run(&flags),
        Command::ApiTests(flags) => api::run(&flags),
        Command::PageTests => page::tests(),
        Command::Screenshots => page::screenshots(),
        Command::ProveBugs(flags) => prove_bugs::run(&flags),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
