//! The table and the JSON file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde::Serialize;

use super::case::Case;
use super::run::Outcome;
use super::stats::Spread;
use crate::flags::BenchFlags;

/// Everything that was measured, and where.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Seconds since 1970.
    time: u64,
    /// `None` outside a git work tree.
    commit: Option<String>,
    rustc: Option<String>,
    machine: Machine,
    events_per_run: u64,
    seed: u64,
    /// The daemon that was given; `None` for the one built from `commit`.
    binary: Option<PathBuf>,
    set: Vec<String>,
    cases: Vec<Rows>,
}

#[derive(Debug, Serialize)]
struct Machine {
    os: &'static str,
    architecture: &'static str,
    processor: Option<String>,
    cores: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Rows {
    #[serde(flatten)]
    case: Case,
    events_per_second: Option<Spread>,
    cpu_seconds_per_million: Option<Spread>,
    runs: Vec<Outcome>,
}

impl Report {
    /// A report without runs, from the workspace at `root`.
    pub(super) fn new(root: &Path, flags: &BenchFlags, cases: &[Case]) -> Self {
        let rows = |case: &Case| Rows {
            case: case.clone(),
            events_per_second: None,
            cpu_seconds_per_million: None,
            runs: Vec::new(),
        };
        Self {
            time: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            commit: first_line(root, "git", &["rev-parse", "HEAD"]),
            rustc: first_line(root, "rustc", &["--version"]),
            machine: Machine {
                os: std::env::consts::OS,
                architecture: std::env::consts::ARCH,
                processor: processor(),
                cores: std::thread::available_parallelism().ok().map(usize::from),
            },
            events_per_run: flags.events.get(),
            seed: flags.seed,
            binary: flags.binary.clone(),
            set: flags.set.clone(),
            cases: cases.iter().map(rows).collect(),
        }
    }

    /// Adds a run of the case at `index`.
    pub(super) fn add(&mut self, index: usize, outcome: Outcome) {
        let rows = &mut self.cases[index];
        rows.runs.push(outcome);
        rows.events_per_second = Spread::of(rows.runs.iter().map(|run| run.events_per_second));
        // A median over some of the runs would mislead.
        let cpu: Option<Vec<f64>> = rows
            .runs
            .iter()
            .map(|run| run.cpu_seconds_per_million)
            .collect();
        rows.cpu_seconds_per_million = cpu.and_then(Spread::of);
    }

    /// One line for each case.
    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "{:34}{:>12}{:>12}{:>12}{:>12}{:>14}\n",
            "", "events/s", "min", "max", "CPU-s/M", "peak RSS MiB"
        );
        let mut wide = false;
        for rows in &self.cases {
            let Some(rate) = rows.events_per_second else {
                continue;
            };
            let none = || "n/a".to_owned();
            let cpu = rows
                .cpu_seconds_per_million
                .map_or_else(none, |cpu| format!("{:.3}", cpu.median));
            let peak = rows
                .runs
                .iter()
                .filter_map(|run| run.peak_resident_bytes)
                .max();
            let peak = peak.map_or_else(none, |bytes| {
                format!("{:.1}", bytes as f64 / f64::from(1 << 20))
            });
            let mark = if rate.is_wide() { "  wide" } else { "" };
            wide |= rate.is_wide();
            text += &format!(
                "{:34}{:>12}{:>12}{:>12}{cpu:>12}{peak:>14}{mark}\n",
                rows.case.to_string(),
                grouped(rate.median),
                grouped(rate.min),
                grouped(rate.max),
            );
        }
        text += "\nMedians; the sender shares the machine, CPU is the daemon's alone. Every run's counters added up.\n";
        if wide {
            text += "wide: the runs differ by more than 1.3 times; the machine was not quiet.\n";
        }
        text
    }

    /// Writes the report into `folder` and returns the file's path.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let path = folder.join(format!("throughput-{}.json", self.time));
        let json = serde_json::to_string_pretty(self).context("cannot write the report as JSON")?;
        fs::write(&path, json + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

/// `1234567.8` as `1,234,568`.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn first_line(root: &Path, program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next().filter(|_| output.status.success())?;
    Some(line.to_owned())
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let (_, name) = info
        .lines()
        .find(|line| line.starts_with("model name"))?
        .split_once(':')?;
    Some(name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::case::Workload;
    use crate::bench::counters::Counts;
    use crate::flags::{Command as Task, Flags};
    use clap::Parser;

    fn report(rates: &[f64], cpu: Option<f64>) -> Report {
        let Task::Bench(flags) = Flags::parse_from(["xtask", "bench"]).command else {
            panic!("expected bench")
        };
        let case = Case {
            workload: Workload::W1,
            workers: 2,
            key: None,
        };
        let mut report = Report::new(Path::new("."), &flags, &[case]);
        for rate in rates {
            let outcome = Outcome {
                seconds: 1e6 / rate,
                events_per_second: *rate,
                cpu_seconds_per_million: cpu,
                peak_resident_bytes: Some(40 << 20),
                start_to_ready_seconds: 0.01,
                counts: Counts::default(),
            };
            report.add(0, outcome);
        }
        report
    }

    #[test]
    fn the_table_shows_median_and_spread() {
        let table = report(&[1_000_000.0, 1_200_000.0, 1_100_000.4], Some(0.5)).table();
        let line = table.lines().nth(1).unwrap();
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(
            cells,
            [
                "W1,",
                "2",
                "workers",
                "1,100,000",
                "1,000,000",
                "1,200,000",
                "0.500",
                "40.0"
            ]
        );
        assert!(!table.contains("wide"));
    }

    #[test]
    fn a_wide_spread_and_an_unknown_figure_are_said() {
        let table = report(&[1_000_000.0, 1_400_000.0], None).table();
        assert!(
            table.contains("n/a") && table.contains("  wide\n") && table.contains("not quiet"),
            "{table}"
        );
    }

    #[test]
    fn the_file_holds_every_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = report(&[1e6, 2e6], Some(0.5)).write(folder.path()).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert_eq!(json["cases"][0]["workload"], "W1");
        assert_eq!(json["cases"][0]["workers"], 2);
        assert_eq!(json["cases"][0]["runs"].as_array().map(Vec::len), Some(2));
        assert_eq!(json["cases"][0]["events_per_second"]["median"], 1.5e6);
    }

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [
            (0.0, "0"),
            (999.0, "999"),
            (1_000.0, "1,000"),
            (1_234_567.8, "1,234,568"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
