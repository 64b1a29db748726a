//! Runs the daemon as a user would: a configuration file, a process, its logs, its exit code.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its part of this"
)]

pub mod http;
pub mod keyed;
pub mod rows;
pub mod w1;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here should take, so that a hang fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A directory with a configuration, and what the daemon writes.
pub struct Place {
    dir: TempDir,
}

impl Place {
    /// A fresh directory with this configuration; `{dir}` in it becomes the directory.
    pub fn new(config: &str) -> Self {
        let place = Place {
            dir: tempfile::tempdir().expect("a temporary directory"),
        };
        let dead = format!(
            "[dead_letters]\npath = \"{}\"\n",
            place.path("dead").display()
        );
        let config = config.replace("{dir}", &place.dir.path().display().to_string());
        std::fs::write(place.path("millpond.toml"), config + "\n" + &dead).expect("written");
        // A machine that is busy with other things takes longer for a drain than most would wait.
        let patient = "[runtime]\ndrain = \"90s\"\n";
        std::fs::write(place.path("patient.toml"), patient).expect("written");
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn lines(&self, name: &str) -> Vec<Vec<u8>> {
        let bytes = self.read(name);
        assert!(
            bytes.is_empty() || bytes.ends_with(b"\n"),
            "{name} ends inside a line"
        );
        bytes
            .split_inclusive(|&byte| byte == b'\n')
            .map(|line| line[..line.len() - 1].to_vec())
            .collect()
    }

    /// Every dead letter in the store.
    pub fn dead_letters(&self) -> Vec<Value> {
        let text = self.dlq(&["show", "--json"]);
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a dead letter is JSON"))
            .collect()
    }

    /// What `millpond dlq VERB` prints about the store.
    pub fn dlq(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_millpond"))
            .arg("dlq")
            .args(arguments)
            .arg("--path")
            .arg(self.path("dead"))
            .output()
            .expect("it starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs another verb with this configuration: its exit code, and what it prints.
    pub fn command(&self, verb: &[&str]) -> (Option<i32>, String) {
        self.told(verb, "-c", "millpond.toml")
    }

    /// Gives an order to the daemon whose dead letters are here: the exit code, and what it prints.
    pub fn order(&self, order: &[&str]) -> (Option<i32>, String) {
        self.told(order, "--path", "dead")
    }

    fn told(&self, verb: &[&str], option: &str, name: &str) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_millpond"))
            .args(verb)
            .arg(option)
            .arg(self.path(name))
            .stdin(Stdio::null())
            .output()
            .expect("it starts");
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(told).expect("text"))
    }

    pub fn start(&self) -> Daemon {
        self.start_with(&[], Stdio::null())
    }

    pub fn start_with(&self, arguments: &[&str], stdin: Stdio) -> Daemon {
        let command = Command::new(env!("CARGO_BIN_EXE_millpond"));
        self.start_by(command, arguments, stdin)
    }

    /// Starts it as the child of another program, such as a tracer.
    pub fn start_under(&self, program: &[&str]) -> Daemon {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]);
        command.arg(env!("CARGO_BIN_EXE_millpond"));
        self.start_by(command, &[], Stdio::null())
    }

    fn start_by(&self, mut command: Command, arguments: &[&str], stdin: Stdio) -> Daemon {
        command
            .arg("run")
            .arg("-c")
            .arg(self.path("patient.toml"))
            .arg("-c")
            .arg(self.path("millpond.toml"))
            .args(["--log-format", "json"])
            .args(arguments);
        command
            .current_dir(self.dir.path())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Daemon::watch(command.spawn().expect("the daemon starts"))
    }
}

/// A running daemon and its log.
pub struct Daemon {
    child: Child,
    log: Receiver<Value>,
    pub seen: Vec<Value>,
    pub listens: BTreeMap<String, SocketAddr>,
    pub admin: Option<SocketAddr>,
}

/// How a daemon ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub log: Vec<Value>,
}

