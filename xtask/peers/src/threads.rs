//! The same work on bare threads: what the daemon's scaling is measured against.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use serde::Serialize;

use crate::flags;

/// Steps between two looks at the clock, about a millisecond.
const BLOCK: u64 = 1_000_000;

/// What the threads got done.
#[derive(Debug, Serialize)]
pub(crate) struct Threads {
    threads: u32,
    /// From the common start until the last thread ended.
    seconds: f64,
    steps: u64,
    steps_per_second: f64,
}

/// Lets `count` threads compute at the same time for `seconds`.
pub(crate) fn run(flags: &flags::Threads) -> anyhow::Result<Threads> {
    let span = Duration::from_secs(flags.seconds.get());
    let threads = flags.count.get();
    let start = Barrier::new(threads as usize);
    let done: Vec<(u64, Duration)> = thread::scope(|scope| {
        let worker = || {
            start.wait();
            let began = Instant::now();
            let mut steps = 0;
            while began.elapsed() < span {
                work(BLOCK);
                steps += BLOCK;
            }
            (steps, began.elapsed())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined
            .collect::<Result<_, _>>()
            .map_err(|_| anyhow!("a thread panicked"))
    })?;
    let steps = done.iter().map(|(steps, _)| steps).sum();
    // Each thread by its own clock: one that was woken late has not worked less well.
    let rate = |(steps, took): &(u64, Duration)| *steps as f64 / took.as_secs_f64();
    Ok(Threads {
        threads,
        seconds: done
            .iter()
            .map(|(_, took)| took.as_secs_f64())
            .fold(0.0, f64::max),
        steps,
        steps_per_second: done.iter().map(rate).sum(),
    })
}

/// The work of the daemon's `work` stage (`crates/stages/src/work.rs`): steps that wait for one another.
fn work(steps: u64) {
    let mut state = black_box(1_u64);
    for _ in 0..steps {
        state = (state ^ (state >> 29)).wrapping_add(0x1405_7b7e_f767_814f);
    }
    black_box(state);
}
