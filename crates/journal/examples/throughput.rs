//! How fast a journal takes in records with group commit, and how long it takes to open a full one:
//! `cargo run --release -p millpond-journal --example throughput -- [folder] [mebibytes]`.

#![allow(clippy::print_stdout, reason = "a program that prints figures")]

use std::error::Error;
use std::time::{Duration, Instant};

use millpond_journal::{Files, Journal, Options, Storage};

const RECORD: [u8; 250] = [b'x'; 250];
/// What one append takes in: about what a socket gives at once.
const BATCH: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let parent = arguments.next().unwrap_or_else(|| ".".to_owned());
    let mebibytes: u64 = arguments
        .next()
        .unwrap_or_else(|| "1024".to_owned())
        .parse()?;
    let folder = tempfile::tempdir_in(parent)?;
    let options = Options {
        max_bytes: (mebibytes + 128) << 20,
        ..Options::default()
    };
    for batches in [1, 4, 16] {
        let folder = folder.path().join(batches.to_string());
        let (mut journal, _) = Journal::open(Files::open(&folder)?, options.clone())?;
        println!("groups of {} records", batches * BATCH);
        fill(&mut journal, batches, mebibytes << 20)?;
        drop(journal);

        let begin = Instant::now();
        let (journal, report) = Journal::open(Files::open(&folder)?, options.clone())?;
        let took = begin.elapsed();
        println!(
            "  opened {} records in {took:.2?}, peak memory {}, {report:?}",
            journal.next_sequence(),
            peak_memory()
        );
        let begin = Instant::now();
        let read = read_all(&journal)?;
        println!("  read {read} records in {:.2?}", begin.elapsed());
        drop(journal);
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

fn fill<S: Storage>(
    journal: &mut Journal<S>,
    batches: usize,
    bytes: u64,
) -> Result<(), Box<dyn Error>> {
    let batch = vec![RECORD; BATCH];
    let mut waits = Vec::new();
    let begin = (Instant::now(), cpu());
    let mut records = 0;
    while (records * RECORD.len()) < bytes as usize {
        let arrived = Instant::now();
        for _ in 0..batches {
            journal.append(&batch)?;
        }
        journal.sync()?;
        waits.push(arrived.elapsed());
        records += batches * BATCH;
    }
    let (took, busy) = (begin.0.elapsed().as_secs_f64(), cpu() - begin.1);
    waits.sort_unstable();
    let share = |part: usize| waits[(waits.len() - 1) * part / 100];
    println!(
        "  {:.2} M records/s, {:.0} MB/s, {:.2} CPU-s per million; group p50 {:.2?}, p99 {:.2?}, most {:.2?}",
        records as f64 / took / 1e6,
        (records * RECORD.len()) as f64 / took / 1e6,
        busy.as_secs_f64() / (records as f64 / 1e6),
        share(50),
        share(99),
        share(100),
    );
    Ok(())
}

fn read_all<S: Storage>(journal: &Journal<S>) -> Result<usize, Box<dyn Error>> {
    let mut reader = journal.reader(journal.committed_sequence())?;
    let mut read = 0;
    while let Some(records) = reader.next_records()? {
        read += records.count();
    }
    Ok(read)
}

/// The CPU time of this process so far, user and system, where the system says so.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |line| line.trim().to_owned())
}
