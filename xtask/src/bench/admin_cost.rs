//! `cargo xtask admin-cost`: what those who look at the live page cost, and what junk at the admin listener does.
//!
//! The daemon has all cores but the first, and whoever asks it has that one, so that what is measured is the daemon's
//! cost and not that of its clients. Both states of a pair take turns, so that the machine's drift hits both. Throughput
//! is told by the clock and by the time that the daemon was on a core: where other work has the same cores, only the latter
//! says anything.

mod junk;
mod scrape;
mod viewers;

use std::fmt;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;

use super::cores::{self, Cores};
use super::daemon::{Daemon, free_ports};
use super::scratch;
use super::stats::Spread;
use super::subjects::measured;
use super::usage::{self, Usage};
use super::workload::W1_STAGES;
use crate::workspace::Workspace;
use junk::Junk;
use scrape::Scrape;
use viewers::Viewers;

/// What ten viewers may cost, in per cent of a core.
const MOST_CPU: f64 = 2.0;
/// And in memory, in MiB.
const MOST_MEMORY: f64 = 5.0;
/// What junk has to leave of the throughput.
const LEAST: f64 = 0.97;
/// The head of a table of what was measured.
const HEAD: &str = "| what | measured | bound |\n|---|---|---|\n";
/// How long a daemon that was just started, and a state that just began, are left alone.
const SETTLE: Duration = Duration::from_secs(3);

/// What looking costs, and what junk does.
#[derive(Debug, Args)]
pub(crate) struct AdminCostFlags {
    /// How long each state lasts.
    #[arg(long, default_value = "20s", value_parser = humantime::parse_duration)]
    time: Duration,
    /// How often both states of a pair take their turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many look at the page.
    #[arg(long, default_value_t = 10)]
    viewers: usize,
    /// Events a second while they do.
    #[arg(long, default_value_t = 50_000)]
    rate: u64,
    /// Requests of junk a second.
    #[arg(long, default_value_t = 1_000)]
    junk: u32,
    /// Measure nothing but what junk does.
    #[arg(long)]
    junk_only: bool,
    /// Measure this daemon instead of building the one of this work tree.
    #[arg(long, value_name = "PATH")]
    binary: Option<std::path::PathBuf>,
}

/// Measures, prints what was measured, and fails if it is more than it may be.
pub(crate) fn run(flags: &AdminCostFlags) -> anyhow::Result<()> {
    ensure!(flags.rounds > 0, "--rounds is 0, expected at least 1");
    let workspace = Workspace::load()?;
    let benches = workspace.target.join("bench");
    fs::create_dir_all(&benches)?;
    let binary = measured(&workspace, flags.binary.as_deref())?;
    let cores = Cores::apart(&cores::allowed());
    println!(
        "the daemon on cores {:?}, those who ask it on {:?}\n",
        cores.single, cores.sender
    );
    let bench = Bench {
        binary: &binary,
        benches: &benches,
        cores: &cores,
        flags,
    };
    if !flags.junk_only {
        bench.those_who_look()?;
    }
    bench.those_who_send_junk()
}

struct Bench<'a> {
    binary: &'a Path,
    benches: &'a Path,
    cores: &'a Cores,
    flags: &'a AdminCostFlags,
}

/// What those who look cost, the medians of the rounds.
struct Looked {
    /// Per cent of a core.
    cpu: f64,
    /// MiB.
    memory: f64,
}

