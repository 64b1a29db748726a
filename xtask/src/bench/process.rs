//! A process that is measured: never left behind, and never silent about its end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::usage;

/// How often an end that nobody tells of is looked for.
const POLL: Duration = Duration::from_millis(2);

/// A running process; it and its children are killed when this is dropped before they have ended.
pub(crate) struct Process {
    pub(crate) child: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts `command` in `folder`. What it writes goes to a log there, but for stdout if `piped`.
    pub(crate) fn start(
        mut command: Command,
        name: &str,
        folder: &Path,
        piped: bool,
    ) -> anyhow::Result<Self> {
        let log = folder.join("log");
        let file = File::create(&log).context("cannot create a log")?;
        let stdout = if piped {
            Stdio::piped()
        } else {
            file.try_clone()?.into()
        };
        command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(file);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self {
            child,
            name: name.to_owned(),
            log,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// An error, with what it wrote last, if it is gone.
    pub(crate) fn check_alive(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended early ({status})\n{}", self.name, self.log_tail());
        }
        Ok(())
    }

    /// Asks it to end, as a service manager does.
    pub(crate) fn terminate(&self) -> anyhow::Result<()> {
        kill(pid(self.id()), Signal::SIGTERM)
            .with_context(|| format!("cannot send SIGTERM to {}", self.name))
    }

    /// Waits until it has ended, and says how it did.
    pub(crate) fn wait(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(
                began.elapsed() < patience,
                "{} still runs {patience:?} after it was to end\n{}",
                self.name,
                self.log_tail()
            );
            thread::sleep(POLL);
        }
    }

    /// The last lines that it wrote.
    pub(crate) fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            for id in usage::tree(self.id()) {
                // It is ours; nothing is left to do if it went just now.
                let _ = kill(pid(id), Signal::SIGKILL);
            }
            let _ = self.child.wait();
        }
    }
}

/// Process ids are positive and far below the end of the range.
pub(crate) fn pid(id: u32) -> Pid {
    Pid::from_raw(id.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &Path) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start(command, "the script", folder, false).unwrap()
    }

    #[test]
    fn a_process_that_ends_early_is_an_error_that_shows_what_it_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell("echo bad key >&2; exit 78", folder.path());
        process.wait(Duration::from_secs(20)).unwrap();
        let text = format!("{:#}", process.check_alive().unwrap_err());
        assert!(text.contains("78") && text.contains("bad key"), "{text}");
    }

    #[test]
    fn a_process_that_is_not_waited_for_is_not_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let process = shell("sleep 1000 & wait", folder.path());
        let id = process.id();
        drop(process);
        assert!(kill(pid(id), None).is_err(), "{id} is still there");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Process::start(Command::new("no-such-program"), "x", folder.path(), false);
        let text = format!("{:#}", error.err().unwrap());
        assert!(text.contains("no-such-program"), "{text}");
    }
}
