//! `cargo xtask bench`: what the release daemon does in a second, and what that costs, across worker counts.
//!
//! Every run starts the real binary with a configuration file, lets it work through generated events, and waits until
//! its own counters account for all of them. A run whose counters differ from what the generator knows fails the whole
//! bench. The points take turns (A B C A B C), so that the machine's drift hits all alike.

pub(crate) mod ack;
pub(crate) mod admin_cost;
pub(crate) mod burst;
mod chart;
mod check;
mod compare;
mod cores;
mod counters;
pub(crate) mod daemon;
mod flags;
mod gather;
mod html;
pub(crate) mod ingress;
mod input;
mod latency;
mod law;
mod machine;
mod names;
mod peer;
mod plan;
pub(crate) mod plan_check;
pub(crate) mod process;
mod progress;
mod ratio;
mod record;
mod rounds;
mod run;
mod scaling;
pub(crate) mod scratch;
mod stats;
mod subjects;
mod table;
mod usage;
mod watch;
mod workload;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;

pub(crate) use flags::BenchFlags;

use crate::workspace::Workspace;
use compare::Earlier;
use cores::Cores;
use plan::Plan;
use record::{Machine, Record, SCHEMA};
use rounds::Rounds;
use run::Bench;
use subjects::Subjects;

/// Builds what is to be measured, runs every point, prints the figures and writes them.
pub(crate) fn run(flags: &BenchFlags) -> anyhow::Result<()> {
    let machine_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let plan = Plan::new(flags, machine_cores)?;
    let earlier = match &flags.compare {
        Some(path) => Some(Earlier::read(path, &plan.points)?),
        None => None,
    };
    let workspace = Workspace::load()?;
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    scratch::sweep(&folder)?;
    let subjects = Subjects::build(flags, &workspace, &folder)?;
    let bench = Bench {
        folder: &folder,
        seed: flags.seed,
        timeout: Duration::from_secs(flags.timeout.get()),
        set: &flags.set,
        cores: if plan.has_rivals {
            Cores::apart(&cores::allowed())
        } else {
            Cores::default()
        },
    };
    let time = SystemTime::now();
    let points = Rounds::new(&bench, &plan, &subjects).run()?;
    let record = Record {
        schema: SCHEMA,
        time: time
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        command: command(),
        commit: machine::commit(&workspace.root),
        machine: Machine::here(&workspace.root),
        seed: flags.seed,
        scaling: scaling::scaling(&points),
        points,
    };

    println!("{}", table::figures(&record));
    let beside = table::beside(&record);
    if !beside.is_empty() {
        println!("{beside}");
    }
    if plan.has_rivals {
        println!("{}\n", peer::cores_in_words(&bench.cores, &flags.peer));
    }
    if let Some(earlier) = &earlier {
        println!("{}", table::since(earlier, &record));
    }
    let name = humantime::format_rfc3339_seconds(time)
        .to_string()
        .replace(':', "");
    for path in write(&record, folder.join(name))? {
        println!("written to {}", workspace.relative(&path));
    }
    Ok(())
}

/// What was asked for, as it may be asked for again.
fn command() -> String {
    let arguments = std::env::args().skip(1);
    let quoted = arguments.map(|argument| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=,./:~^@".contains(c);
        if !argument.is_empty() && argument.chars().all(plain) {
            argument
        } else {
            format!("'{}'", argument.replace('\'', "'\\''"))
        }
    });
    ["cargo xtask".to_owned()]
        .into_iter()
        .chain(quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Writes the record and the report, and says where to.
fn write(record: &Record, folder: PathBuf) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join("bench.json");
    let json = serde_json::to_string_pretty(record).context("cannot write the record as JSON")?;
    fs::write(&path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    let mut written = vec![path];
    written.extend(html::write(record, &folder)?);
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::gather::tests::record;

    #[test]
    fn the_file_holds_every_run_and_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let paths = write(&record(&[1e6, 2e6]), folder.path().join("new")).unwrap();
        let text = fs::read_to_string(&paths[0]).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["schema"], SCHEMA);
        assert_eq!(json["points"][0]["workload"], "w1");
        assert_eq!(json["points"][0]["subject"], "daemon");
        assert_eq!(json["points"][0]["runs"].as_array().map(Vec::len), Some(2));
        assert_eq!(json["points"][0]["rate"]["median"], 1.5e6);
        let again: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(again.points[0].what, record(&[1e6]).points[0].what);
        assert!(paths[1..].iter().all(|path| path.exists()));
    }
}
