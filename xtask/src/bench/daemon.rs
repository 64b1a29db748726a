//! The daemon as a child process: started, asked and ended from outside, as an operator would.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::counters::Reading;
use super::process::Process;

const CONFIG: &str = "bench.toml";
/// How long the daemon may take to become ready.
const READY: Duration = Duration::from_secs(20);
/// How long the daemon may take to end; its own deadline is 10 s.
const STOP: Duration = Duration::from_secs(20);

/// A running daemon. It is killed when this is dropped before [`Daemon::stop`].
pub(crate) struct Daemon {
    pub(crate) process: Process,
    admin: SocketAddr,
    /// From the start of the process until it said that it was ready.
    pub(crate) start_to_ready: Duration,
}

impl Daemon {
    /// Starts `binary` in `folder` with this configuration and waits until it is ready.
    pub(crate) fn start(
        binary: &Path,
        folder: &Path,
        config: &str,
        set: &[String],
        admin: u16,
    ) -> anyhow::Result<Self> {
        fs::write(folder.join(CONFIG), config)
            .context("cannot write the daemon's configuration")?;
        let mut command = Command::new(binary);
        command
            .args(["run", "-c", CONFIG])
            .args(set.iter().flat_map(|setting| ["--set", setting]));
        let began = Instant::now();
        let mut daemon = Self {
            process: Process::start(command, "the daemon", folder, false)?,
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, admin)),
            start_to_ready: Duration::ZERO,
        };
        while daemon.get("/readyz").is_err() {
            daemon.process.check_alive()?;
            ensure!(
                began.elapsed() < READY,
                "not ready after {READY:?}\n{}",
                daemon.process.log_tail()
            );
            thread::sleep(Duration::from_millis(1));
        }
        daemon.start_to_ready = began.elapsed();
        Ok(daemon)
    }

    /// What its counters say now.
    pub(crate) fn read(&self) -> anyhow::Result<Reading> {
        Reading::parse(&self.metrics()?)
    }

    /// All its metrics, as text.
    pub(crate) fn metrics(&self) -> anyhow::Result<String> {
        self.get("/metrics")
    }

    /// The body of an answer of the admin listener; an error for any status but 200.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<String> {
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

    /// Asks it to end and waits until it has drained.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        self.process.terminate()?;
        let status = self.process.wait(STOP)?;
        ensure!(
            status.success(),
            "the daemon ended with {status}, expected 0\n{}",
            self.process.log_tail()
        );
        Ok(())
    }
}

/// Free ports of the loopback interface. They are free when asked for, not reserved.
pub(crate) fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let listen = |()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let mut ports = [0; N];
    // All of them are open before the first is closed: no port comes twice.
    let listeners: Vec<TcpListener> = [(); N]
        .into_iter()
        .map(listen)
        .collect::<Result<_, _>>()
        .context("cannot find a free port")?;
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

fn body(answer: &str) -> anyhow::Result<&str> {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("expected an HTTP answer")?;
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    ensure!(status == "200", "status {status}, expected 200: {body}");
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn no_port_is_given_twice() {
        let [one, two, three] = free_ports().unwrap();
        assert!(one != two && two != three && one != three);
    }
}
