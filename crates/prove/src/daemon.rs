//! The daemon as a child process: what it says, and how it ends.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::error::Error;
use crate::pause::pause;
use crate::place::Place;

/// How often a process that ends is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// How many lines of trouble are shown.
const SHOWN: usize = 5;

/// A running daemon. It is killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    said: Receiver<Said>,
    /// Where its sources listen, by name.
    pub(crate) sources: BTreeMap<String, SocketAddr>,
    admin: Option<SocketAddr>,
}

enum Said {
    Source(String, SocketAddr),
    Admin(SocketAddr),
    Running,
}

/// The last lines of the log that speak of trouble, of whichever daemon.
#[derive(Clone, Default)]
pub(crate) struct Troubles(Arc<Mutex<VecDeque<String>>>);

impl Troubles {
    fn add(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_back(line.to_owned());
        if lines.len() > SHOWN {
            lines.pop_front();
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }
}

impl Daemon {
    /// Starts one. Its own settings from the environment would be those of another trial: it gets none.
    pub(crate) fn start(binary: &Path, place: &Place, troubles: &Troubles) -> Result<Self, Error> {
        let mut command = Command::new(binary);
        command.arg("run").arg("-c").arg(place.config());
        command.args(["--log-format", "json", "--log", "info"]);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"MILLPOND_") {
                command.env_remove(name);
            }
        }
        // In a group of its own, so that Ctrl-C reaches only the proof, which then ends it.
        command.current_dir(place.path()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::io("run", binary))?;
        let path = place.log();
        let log = OpenOptions::new().create(true).append(true).open(&path);
        let log = log.map_err(Error::io("open", &path))?;
        let (tell, said) = channel();
        if let Some(stderr) = child.stderr.take() {
            let troubles = troubles.clone();
            thread::spawn(move || listen(stderr, log, &tell, &troubles));
        }
        Ok(Daemon {
            child,
            said,
            sources: BTreeMap::new(),
            admin: None,
        })
    }

    /// Waits until it runs; false when it has ended instead, or does neither in time.
    pub(crate) fn ready(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(Said::Source(name, address)) => {
                    self.sources.insert(name, address);
                }
                Ok(Said::Admin(address)) => self.admin = Some(address),
                Ok(Said::Running) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
                // It ends: its log did before it.
                Err(RecvTimeoutError::Disconnected) => {
                    while self.ended().is_none() && Instant::now() < until {
                        pause(LOOK);
                    }
                    return false;
                }
            }
        }
    }

    pub(crate) fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// How it has ended by itself, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to end, and waits: with which code it did, if it did in time and by itself.
    pub(crate) fn terminate(mut self, patience: Duration) -> Option<i32> {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)?;
        kill_process(id, Signal::TERM).ok()?;
        // Its log ends with it.
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().ok()?.code(),
                Err(RecvTimeoutError::Timeout) => return None,
            }
        }
    }
}

impl Drop for Daemon {
    /// Ends it as a crash would. One that has ended does not mind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps the log, and picks out of it where the daemon listens and what troubles it.
fn listen(stderr: ChildStderr, mut log: File, tell: &Sender<Said>, troubles: &Troubles) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        // A disk that is full cannot keep the log; the trial goes on.
        let _ = writeln!(log, "{line}");
        let Ok(entry) = serde_json::from_str::<Value>(&line) else {
            troubles.add(&line);
            continue;
        };
        if entry["level"] == "ERROR" {
            troubles.add(&line);
        }
        let address = || entry["address"].as_str()?.parse().ok();
        let said = match entry["message"].as_str() {
            Some("source listens") => entry["source"]
                .as_str()
                .zip(address())
                .map(|(name, address)| Said::Source(name.to_owned(), address)),
            Some("admin listens") => address().map(Said::Admin),
            Some("running") => Some(Said::Running),
            _ => None,
        };
        if let Some(said) = said {
            // Nobody waits for it any more once it runs.
            let _ = tell.send(said);
        }
    }
}
