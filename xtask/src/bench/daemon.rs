//! The daemon as a child process: started, asked, measured and ended from outside, as an operator would.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

/// How often a condition that only the daemon knows is asked for.
pub(super) const POLL: Duration = Duration::from_millis(2);

const CONFIG: &str = "bench.toml";
const LOG: &str = "daemon.log";

/// A running daemon. It is killed when this is dropped before [`Daemon::stop`].
pub(super) struct Daemon {
    child: Child,
    folder: PathBuf,
    admin: SocketAddr,
    /// From the start of the process until it said that it was ready.
    pub(super) start_to_ready: Duration,
}

impl Daemon {
    /// Starts `binary` in `folder` with this configuration and waits until it is ready.
    pub(super) fn start(
        binary: &Path,
        folder: &Path,
        config: &str,
        set: &[String],
        admin: u16,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        fs::write(folder.join(CONFIG), config)
            .context("cannot write the daemon's configuration")?;
        let log = File::create(folder.join(LOG)).context("cannot create the daemon's log")?;
        let mut command = Command::new(binary);
        command
            .args(["run", "-c", CONFIG])
            .args(set.iter().flat_map(|setting| ["--set", setting]));
        command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let began = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, admin));
        let mut daemon = Self {
            child,
            folder: folder.to_owned(),
            admin,
            start_to_ready: Duration::ZERO,
        };
        while daemon.get("/readyz").is_err() {
            daemon.check_alive()?;
            ensure!(
                began.elapsed() < patience,
                "not ready after {patience:?}\n{}",
                daemon.log_tail()
            );
            thread::sleep(Duration::from_millis(1));
        }
        daemon.start_to_ready = began.elapsed();
        Ok(daemon)
    }

    /// The body of an answer of the admin listener; an error for any status but 200.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<String> {
        self.exchange(path)
            .with_context(|| format!("GET {path} on the admin listener failed"))
    }

    fn exchange(&self, path: &str) -> anyhow::Result<String> {
        let patience = Some(Duration::from_secs(5));
        let mut stream = TcpStream::connect(self.admin)?;
        stream.set_read_timeout(patience)?;
        stream.set_write_timeout(patience)?;
        // HTTP/1.0, so that the answer is neither chunked nor followed by another; in one write, so in one segment.
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.admin);
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        body(&answer).map(str::to_owned)
    }

    /// An error, with what the daemon wrote last, if it is gone.
    pub(super) fn check_alive(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the daemon ended early ({status})\n{}", self.log_tail());
        }
        Ok(())
    }

    /// CPU time used so far, in seconds; `None` where the system has no `/proc`.
    pub(super) fn cpu_seconds(&self) -> Option<f64> {
        cpu_seconds(&fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?)
    }

    /// The most memory resident so far, in bytes; `None` where the system has no `/proc`.
    pub(super) fn peak_resident(&self) -> Option<u64> {
        peak_resident(&fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?)
    }

    /// Asks the daemon to end, as a service manager does, and returns how it did.
    pub(super) fn stop(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let id = self.child.id().to_string();
        let asked = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .context("cannot run kill")?;
        ensure!(
            asked.success(),
            "cannot send SIGTERM to the daemon (process {id})"
        );
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(
                began.elapsed() < patience,
                "still running {patience:?} after SIGTERM\n{}",
                self.log_tail()
            );
            thread::sleep(POLL);
        }
    }

    /// The last lines that the daemon wrote.
    pub(super) fn log_tail(&self) -> String {
        let log = fs::read(self.folder.join(LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It is ours and still there; nothing is left to do if it went just now.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Two free ports of the loopback interface. They are free when asked for, not reserved.
pub(super) fn free_ports() -> anyhow::Result<(u16, u16)> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot find a free port");
    let (first, second) = (listen()?, listen()?);
    Ok((first.local_addr()?.port(), second.local_addr()?.port()))
}

fn body(answer: &str) -> anyhow::Result<&str> {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("expected an HTTP answer")?;
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    ensure!(status == "200", "status {status}, expected 200: {body}");
    Ok(body)
}

/// `utime` plus `stime` of `/proc/PID/stat`, which counts in hundredths of a second on every Linux.
fn cpu_seconds(stat: &str) -> Option<f64> {
    // The name, in brackets, may hold spaces and brackets; the state follows it as field 3, utime is field 14.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) as f64 / 100.0)
}

fn peak_resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_with_brackets_does_not_shift_the_fields() {
        let stat = "42 (mill) pond) S 1 42 42 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 5 0 1000 1 1";
        assert_eq!(cpu_seconds(stat), Some(1.75));
        assert_eq!(cpu_seconds("42 (x) S"), None);
    }

    #[test]
    fn peak_memory_is_read_in_bytes() {
        assert_eq!(
            peak_resident("Name:\tmillpond\nVmHWM:\t   40960 kB\nVmRSS:\t 1 kB\n"),
            Some(40 << 20)
        );
        assert_eq!(peak_resident("Name:\tmillpond\n"), None);
    }

    #[test]
    fn only_a_good_answer_has_a_body() {
        assert_eq!(
            body("HTTP/1.0 200 OK\r\nA: b\r\n\r\nx 1\n").unwrap(),
            "x 1\n"
        );
        for answer in [
            "",
            "HTTP/1.0 503 Service Unavailable\r\n\r\nstarting",
            "HTTP/1.0 200 OK\r\n",
        ] {
            assert!(body(answer).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn a_daemon_that_ends_at_once_is_an_error_that_shows_what_it_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("daemon");
        fs::write(&script, "#!/bin/sh\necho bad key >&2\nexit 78\n").unwrap();
        if Command::new("chmod")
            .arg("+x")
            .arg(&script)
            .status()
            .is_err()
        {
            println!("skipped: no chmod here");
            return;
        }
        let (_, admin) = free_ports().unwrap();
        let error = Daemon::start(
            &script,
            folder.path(),
            "",
            &[],
            admin,
            Duration::from_secs(20),
        )
        .err()
        .unwrap();
        let text = format!("{error:#}");
        assert!(text.contains("78") && text.contains("bad key"), "{text}");
    }
}
