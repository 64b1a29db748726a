//! Whether the process is well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use millpond_admin::Health;

use crate::wire::Seen;

/// Nothing is lost meanwhile, and only somebody who makes room ends it.
const FULL: &str =
    "the dead letters of accepted events are full: sources wait until some are replayed and purged";

/// Where the process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    Starting,
    Running,
    Draining,
}

/// Answers for `/livez` and `/readyz`.
pub(crate) struct Vitals {
    phase: AtomicU8,
    seen: Arc<Seen>,
}

impl Vitals {
    pub(crate) fn new(seen: Arc<Seen>) -> Self {
        Vitals {
            phase: AtomicU8::new(Phase::Starting as u8),
            seen,
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::Relaxed);
    }
}

impl Vitals {
    /// Whether the journal takes and serves everything.
    fn journal(&self) -> Result<(), String> {
        let Some(journal) = &self.seen.journal else {
            return Ok(());
        };
        let state = journal.state();
        let reasons = state.failed.into_iter().chain(state.full);
        let reasons: Vec<String> = reasons.chain(state.problems).collect();
        if reasons.is_empty() {
            Ok(())
        } else {
            Err(reasons.join("\n"))
        }
    }
}

impl Vitals {
    /// Whether every pipeline runs.
    fn pipelines(&self) -> Result<(), String> {
        let paused = self.seen.pipelines.iter().filter_map(|pipeline| {
            let (name, paused) = (pipeline.view.name(), pipeline.view.brake().paused()?);
            let reason = paused.reason;
            Some(format!(
                "pipeline {name:?} is paused: {reason}; `millpond resume {name} -c FILE` lets it go on"
            ))
        });
        let paused: Vec<String> = paused.collect();
        if paused.is_empty() {
            Ok(())
        } else {
            Err(paused.join("\n"))
        }
    }
}

impl Vitals {
    /// Whether the disk buffers of sinks take what comes.
    fn buffers(&self) -> Result<(), String> {
        let refusals = self.seen.sinks.iter().filter_map(|sink| {
            let why = sink.buffer.as_ref()?.view.refuses()?;
            Some(format!("sink {:?} waits: {why}", sink.ledger.name()))
        });
        let refusals: Vec<String> = refusals.collect();
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(refusals.join("\n"))
        }
    }
}

impl Health for Vitals {
    fn live(&self) -> Result<(), String> {
        self.seen.hangs.live()
    }

    fn ready(&self) -> Result<(), String> {
        self.live()?;
        match self.phase.load(Ordering::Relaxed) {
            phase if phase == Phase::Starting as u8 => Err("starting".to_owned()),
            phase if phase == Phase::Draining as u8 => Err("draining".to_owned()),
            _ if self.seen.letters.is_full() => Err(FULL.to_owned()),
            _ => self
                .pipelines()
                .and_then(|()| self.journal())
                .and_then(|()| self.buffers()),
        }
    }
}
