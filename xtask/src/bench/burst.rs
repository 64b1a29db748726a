//! How a pool that follows its load meets a burst: events a second, workers and the age of the queue over time.
//!
//! The pipeline waits, as for somebody else: 8 ms for every hundred events, so that a worker carries 12,500 a second
//! and 32 of them 400,000. The sender is an open loop that sends a little, then much, then a little again.

mod draw;
mod seen;

use std::fs;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;

use super::daemon::{Daemon, free_ports};
use super::input::{Input, Shape};
use super::run::connect;
use super::subjects::measured;
use super::{scratch, usage};
use crate::workspace::Workspace;
use seen::{Seen, Verdict, watch};

/// At most this many bytes are sent at once.
const PIECE: usize = 256 << 10;
/// How long the daemon may take to work off what is left at the end.
const PATIENCE: Duration = Duration::from_secs(60);
const MEMORY_MIB: u64 = 256;
const MARGIN_MIB: u64 = 64;

/// How a pool that follows its load meets a burst.
#[derive(Debug, Args)]
pub(crate) struct BurstFlags {
    /// Events a second before and after the burst.
    #[arg(long, default_value = "10000")]
    calm: NonZeroU64,
    /// Events a second in the burst.
    #[arg(long, default_value = "300000")]
    burst: NonZeroU64,
    /// How long it is calm before the burst.
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    before: Duration,
    /// How long the burst is.
    #[arg(long, default_value = "20s", value_parser = humantime::parse_duration)]
    time: Duration,
    /// How long it is calm after the burst.
    #[arg(long, default_value = "50s", value_parser = humantime::parse_duration)]
    after: Duration,
    /// How old the oldest waiting event may be, in milliseconds.
    #[arg(long, default_value = "100")]
    target: NonZeroU64,
    /// Write the chart here, besides the folder of the benches.
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    /// Measure this daemon instead of building the one of this work tree.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// Measures, prints what was measured, and draws it; fails if the pool did not do what it is for.
pub(crate) fn run(flags: &BurstFlags) -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    let benches = workspace.target.join("bench");
    fs::create_dir_all(&benches)?;
    let binary = measured(&workspace, flags.binary.as_deref())?;
    let input = Input::new(Shape::Clicks, 1);
    let folder = scratch::new(&benches)?;
    let [source, admin] = free_ports()?;
    let config = config(source, admin, flags.target.get());
    let mut daemon = Daemon::start(&binary, folder.path(), &config, &[], admin)?;
    let stream = connect(source, PATIENCE)?;
    let course = Course::of(flags);
    let begun = Instant::now();
    let (seen, sent) = thread::scope(|scope| {
        let sender = scope.spawn(|| send(&stream, &input, &course, begun));
        let seen = watch(&mut daemon, &course, begun, PATIENCE);
        if seen.is_err() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let sent = sender.join();
        let sent = sent.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        anyhow::Ok((seen?, sent?))
    })?;
    let peak = usage::peak_resident(daemon.process.id());
    daemon.stop()?;

    print!("{}", seen.table());
    println!("{}", seen.decisions());
    let chart = draw::chart(&seen, flags.target.get(), &course)?;
    for path in [Some(benches.join("burst.svg")), flags.chart.clone()] {
        let Some(path) = path else { continue };
        fs::write(&path, &chart).with_context(|| format!("cannot write {}", path.display()))?;
        println!("written to {}", workspace.relative(&path));
    }
    judge(flags, &course, &seen, sent, peak)
}

