use std::time::Instant;

use millpond_delivery::{LatencySnapshot, SinkTotals, SourceTotals};

use crate::observed::StageCounts;
use crate::seen::Seen;

/// What grows, at one moment: two of these tell the rates between them.
pub(crate) struct Moment {
    pub(crate) at: Instant,
    pub(crate) sources: Vec<SourceTotals>,
    pub(crate) pipelines: Vec<PipelineMoment>,
    pub(crate) sinks: Vec<(SinkTotals, LatencySnapshot)>,
    pub(crate) journal: (u64, u64),
    pub(crate) busy_nanos: u64,
    pub(crate) process_nanos: u64,
}

pub(crate) struct PipelineMoment {
    pub(crate) received: u64,
    /// Events that workers have begun.
    pub(crate) begun: u64,
    pub(crate) delivered: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) stages: Vec<(String, StageCounts)>,
    /// By shard, what has ever arrived.
    pub(crate) shards: Vec<u64>,
}

impl PipelineMoment {
    /// The counts of a stage. One that was not there had counted nothing.
    pub(crate) fn stage(&self, name: &str) -> StageCounts {
        let mut stages = self.stages.iter();
        let known = stages.find(|(known, _)| known == name);
        known.map_or_else(StageCounts::default, |(_, counts)| *counts)
    }
}

impl Moment {
    pub(crate) fn of(seen: &Seen<'_>, at: Instant) -> Self {
        let pipelines = seen.pipelines.iter().map(|one| PipelineMoment {
            received: one.totals.received,
            begun: one.totals.received.saturating_sub(one.depth.events),
            delivered: one.totals.delivered,
            dead_lettered: one.totals.dead_lettered,
            stages: one.stages.clone(),
            shards: one.arrived.clone(),
        });
        let sinks = seen.sinks.iter();
        let journal = seen.journal.as_ref();
        Moment {
            at,
            sources: seen
                .sources
                .iter()
                .map(|(_, totals)| totals.clone())
                .collect(),
            pipelines: pipelines.collect(),
            sinks: sinks
                .map(|one| (one.totals.clone(), one.latency.clone()))
                .collect(),
            journal: journal.map_or((0, 0), |(_, _, state)| {
                (
                    state.kept_events + state.restored_events,
                    state.passed_events,
                )
            }),
            busy_nanos: seen.workers.busy_nanos,
            process_nanos: seen.workers.process_nanos.unwrap_or(0),
        }
    }
}

/// The time between two moments.
#[derive(Clone, Copy)]
pub(crate) struct Span<'a> {
    pub(crate) before: &'a Moment,
    pub(crate) after: &'a Moment,
}

impl Span<'_> {
    pub(crate) fn seconds(&self) -> f64 {
        let between = self.after.at.saturating_duration_since(self.before.at);
        between.as_secs_f64().max(1e-3)
    }

    /// By how much something grew in it.
    pub(crate) fn growth(&self, read: impl Fn(&Moment) -> u64) -> u64 {
        read(self.after).saturating_sub(read(self.before))
    }

    /// By how much something grew a second.
    pub(crate) fn rate(&self, read: impl Fn(&Moment) -> u64) -> f64 {
        self.growth(read) as f64 / self.seconds()
    }

    /// What a sink's rows waited for in it.
    pub(crate) fn latency(&self, sink: usize) -> LatencySnapshot {
        self.after.sinks[sink].1.since(&self.before.sinks[sink].1)
    }

    /// What the rows of all `sinks` waited for.
    pub(crate) fn latency_of(&self, sinks: impl Iterator<Item = usize>) -> LatencySnapshot {
        sinks.fold(LatencySnapshot::default(), |mut sum, sink| {
            let one = self.latency(sink);
            sum.sum_nanos += one.sum_nanos;
            let counts = sum.counts.iter_mut().zip(one.counts);
            counts.for_each(|(sum, count)| *sum += count);
            sum
        })
    }
}
