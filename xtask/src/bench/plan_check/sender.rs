//! Sends bundles of events at random times.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::task::Task;
use crate::bench::input::{Input, Random};
use crate::bench::run::connect;

/// How long a write may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Sender<'a> {
    streams: Vec<TcpStream>,
    /// Bundles a second.
    rate: f64,
    bundle: usize,
    input: &'a Input,
    seed: u64,
    stop: AtomicBool,
}

impl<'a> Sender<'a> {
    /// Connects, to send `rate` events a second, `bundle` at once.
    pub(super) fn start(
        port: u16,
        task: Task,
        bundle: usize,
        rate: f64,
        input: &'a Input,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let stream = |_| {
            let stream = connect(port, PATIENCE)?;
            stream.set_nodelay(true)?;
            anyhow::Ok(stream)
        };
        Ok(Sender {
            streams: (0..task.connections())
                .map(stream)
                .collect::<Result<_, _>>()?,
            rate: rate / bundle as f64,
            bundle,
            input,
            seed,
            stop: AtomicBool::new(false),
        })
    }

    /// Sends until it is told to stop: each bundle at its time, or at once if that has passed.
    pub(super) fn send(&self) -> anyhow::Result<()> {
        precise();
        let mut random = Random::new(self.seed);
        let begun = Instant::now();
        let (mut due, mut line) = (0.0, 0);
        let mut bytes = Vec::new();
        for mut stream in self.streams.iter().cycle() {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            due += gap(random.share(), self.rate);
            bytes.clear();
            for _ in 0..self.bundle {
                bytes.extend_from_slice(self.input.line(line));
                line += 1;
            }
            thread::sleep(Duration::from_secs_f64(due).saturating_sub(begun.elapsed()));
            stream.write_all(&bytes).context("sending broke off")?;
        }
        Ok(())
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Seconds until the next bundle.
fn gap(share: f64, rate: f64) -> f64 {
    -(1.0 - share).ln() / rate
}

/// The system may let a thread sleep for 50 us longer than it asked for, so as to wake several at once: not this one.
#[cfg(target_os = "linux")]
fn precise() {
    // Without it the gaps are a little less random, which is all.
    let _ = nix::sys::prctl::set_timerslack(1);
}

#[cfg(not(target_os = "linux"))]
fn precise() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_exponential() {
        let mut random = Random::new(7);
        let gaps: Vec<f64> = (0..200_000).map(|_| gap(random.share(), 1_000.0)).collect();
        let mean = gaps.iter().sum::<f64>() / 2e5;
        let squares = gaps
            .iter()
            .map(|gap| (gap / mean - 1.0).powi(2))
            .sum::<f64>()
            / 2e5;
        assert!((mean * 1e3 - 1.0).abs() < 0.01, "{mean}");
        // Of no other distribution with this is it so likely that nothing comes for long.
        assert!((squares - 1.0).abs() < 0.03, "{squares}");
        let long = gaps.iter().filter(|gap| **gap > 3e-3).count() as f64 / 2e5;
        assert!((long - (-3.0_f64).exp()).abs() < 0.002, "{long}");
    }
}
