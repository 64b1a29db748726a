//! `cargo xtask api-tests`: schemathesis makes up requests from the OpenAPI document, and compares the answers with it.
//!
//! The daemon and all that it writes are of this run alone, so that orders may be anything: to purge letters, to replay
//! them, to resume pipelines, to change the workers.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::bench::daemon::{Daemon, free_ports};
use crate::bench::scratch;
use crate::flags::ApiFlags;
use crate::installed;
use crate::workspace::{Workspace, cargo};

/// Requests for each operation with the token, unless they are limited by time.
const WITH: &str = "200";
/// The same without the token: less can come of those.
const WITHOUT: &str = "50";

/// Fails if any answer differs from the document, or is a fault of the server's.
pub(crate) fn run(flags: &ApiFlags) -> anyhow::Result<()> {
    ensure!(flags.hunt != Some(0), "--hunt is 0, expected at least 1 s");
    let workspace = Workspace::load()?;
    let status = Command::new(cargo())
        .args(["build", "--package", "millpond"])
        .current_dir(&workspace.root)
        .status()
        .context("cannot run cargo build")?;
    ensure!(status.success(), "the daemon does not build");
    let folder = workspace.target.join("api-tests");
    let python = folder.join("python");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    installed::install_python(&workspace.root.join("xtask/api/requirements.txt"), &python)
        .context("expected Python 3.11 or newer with venv")?;

    let scratch = scratch::new(&folder)?;
    let [source, admin] = free_ports()?;
    let daemon = workspace.target.join("debug/millpond");
    let config = config(source, admin);
    let mut daemon = Daemon::start(&daemon, scratch.path(), &config, &[], admin)?;
    let token = fs::read_to_string(scratch.path().join("letters/admin.token"))
        .context("the daemon left no token")?;
    let token = token.split_whitespace().last().unwrap_or_default();
    let trial = Trial {
        program: &python.join("bin/schemathesis"),
        folder: scratch.path(),
        url: format!("http://127.0.0.1:{admin}"),
        hunt: flags.hunt,
    };
    trial.run("without the token", WITHOUT, None)?;
    trial.run("with the token", WITH, Some(token))?;
    daemon.process.check_alive()?;
    accounted(&daemon.get("/api/v1/ledger")?)?;
    daemon.stop()
}

/// As much of everything as an answer can have: two pipelines, a journal, letters that keep coming, workers that can be
/// more and fewer.
fn config(source: u16, admin: u16) -> String {
    format!(
        r#"
[sources.shop]
type = "demo"
rate = 200
burst = {{ factor = 1 }}
[sources.web]
type = "http"
listen = "127.0.0.1:{source}"
[pipelines.interests]
from = ["shop"]
to = ["out"]
key = "user_id"
stages = [{{ type = "fail", when = {{ field = "type", equals = "purchase" }}, message = "no purchases" }}]
[pipelines.all]
from = ["shop", "web"]
to = ["kept"]
[sinks.out]
type = "blackhole"
[sinks.kept]
type = "file"
path = "kept.ndjson"
[journal]
dir = "journal"
[dead_letters]
path = "letters"
[runtime]
workers = {{ min = 1, max = 2 }}
[admin]
listen = "127.0.0.1:{admin}"
"#
    )
}

struct Trial<'a> {
    program: &'a Path,
    folder: &'a Path,
    url: String,
    hunt: Option<u32>,
}

impl Trial<'_> {
    fn run(&self, name: &str, requests: &str, token: Option<&str>) -> anyhow::Result<()> {
        println!("== {name}");
        let mut command = Command::new(self.program);
        command
            .current_dir(self.folder)
            .args([
                "run",
                &format!("{}/api/v1/openapi.json", self.url),
                "--url",
                &self.url,
            ])
            .args(["--exclude-path", "/api/v1/tap"])
            // Their answers do not end. Stories in a browser and tests of the daemon read it.
            .args(["--exclude-path", "/api/v1/live"])
            .args(["--checks", "all", "--continue-on-failure", "--no-color"])
            // A loaded machine is no fault of the daemon's.
            .args(["--request-timeout", "60", "--suppress-health-check", "all"]);
        match self.hunt {
            Some(seconds) => command.args(["--max-time", &seconds.to_string()]),
            None => command.args(["--generation-deterministic", "--max-examples", requests]),
        };
        if let Some(token) = token {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        let status = command.status().context("cannot run schemathesis")?;
        ensure!(status.success(), "schemathesis found something {name}");
        Ok(())
    }
}

/// Fails if the ledger cannot account for an event.
fn accounted(ledger: &str) -> anyhow::Result<()> {
    let ledger: Value = serde_json::from_str(ledger).context("the ledger does not read")?;
    for part in [
        "/journal",
        "/pipelines/0",
        "/pipelines/1",
        "/sinks/0",
        "/sinks/1",
    ] {
        let unaccounted = ledger.pointer(&format!("{part}/unaccounted"));
        let unaccounted = unaccounted.and_then(Value::as_u64);
        ensure!(
            unaccounted == Some(0),
            "unaccounted in {part} is {unaccounted:?}, expected 0"
        );
    }
    Ok(())
}
