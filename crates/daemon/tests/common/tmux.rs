//! A terminal for tests.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "this is test code, and not every test needs all of it"
)]

use std::io::Write;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal of its own that runs a shell command; none, with a word, where there is no tmux.
pub struct Tmux {
    dir: TempDir,
}

impl Tmux {
    /// It tells in the end how the command ended, and whether lines are edited there.
    pub fn run(command: &str) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            // The test of a machine without it says nothing about terminals.
            let _ = writeln!(std::io::stderr(), "skipped: there is no tmux");
            return None;
        }
        let tmux = Tmux {
            dir: tempfile::tempdir().unwrap(),
        };
        let command =
            format!("{command}; echo left with $?; stty -a | grep -o ' icanon'; exec cat");
        tmux.tell(&["new-session", "-d", "-x", "100", "-y", "30", &command]);
        Some(tmux)
    }

    /// Has tmux do something; what it says.
    pub fn tell(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .arg("-S")
            .arg(self.dir.path().join("socket"))
            .args(["-f", "/dev/null"])
            .args(arguments)
            .env("TERM", "xterm-256color")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn keys(&self, keys: &[&str]) {
        self.tell(&[&["send-keys"], keys].concat());
    }

    /// Looks until the screen shows all of these.
    pub fn until(&self, words: &[&str]) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let screen = self.tell(&["capture-pane", "-p"]);
            if words.iter().all(|words| screen.contains(words)) {
                return screen;
            }
            assert!(Instant::now() < until, "never {words:?} in:\n{screen}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.tell(&["kill-server"]);
    }
}