impl Daemon {
    fn watch(mut child: Child) -> Self {
        let (send, log) = channel();
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if send.send(value).is_err() {
                    break;
                }
            }
        });
        Daemon {
            child,
            log,
            seen: Vec::new(),
            listens: BTreeMap::new(),
            admin: None,
        }
    }

    /// Waits until the log says that the daemon runs.
    pub fn ready(mut self) -> Self {
        self.wait_for("running");
        for entry in &self.seen {
            let fields = &entry;
            let address = || {
                fields["address"]
                    .as_str()
                    .and_then(|text| text.parse().ok())
            };
            match fields["message"].as_str() {
                Some("source listens") => {
                    let name = fields["source"].as_str().expect("a name").to_owned();
                    self.listens.insert(name, address().expect("an address"));
                }
                Some("admin listens") => self.admin = address(),
                _ => {}
            }
        }
        self
    }

    /// Waits for a log entry with this message.
    pub fn wait_for(&mut self, message: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            match self
                .log
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(entry) => {
                    self.seen.push(entry.clone());
                    if entry["message"] == message {
                        return entry;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no {message:?} in the log: {:#?}", self.seen)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended without {message:?}: {:#?}", self.seen)
                }
            }
        }
    }

    /// Whether the log has had an entry with this message so far.
    pub fn has_said(&mut self, message: &str) -> bool {
        self.seen.extend(self.log.try_iter());
        self.seen.iter().any(|entry| entry["message"] == message)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn stdin(&mut self) -> std::process::ChildStdin {
        self.child.stdin.take().expect("piped")
    }

    pub fn stdout(&mut self) -> std::process::ChildStdout {
        self.child.stdout.take().expect("piped")
    }

    pub fn connect(&self, source: &str) -> TcpStream {
        TcpStream::connect(self.listens[source]).expect("the source listens")
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        kill_process(id, signal).expect("the daemon is there");
    }

    /// GET from the admin listener: status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.admin.expect("admin listens")).expect("it does");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .expect("a status");
        (status, body.to_owned())
    }

    /// The sum over all labels of a metric.
    pub fn metric(&self, name: &str) -> f64 {
        let (status, body) = self.get("/metrics");
        assert_eq!(status, 200);
        let values = body
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (key, value) = line.rsplit_once(' ')?;
                (key.split('{').next() == Some(name))
                    .then(|| value.parse::<f64>().expect("a number"))
            });
        values.sum()
    }

    /// Looks until `condition` holds.
    pub fn until(&self, what: &str, mut condition: impl FnMut(&Daemon) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !condition(self) {
            assert!(Instant::now() < until, "never: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Resident memory in bytes (Linux).
    pub fn resident(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .expect("Linux says");
        line.split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse::<u64>().ok())
            .expect("a number")
            * 1024
    }

    /// Waits for the end. Take stdout before, or it is collected here.
    pub fn end(mut self) -> Ended {
        let reader = self.child.stdout.take().map(|mut stdout| {
            std::thread::spawn(move || {
                let mut all = Vec::new();
                stdout.read_to_end(&mut all).expect("readable");
                all
            })
        });
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("waited") {
                break status;
            }
            if Instant::now() > until {
                let _ = self.child.kill();
                panic!(
                    "the daemon does not end: {:#?}",
                    self.log.try_iter().collect::<Vec<_>>()
                );
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let stdout = reader.map_or_else(Vec::new, |reader| reader.join().expect("collected"));
        self.seen.extend(self.log.iter());
        Ended {
            code: status.code(),
            stdout,
            log: std::mem::take(&mut self.seen),
        }
    }

    pub fn terminate(self) -> Ended {
        self.signal(Signal::TERM);
        self.end()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A failed test must not leave a daemon behind; one that has ended does not mind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The terms of a pipeline's ledger, from the last lines of the log.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct Totals {
    pub received: u64,
    pub delivered: u64,
    pub filtered: u64,
    pub consumed: u64,
    pub dead_lettered: u64,
    pub dropped: u64,
    pub live: u64,
}

impl Ended {
    pub fn totals(&self) -> Totals {
        let entry = self.entry("pipeline totals");
        let term = |name: &str| {
            entry[name]
                .as_u64()
                .unwrap_or_else(|| panic!("{name} in {entry}"))
        };
        let totals = Totals {
            received: term("received"),
            delivered: term("delivered"),
            filtered: term("filtered"),
            consumed: term("consumed"),
            dead_lettered: term("dead_lettered"),
            dropped: term("dropped"),
            live: term("live"),
        };
        let Totals {
            received,
            delivered,
            filtered,
            consumed,
            dead_lettered,
            dropped,
            live,
        } = totals;
        assert_eq!(
            received,
            delivered + filtered + consumed + dead_lettered + dropped + live,
            "{totals:?}"
        );
        totals
    }

    pub fn entry(&self, message: &str) -> &Value {
        let found = self.log.iter().find(|entry| entry["message"] == message);
        found.unwrap_or_else(|| panic!("no {message:?} in {:#?}", self.log))
    }

    /// Asserts the exit code and that nothing was worse than information.
    pub fn expect_clean(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{:#?}", self.log);
        let bad = self.log.iter().find(|entry| entry["level"] != "INFO");
        assert!(bad.is_none(), "{bad:#?}");
        self
    }
}

/// A file of the shared test data, if it is there.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(name);
    path.exists().then_some(path)
}
