//! Bare threads on the task of `cpu`: how far the machine's cores scale, to judge the daemon's scaling by.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::super::process::Process;
use super::super::record::{Peer, Run};
use super::super::run::{Bench, Measured};
use super::super::scratch;
use super::super::usage::Usage;
use super::super::workload::STEPS;
use super::{Peers, STOP, lines_of, next_line};

/// How long they work: the program counts in whole seconds.
const SECONDS: u64 = 1;

#[derive(Debug, Deserialize)]
struct Said {
    seconds: f64,
    steps: u64,
    steps_per_second: f64,
}

impl Bench<'_> {
    /// Lets `count` threads compute, and says how many events that would have been.
    pub(in crate::bench) fn run_threads(
        &self,
        peers: &Peers,
        count: u32,
    ) -> anyhow::Result<Measured> {
        let folder = scratch::new(self.folder)?;
        let mut command = peers.in_rust(Peer::Threads);
        command.args([
            "--count",
            &count.to_string(),
            "--seconds",
            &SECONDS.to_string(),
        ]);
        let before = Usage::of_ended_children();
        let mut process = Process::start(command, "threads", folder.path(), true)?;
        let stdout = process
            .child
            .stdout
            .take()
            .context("the peer has no stdout")?;
        let patience = self.timeout + Duration::from_secs(SECONDS);
        let line = next_line(&lines_of(stdout), &mut process, patience, |_| {})?;
        let status = process.wait(STOP)?;
        let usage = Usage::of_ended_children().since(before);
        ensure!(
            status.success(),
            "it ended with {status}, expected 0\n{}",
            process.log_tail()
        );

        let said: Said = serde_json::from_str(&line)
            .with_context(|| format!("{line:?} is not what bare threads say at their end"))?;
        let events = said.steps / STEPS;
        Ok(Measured {
            run: Run {
                events,
                seconds: said.seconds,
                rate: said.steps_per_second / STEPS as f64,
                cpu: usage.cpu_per_million(events),
                peak_resident: None,
                context_switches: usage.switches_per_thousand(events),
            },
            start_to_ready: None,
            depth: Vec::new(),
            counts: None,
        })
    }
}