impl Bench<'_> {
    /// Measures and prints what the listener costs, and those who look.
    fn those_who_look(&self) -> anyhow::Result<()> {
        let idle = self.idle()?;
        let looked = self.looked_at()?;
        println!(
            "\n{HEAD}| nobody looks, against a daemon without the listener | {idle:+.2} % of a core | |"
        );
        let viewers = self.flags.viewers;
        println!(
            "| {viewers} look | {:+.2} % of a core | {MOST_CPU} % |",
            looked.cpu
        );
        println!(
            "| {viewers} look | {:+.1} MiB | {MOST_MEMORY} MiB |\n",
            looked.memory
        );
        ensure!(
            looked.cpu <= MOST_CPU && looked.memory <= MOST_MEMORY,
            "those who look cost too much"
        );
        Ok(())
    }

    /// Measures and prints what junk does.
    fn those_who_send_junk(&self) -> anyhow::Result<()> {
        let left = self.under_junk()?;
        let per_cent = |share: f64| share * 100.0;
        println!(
            "\n{HEAD}| {} requests of junk a second leave | {:.1} % of the throughput ({:.1} to {:.1}) | {} % |",
            self.flags.junk,
            per_cent(left.median),
            per_cent(left.min),
            per_cent(left.max),
            per_cent(LEAST)
        );
        ensure!(left.median >= LEAST, "junk takes too much");
        Ok(())
    }

    /// What the listener costs that nobody asks, in per cent of a core: two daemons without events, side by side.
    fn idle(&self) -> anyhow::Result<f64> {
        let folders = [scratch::new(self.benches)?, scratch::new(self.benches)?];
        let [one, other, admin, unused] = free_ports()?;
        let source =
            |port| format!("[sources.none]\ntype = \"tcp\"\nlisten = \"127.0.0.1:{port}\"\n");
        let mut with = self.start(folders[0].path(), &source(one), admin)?;
        // It has no listener that could say when it is ready.
        let config = config(&source(other), unused).replace("[admin]", "[admin]\nenabled = false");
        fs::write(folders[1].path().join("off.toml"), config)?;
        let mut command = std::process::Command::new(self.binary);
        command.args(["run", "-c", "off.toml"]);
        let mut without = cores::on(&self.cores.single, || {
            super::process::Process::start(command, "the daemon", folders[1].path(), false)
        })??;
        thread::sleep(SETTLE);
        without.check_alive()?;
        let shares = self.shares([with.process.id(), without.id()], self.flags.time * 2)?;
        with.stop()?;
        without.terminate()?;
        without.wait(Duration::from_secs(20))?;
        println!(
            "without events: {:.2} % of a core with the listener, {:.2} % without",
            shares[0], shares[1]
        );
        Ok(shares[0] - shares[1])
    }

    /// What those who look cost while events flow.
    fn looked_at(&self) -> anyhow::Result<Looked> {
        let folder = scratch::new(self.benches)?;
        let [admin] = free_ports()?;
        let mut daemon = self.start(folder.path(), &demo(self.flags.rate), admin)?;
        let id = daemon.process.id();
        thread::sleep(SETTLE);
        let (mut cpu, mut memory) = (Vec::new(), Vec::new());
        for round in 1..=self.flags.rounds {
            let [none] = self.shares([id], self.flags.time)?;
            let before = resident(id)?;
            let viewers = Viewers::begin(admin, self.flags.viewers, &self.cores.sender)?;
            thread::sleep(SETTLE);
            let [some] = self.shares([id], self.flags.time)?;
            let after = resident(id)?;
            let seen = viewers.end()?;
            println!(
                "round {round}: {none:.2} % of a core and {before:.1} MiB; looked at, {some:.2} % and {after:.1} MiB; \
                 {seen} documents seen"
            );
            cpu.push(some - none);
            memory.push(after - before);
            thread::sleep(SETTLE);
        }
        daemon.stop()?;
        let median = |of: Vec<f64>| Spread::of(of).map_or(0.0, |spread| spread.median);
        Ok(Looked {
            cpu: median(cpu),
            memory: median(memory),
        })
    }

    /// What junk leaves of the throughput of W1. Each state with junk is compared with the mean of the quiet ones before
    /// and after it, and each quiet one between two others with the mean of these: what this differs from 1 by is noise.
    fn under_junk(&self) -> anyhow::Result<Spread> {
        let folder = scratch::new(self.benches)?;
        let [admin] = free_ports()?;
        let mut daemon = self.start(folder.path(), &demo(0), admin)?;
        thread::sleep(SETTLE);
        let mut scrape = Scrape::open(admin)?;
        let mut quiet = vec![throughput(&daemon, &mut scrape, self.flags.time)?];
        let mut loud = Vec::new();
        for round in 1..=self.flags.rounds {
            let junk = Junk::begin(admin, self.flags.junk, &self.cores.sender)?;
            thread::sleep(SETTLE);
            let during = throughput(&daemon, &mut scrape, self.flags.time)?;
            let sent = junk.end()?;
            // Waits behind the junk that the daemon has not taken yet.
            scrape = Scrape::open(admin)?;
            thread::sleep(SETTLE);
            let after = throughput(&daemon, &mut scrape, self.flags.time)?;
            println!("round {round}: {during} with junk, {after} without: {sent}");
            loud.push(during);
            quiet.push(after);
        }
        daemon.stop()?;
        let noise = quiet.windows(3).map(|of| of[1].against(&of[0], &of[2]));
        if let Some(Spread { min, median, max }) = Spread::of(noise.map(|(_, used)| used)) {
            println!("without junk it varies by itself: {median:.3} ({min:.3} to {max:.3})");
        }
        let left = loud.iter().zip(quiet.windows(2));
        let left = left.map(|(during, quiet)| during.against(&quiet[0], &quiet[1]));
        let (by_clock, left): (Vec<f64>, Vec<f64>) = left.unzip();
        if let Some(Spread { min, median, max }) = Spread::of(by_clock) {
            println!("by the clock, junk leaves {median:.3} ({min:.3} to {max:.3})");
        }
        Spread::of(left).context("no round was measured")
    }

    fn start(&self, folder: &Path, sources: &str, admin: u16) -> anyhow::Result<Daemon> {
        let config = config(sources, admin);
        let start = || Daemon::start(self.binary, folder, &config, &[], admin);
        cores::on(&self.cores.single, start)?
    }

    /// What processes use for a while, in per cent of a core.
    fn shares<const N: usize>(&self, ids: [u32; N], time: Duration) -> anyhow::Result<[f64; N]> {
        let (before, begun) = (ids.map(Usage::of), Instant::now());
        thread::sleep(time);
        let mut shares = [0.0; N];
        for ((share, id), before) in shares.iter_mut().zip(ids).zip(before) {
            let used = Usage::of(id).since(before).cpu;
            let used = used.context("the system does not tell what a process uses")?;
            *share = 100.0 * used.as_secs_f64() / begun.elapsed().as_secs_f64();
        }
        Ok(shares)
    }
}

