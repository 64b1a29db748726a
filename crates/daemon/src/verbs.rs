//! What each verb of the command line does, and the exit code it ends with.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, ConfigArgs, DemoArgs};
use crate::config::{self, Config, DemoOptions, Inputs, Problems};
use crate::run::Happening;
use crate::signals::{self, Signal};
use crate::status::Status;
use crate::wire::{Input, Line};

/// The process failed at run time.
pub(crate) const FAILED: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;
/// The configuration is wrong.
pub(crate) const CONFIG: u8 = 78;

/// `millpond run`.
pub(crate) fn run(args: ConfigArgs) -> ExitCode {
    let inputs = inputs(args.config, args.set);
    let config = match config::load(&inputs) {
        Ok(config) => config,
        Err(problems) => return refuse(&problems, CONFIG),
    };
    let stdout = config
        .sinks
        .iter()
        .any(|sink| sink.component.kind == "stdout");
    let mut status = Status::new(stdout && io::stdout().is_terminal(), false);
    start_with(
        &config,
        Input::Sources,
        Some(inputs),
        None,
        &mut status,
        |_| {},
    )
}

/// `millpond demo`.
pub(crate) fn demo(args: &DemoArgs) -> ExitCode {
    let letters = match tempfile::tempdir() {
        Ok(letters) => letters,
        Err(error) => {
            return refuse(
                &format!("no directory for the dead letters: {error}"),
                FAILED,
            );
        }
    };
    let options = DemoOptions {
        rate: args.rate,
        events: args.events,
        workers: args.workers,
        bad: args.bad,
        seed: args.seed,
        output: args.output.as_deref(),
        admin: args.admin,
        dead_letters: letters.path(),
    };
    match config::demo(&options) {
        Ok(config) => {
            let mut status = Status::new(false, true);
            start_with(
                &config,
                Input::Sources,
                None,
                args.for_,
                &mut status,
                |line| {
                    if let Some(admin) = &line.admin {
                        // There is nowhere to report that stderr is gone.
                        let _ =
                            writeln!(io::stderr(), "See it run: http://{}/", admin.local_addr());
                    }
                },
            )
        }
        Err(problems) => refuse(&problems, USAGE),
    }
}

/// `millpond check`.
pub(crate) fn check(args: ConfigArgs) -> ExitCode {
    let config = match load(args) {
        Ok(config) => config,
        Err(problems) => return refuse(&problems, CONFIG),
    };
    match crate::check::check(&config) {
        Ok(summary) => print(&summary),
        Err(error) => refuse(&error, error.exit_code()),
    }
}

/// `millpond schema`.
pub(crate) fn schema() -> ExitCode {
    print(&format!("{:#}\n", config::schema()))
}

/// `millpond completions`.
pub(crate) fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "millpond", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Says why not, on stderr.
pub(crate) fn refuse(why: &impl Display, code: u8) -> ExitCode {
    let mut stderr = io::stderr().lock();
    for line in why.to_string().lines() {
        // There is nowhere to report that stderr is gone.
        let _ = writeln!(stderr, "error: {line}");
    }
    ExitCode::from(code)
}

/// Writes to stdout; a reader that has read enough is no failure.
pub(crate) fn print(text: &str) -> ExitCode {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            refuse(&format!("stdout: {error}"), FAILED)
        }
        _ => ExitCode::SUCCESS,
    }
}

pub(crate) fn load(args: ConfigArgs) -> Result<Config, Problems> {
    load_files(args.config, args.set)
}

/// Reads files, the environment and settings of the command line, in this order.
pub(crate) fn load_files(files: Vec<PathBuf>, set: Vec<String>) -> Result<Config, Problems> {
    config::load(&inputs(files, set))
}

fn inputs(files: Vec<PathBuf>, set: Vec<String>) -> Inputs {
    Inputs {
        files,
        environment: std::env::vars_os().collect(),
        set,
    }
}

/// Runs until the input ends, a signal comes, or `at_most` is over.
pub(crate) fn start(
    config: &Config,
    input: Input,
    at_most: Option<Duration>,
    status: &mut Status,
) -> ExitCode {
    start_with(config, input, None, at_most, status, |_| {})
}

/// The same; `wired` sees the line before anything runs. The configuration can be reloaded if it was read from
/// `inputs`.
fn start_with(
    config: &Config,
    input: Input,
    inputs: Option<Inputs>,
    at_most: Option<Duration>,
    status: &mut Status,
    wired: impl FnOnce(&Line),
) -> ExitCode {
    let (tell, happenings) = mpsc::channel();
    let on_signal = tell.clone();
    let watching = signals::watch(move |signal| {
        // Nobody listens any more once the daemon is on its way out.
        let _ = on_signal.send(match signal {
            Signal::Stop => Happening::Stop,
            Signal::Reopen => Happening::Reopen,
        });
    });
    if let Err(error) = watching {
        return refuse(&format!("signals cannot be handled: {error}"), FAILED);
    }
    let line = match async_std::task::block_on(crate::wire::wire(config, input, &tell)) {
        Ok(line) => line,
        Err(error) => return refuse(&error, error.exit_code()),
    };
    wired(&line);
    if let Some(at_most) = at_most {
        let tell = tell.clone();
        async_std::task::spawn(async move {
            async_std::task::sleep(at_most).await;
            let _ = tell.send(Happening::Stop);
        });
    }
    ExitCode::from(crate::run::run(
        line,
        config.runtime.drain,
        inputs.map(|inputs| (inputs, config.clone())),
        &happenings,
        &tell,
        status,
    ))
}
