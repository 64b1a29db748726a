//! One client against one daemon.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::content::{check, content};
use super::install::Installed;
use crate::bench::daemon::{Daemon, free_ports};
use crate::bench::process::Process;
use crate::bench::scratch;

const DEAD: &str = "dead";
/// How long a client may take for all of its events.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client, how it is started, and where its content comes out.
pub(super) struct Trial {
    pub(super) name: &'static str,
    client: Client,
    /// JSON pointers.
    places: &'static [&'static str],
    load: Load,
}

/// What the daemon has to do beside taking in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    Little,
    /// More than it can, so that it sheds: what a client gives up then is lost.
    TooMuch,
}

enum Client {
    Node(&'static str, &'static [&'static str]),
    Python(&'static str, &'static [&'static str]),
    Curl,
}

/// Where the calls of Segment say what an event is about.
const CALL: &[&str] = &["/properties", "/traits"];

pub(super) const TRIALS: &[Trial] = &[
    Trial {
        name: "curl",
        client: Client::Curl,
        places: &[""],
        load: Load::Little,
    },
    Trial {
        name: "segment for node",
        client: Client::Node("segment.js", &[]),
        places: CALL,
        load: Load::Little,
    },
    Trial {
        name: "segment for node, shed",
        client: Client::Node("segment.js", &[]),
        places: CALL,
        load: Load::TooMuch,
    },
    Trial {
        name: "segment for python",
        client: Client::Python("send.py", &["plain"]),
        places: CALL,
        load: Load::Little,
    },
    Trial {
        name: "segment for python, gzip",
        client: Client::Python("send.py", &["gzip"]),
        places: CALL,
        load: Load::Little,
    },
    Trial {
        name: "segment for python, shed",
        client: Client::Python("send.py", &["plain"]),
        places: CALL,
        load: Load::TooMuch,
    },
    Trial {
        name: "cloudevents structured",
        client: Client::Node("cloudevents.js", &["structured"]),
        places: &["/data"],
        load: Load::Little,
    },
    Trial {
        name: "cloudevents binary",
        client: Client::Node("cloudevents.js", &["binary"]),
        places: &["/data"],
        load: Load::Little,
    },
    Trial {
        name: "cloudevents batched",
        client: Client::Node("cloudevents.js", &["batched"]),
        places: &["/data"],
        load: Load::Little,
    },
];

impl Trial {
    /// Runs it in a folder of its own below `folder`; what there is to tell.
    pub(super) fn run(
        &self,
        clients: &Installed,
        binary: &Path,
        folder: &Path,
        events: u64,
    ) -> anyhow::Result<String> {
        let folder = scratch::new(folder)?;
        let [source, admin] = free_ports()?;
        let daemon_folder = folder.path().join("daemon");
        fs::create_dir(&daemon_folder)?;
        let config = config(source, admin, self.load);
        let mut daemon = Daemon::start(binary, &daemon_folder, &config, &[], admin)?;
        let host = format!("http://127.0.0.1:{source}");
        let command = self.client.command(clients, &host, events, folder.path())?;
        let mut client = Process::start(command, self.name, folder.path(), false)?;
        let status = client.wait(PATIENCE)?;
        ensure!(
            status.success(),
            "the client ended with {status}\n{}",
            client.log_tail()
        );
        let shed = shed(&daemon.metrics()?);
        ensure!(
            (shed > 0) == (self.load == Load::TooMuch),
            "{shed} requests were shed"
        );
        daemon.stop()?;
        nothing_set_aside(binary, &daemon_folder)?;
        let out = fs::read_to_string(daemon_folder.join("out.ndjson"))
            .context("cannot read what came out")?;
        check(&out, events, self.places)?;
        Ok(format!("{events} events, {shed} requests shed"))
    }
}

impl Client {
    fn command(
        &self,
        clients: &Installed,
        host: &str,
        events: u64,
        folder: &Path,
    ) -> anyhow::Result<Command> {
        let mut command = match self {
            Client::Node(script, _) => clients.node(script),
            Client::Python(script, _) => clients.python(script),
            Client::Curl => {
                let bodies = folder.join("bodies");
                write_bodies(&bodies, events)?;
                let mut command = Command::new("bash");
                command.arg(clients.scripts.join("curl.sh"));
                command.arg(host).arg(bodies);
                return Ok(command);
            }
        };
        let (Client::Node(_, more) | Client::Python(_, more)) = self else {
            return Ok(command);
        };
        command.args([host, &events.to_string()]).args(*more);
        Ok(command)
    }
}

fn config(source: u16, admin: u16, load: Load) -> String {
    let load = match load {
        Load::Little => "",
        Load::TooMuch => {
            "on_full = \"shed\"\nmax_line = \"64KiB\"\nmax_body = \"512KiB\"\nmax_decompressed = \"512KiB\"\n\
             [pipelines.slow]\nstages = [{ type = \"delay\", time = \"1ms\" }]\n\
             [runtime]\nworkers = 1\nmemory = \"4MiB\"\ndrain = \"30s\"\n"
        }
    };
    format!(
        "[sources.web]\ntype = \"http\"\nlisten = \"127.0.0.1:{source}\"\n{load}\
         [sinks.out]\ntype = \"file\"\npath = \"out.ndjson\"\n\
         [dead_letters]\npath = \"{DEAD}\"\n\
         [admin]\nlisten = \"127.0.0.1:{admin}\"\n"
    )
}

/// How many requests were shed, as the metrics say.
fn shed(metrics: &str) -> u64 {
    let counts = metrics.lines().filter_map(|line| {
        let (key, value) = line.rsplit_once(' ')?;
        let is_it = key.starts_with("millpond_requests_refused_total{") && key.contains("\"shed\"");
        is_it.then(|| value.parse::<u64>().ok())?
    });
    counts.sum()
}

/// Fails if there is any dead letter.
fn nothing_set_aside(binary: &Path, folder: &Path) -> anyhow::Result<()> {
    let output = Command::new(binary)
        .args(["dlq", "show", "--json", "--path", DEAD])
        .current_dir(folder)
        .output()
        .context("cannot run millpond dlq")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "millpond dlq failed: {}",
        told.trim()
    );
    let letters = String::from_utf8_lossy(&output.stdout);
    let first = letters.lines().next();
    ensure!(
        first.is_none(),
        "{} events were set aside, the first is {}",
        letters.lines().count(),
        first.unwrap_or_default()
    );
    Ok(())
}

/// Bodies for curl: most events in lines, some in an array that is laid out, the last ones each in a body of its own.
fn write_bodies(folder: &Path, events: u64) -> anyhow::Result<()> {
    const LINES: u64 = 1_000;
    const SINGLE: u64 = 10;
    fs::create_dir(folder)?;
    let lined = events.saturating_sub(LINES);
    for start in (0..lined).step_by(LINES as usize) {
        let numbers = start..lined.min(start + LINES);
        let lines: String = numbers.map(|n| content(n).to_string() + "\n").collect();
        fs::write(folder.join(format!("{start}.ndjson")), lines)?;
    }
    let last = events.saturating_sub(SINGLE).max(lined);
    let array: Vec<_> = (lined..last).map(content).collect();
    fs::write(
        folder.join("array.json"),
        serde_json::to_string_pretty(&array)?,
    )?;
    for n in last..events {
        fs::write(folder.join(format!("{n}.plain")), content(n).to_string())?;
    }
    Ok(())
}