/// How long nothing may be asked over a connection that is to stay open.
const SILENCE: Duration = Duration::from_secs(4);

/// Events that come to their end.
struct Throughput {
    /// By the clock.
    second: f64,
    /// By the time that the daemon is on a core.
    core_second: f64,
}

impl Throughput {
    /// Which share it is of the mean of two others: by the clock, and by the time on a core.
    fn against(&self, one: &Self, other: &Self) -> (f64, f64) {
        (
            2.0 * self.second / (one.second + other.second),
            2.0 * self.core_second / (one.core_second + other.core_second),
        )
    }
}

impl fmt::Display for Throughput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (second, core_second) = (self.second / 1e6, self.core_second / 1e6);
        write!(
            f,
            "{second:.3} M events a second, {core_second:.3} M a core-second"
        )
    }
}

fn throughput(daemon: &Daemon, scrape: &mut Scrape, time: Duration) -> anyhow::Result<Throughput> {
    let id = daemon.process.id();
    let (used, before) = (Usage::of(id), scrape.ended()?);
    let begun = Instant::now();
    let mut left = time;
    while !left.is_zero() {
        thread::sleep(left.min(SILENCE));
        // The daemon closes a connection over which nothing comes.
        scrape.ended()?;
        left = time.saturating_sub(begun.elapsed());
    }
    let ended = (scrape.ended()? - before) as f64;
    let second = ended / begun.elapsed().as_secs_f64();
    let used = Usage::of(id).since(used).cpu;
    let used = used.context("the system does not tell what a process uses")?;
    Ok(Throughput {
        second,
        core_second: ended / used.as_secs_f64(),
    })
}

fn resident(id: u32) -> anyhow::Result<f64> {
    let bytes = usage::resident(id).context("the system does not tell what is resident")?;
    Ok(bytes as f64 / f64::from(1 << 20))
}

fn demo(rate: u64) -> String {
    format!("[sources.shop]\ntype = \"demo\"\nrate = {rate}\nburst = {{ factor = 1 }}\n")
}

fn config(sources: &str, admin: u16) -> String {
    format!(
        "{sources}[pipelines.bench]\nkey = \"user_id\"\n{W1_STAGES}\n[sinks.out]\ntype = \"blackhole\"\n\
         [dead_letters]\npath = \"dead\"\n[runtime]\nworkers = 1\n[admin]\nlisten = \"127.0.0.1:{admin}\"\n"
    )
}
