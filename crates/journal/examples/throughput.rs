//! What a journal costs: records taken in with group commit while segments are new, then while those
//! that were let go are used again; storing the committed position; and opening and reading a full one.
//! `cargo run --release -p millpond-journal --example throughput -- [folder] [mebibytes] [record bytes]`

#![allow(clippy::print_stdout, reason = "a program that prints figures")]

use std::error::Error;
use std::time::{Duration, Instant};

use millpond_journal::{Files, Journal, Options};

/// What one append takes in: about what a socket gives at once.
const BATCH: usize = 256 << 10;
/// How much is written between two truncations, and how much is kept behind them: a daemon that takes in
/// a gigabyte a second, stores its position ten times a second and is a quarter of a second behind.
const TRUNCATE: usize = 100 << 20;
const BEHIND: u64 = 256 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let parent = arguments.next().unwrap_or_else(|| ".".to_owned());
    let mebibytes = arguments
        .next()
        .map_or(Ok(1024), |text| text.parse::<usize>())?;
    let length = arguments
        .next()
        .map_or(Ok(250), |text| text.parse::<usize>())?;
    let folder = tempfile::tempdir_in(parent)?;
    let options = Options {
        max_bytes: (mebibytes as u64 + 512) << 20,
        ..Options::default()
    };
    let record = vec![b'x'; length];
    let batch = vec![record.as_slice(); (BATCH / length).max(1)];
    for batches in [1, 4, 16, 32] {
        let folder = folder.path().join(batches.to_string());
        let (mut journal, _) = Journal::open(Files::open(&folder)?, options.clone())?;
        println!(
            "records of {length} bytes, groups of {}",
            batches * batch.len()
        );
        fill(&mut journal, "new", &batch, batches, mebibytes << 20, false)?;
        drop(journal);
        let mut journal = reopen(&folder, &options)?;
        let begin = Instant::now();
        println!(
            "  read {} records in {:.2?}",
            read_all(&journal)?,
            begin.elapsed()
        );
        fill(&mut journal, "used", &batch, batches, mebibytes << 20, true)?;
        positions(&mut journal)?;
        drop(journal);
        drop(reopen(&folder, &options)?);
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

fn reopen(folder: &std::path::Path, options: &Options) -> Result<Journal<Files>, Box<dyn Error>> {
    let begin = Instant::now();
    let (journal, report) = Journal::open(Files::open(folder)?, options.clone())?;
    println!(
        "  opened {} records in {:.2?}, peak memory {}, {report:?}",
        journal.next_sequence() - journal.committed_sequence(),
        begin.elapsed(),
        peak_memory()
    );
    Ok(journal)
}

fn fill(
    journal: &mut Journal<Files>,
    what: &str,
    batch: &[&[u8]],
    batches: usize,
    bytes: usize,
    truncates: bool,
) -> Result<(), Box<dyn Error>> {
    let length = batch[0].len();
    let behind = BEHIND / length as u64;
    let mut syncs = Vec::new();
    let mut truncations = Vec::new();
    let (mut written, mut since) = (0, 0);
    if truncates {
        // From here on only segments that were let go are used.
        journal.truncate(journal.durable_sequence() - behind)?;
    }
    let (begin, before) = (Instant::now(), cpu());
    while written < bytes {
        for _ in 0..batches {
            journal.append(batch)?;
        }
        let asked = Instant::now();
        let durable = journal.sync()?;
        syncs.push(asked.elapsed());
        let group = batches * batch.len() * length;
        (written, since) = (written + group, since + group);
        if truncates && since >= TRUNCATE {
            since = 0;
            let asked = Instant::now();
            journal.truncate(durable - behind)?;
            truncations.push(asked.elapsed());
        }
    }
    let took = begin.elapsed().as_secs_f64();
    let busy = cpu().map(|ticks| ticks as f64 / 100.0);
    let before = before.map(|ticks| ticks as f64 / 100.0);
    let gibibytes = written as f64 / f64::from(1 << 30);
    let records = (written / length) as f64;
    println!(
        "  {what:4}: {:.2} M records/s, {:.0} MB/s; CPU-s per GiB: {:.3} user, {:.3} system; sync {}; truncate {}",
        records / took / 1e6,
        written as f64 / took / 1e6,
        (busy[0] - before[0]) / gibibytes,
        (busy[1] - before[1]) / gibibytes,
        spread(&mut syncs),
        spread(&mut truncations),
    );
    Ok(())
}

/// What it costs to store the committed position, one record further each time.
fn positions(journal: &mut Journal<Files>) -> Result<(), Box<dyn Error>> {
    let mut took = Vec::new();
    let from = journal.committed_sequence();
    for committed in from + 1..(from + 400).min(journal.durable_sequence()) {
        let begin = Instant::now();
        journal.truncate(committed)?;
        took.push(begin.elapsed());
    }
    println!("  committed position: {}", spread(&mut took));
    Ok(())
}

fn read_all(journal: &Journal<Files>) -> Result<usize, Box<dyn Error>> {
    let mut reader = journal.reader(journal.committed_sequence())?;
    let mut read = 0;
    while let Some(records) = reader.next_records()? {
        read += records.count();
    }
    Ok(read)
}

fn spread(waits: &mut [Duration]) -> String {
    waits.sort_unstable();
    let share = |part: usize| waits.get(waits.len().saturating_sub(1) * part / 100);
    match (share(50), share(99), share(100)) {
        (Some(half), Some(most), Some(all)) => {
            format!("p50 {half:.2?}, p99 {most:.2?}, most {all:.2?}")
        }
        _ => "none".to_owned(),
    }
}

/// The CPU time of this process so far in hundredths of a second, user and system, where the system says so.
fn cpu() -> [u64; 2] {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let mut ticks = fields
        .split_whitespace()
        .skip(11)
        .map(|field| field.parse().unwrap_or(0));
    [ticks.next().unwrap_or(0), ticks.next().unwrap_or(0)]
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |line| line.trim().to_owned())
}