/// Says what held, and fails if something did not.
fn judge(
    flags: &BurstFlags,
    course: &Course,
    seen: &Seen,
    sent: u64,
    peak: Option<u64>,
) -> anyhow::Result<()> {
    let Verdict {
        first_added,
        recovered,
        late_again,
        turns,
    } = seen.judge(course, flags.target.get() as f64 / 1e3);
    println!("first workers added {first_added:.1} s after the burst began");
    println!(
        "queue age back under its target {recovered:.1} s after it, for {late_again} samples above it later"
    );
    println!("{turns} change of direction in the number of workers");
    let bound = MEMORY_MIB + MARGIN_MIB;
    let peak = peak.map(|bytes| bytes >> 20);
    if let Some(peak) = peak {
        println!("at most {peak} MiB resident, {bound} MiB allowed");
    }
    let ended = seen.ended();
    ensure!(ended == sent, "{ended} of {sent} events are accounted for");
    let within = first_added <= 1.0 && recovered <= 5.0;
    if !within || late_again > 0 || turns > 1 || peak.is_some_and(|peak| peak > bound) {
        bail!("the pool does not hold what it is for");
    }
    println!("holds");
    Ok(())
}

fn config(source: u16, admin: u16, target: u64) -> String {
    format!(
        "[sources.bench]\ntype = \"tcp\"\nlisten = \"127.0.0.1:{source}\"\n\n\
         [pipelines.bench]\nto = [\"out\"]\nstages = [{{ type = \"delay\", time = \"8ms\", every = 100 }}]\n\n\
         [sinks.out]\ntype = \"blackhole\"\n\n\
         [dead_letters]\npath = \"dead-letters\"\n\n\
         [runtime]\nworkers = {{ min = 1, max = 32, target = \"{target}ms\" }}\nmemory = \"{MEMORY_MIB}MiB\"\n\n\
         [admin]\nlisten = \"127.0.0.1:{admin}\"\n"
    )
}

/// Events a second, for how long, one after the other.
struct Course {
    parts: [(f64, f64); 3],
}

impl Course {
    fn of(flags: &BurstFlags) -> Self {
        let rate = |rate: NonZeroU64| rate.get() as f64;
        Course {
            parts: [
                (rate(flags.calm), flags.before.as_secs_f64()),
                (rate(flags.burst), flags.time.as_secs_f64()),
                (rate(flags.calm), flags.after.as_secs_f64()),
            ],
        }
    }

    /// How many events are due within so many seconds.
    fn due_by(&self, seconds: f64) -> u64 {
        let mut left = seconds;
        let due = self.parts.iter().map(|(rate, lasts)| {
            let now = left.clamp(0.0, *lasts);
            left -= lasts;
            rate * now
        });
        due.sum::<f64>() as u64
    }

    fn seconds(&self) -> f64 {
        self.parts.iter().map(|(_, lasts)| lasts).sum()
    }

    /// When the burst begins.
    fn burst(&self) -> f64 {
        self.parts[0].1
    }
}

/// Sends every event once it is due, whatever became of those before; says how many that were.
fn send(
    mut stream: &TcpStream,
    input: &Input,
    course: &Course,
    begun: Instant,
) -> anyhow::Result<u64> {
    stream.set_nodelay(true)?;
    let all = course.due_by(course.seconds());
    let mut bytes = Vec::with_capacity(2 * PIECE);
    let mut next = 0;
    while next < all {
        let due = course.due_by(begun.elapsed().as_secs_f64());
        while next < due && bytes.len() < PIECE {
            bytes.extend_from_slice(input.line(next));
            next += 1;
        }
        stream.write_all(&bytes).context("sending broke off")?;
        if bytes.len() < PIECE {
            thread::sleep(Duration::from_millis(1));
        }
        bytes.clear();
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_sends_each_part_at_its_rate_and_no_more() {
        let course = Course {
            parts: [(10.0, 2.0), (100.0, 1.0), (10.0, 3.0)],
        };
        assert_eq!(course.seconds(), 6.0);
        let due = [0.0, 1.0, 2.0, 2.5, 3.0, 4.0, 6.0, 99.0].map(|at| course.due_by(at));
        assert_eq!(due, [0, 10, 20, 70, 120, 130, 150, 150]);
    }
}
