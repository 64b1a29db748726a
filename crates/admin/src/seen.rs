use millpond_delivery::{LatencySnapshot, SinkTotals, SourceTotals, Totals};
use millpond_queue::Depth;
use millpond_runtime::Service;
use millpond_runtime::admission::JournalState;

use crate::observed::{
    BufferStore, LetterCount, LetterStore, Observed, SinkState, SpanCounts, StageCounts,
    WorkerCounts, WorkerProcesses,
};
use crate::pipelines::Supervision;

/// Everything, read once, so that the numbers of one answer belong together.
pub(crate) struct Seen<'a> {
    pub(crate) sources: Vec<(&'a str, SourceTotals)>,
    pub(crate) pipelines: Vec<PipelineSeen<'a>>,
    pub(crate) sinks: Vec<SinkSeen<'a>>,
    pub(crate) letters: LetterStore,
    pub(crate) journal: Option<(&'a str, Depth, JournalState)>,
    pub(crate) budget_used: u64,
    pub(crate) budget_capacity: u64,
    pub(crate) budget_waiting: u64,
    pub(crate) workers: WorkerCounts,
    pub(crate) processes: Option<WorkerProcesses>,
    pub(crate) spans: Option<SpanCounts>,
    pub(crate) resident_bytes: Option<u64>,
}

pub(crate) struct PipelineSeen<'a> {
    pub(crate) name: &'a str,
    pub(crate) from: &'a [String],
    pub(crate) to: &'a [String],
    pub(crate) key: Option<&'a str>,
    pub(crate) totals: Totals,
    pub(crate) unaccounted: u64,
    pub(crate) queue: &'a str,
    pub(crate) depth: Depth,
    pub(crate) in_hand: u64,
    pub(crate) shards: Vec<Depth>,
    pub(crate) arrived: Vec<u64>,
    pub(crate) stages: Vec<(String, StageCounts)>,
    pub(crate) letters: Vec<LetterCount>,
    pub(crate) service: Service,
    pub(crate) arrivals: u64,
    pub(crate) parked_shards: u64,
    pub(crate) supervision: Supervision,
}

pub(crate) struct SinkSeen<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) required: bool,
    pub(crate) totals: SinkTotals,
    pub(crate) latency: LatencySnapshot,
    pub(crate) queue: &'a str,
    pub(crate) depth: Depth,
    pub(crate) in_hand: u64,
    pub(crate) state: SinkState,
    pub(crate) buffer: Option<BufferStore>,
}

impl<'a> Seen<'a> {
    pub(crate) fn read(observed: &'a Observed) -> Self {
        let sources = observed.sources.iter();
        let pipelines = observed.pipelines.iter().map(|pipeline| PipelineSeen {
            name: pipeline.ledger.name(),
            from: &pipeline.from,
            to: &pipeline.to,
            key: pipeline.key.as_deref(),
            unaccounted: pipeline.ledger.unaccounted(|| (pipeline.held)()),
            totals: pipeline.ledger.totals(),
            queue: pipeline.intake.name(),
            depth: pipeline.intake.depth(),
            in_hand: pipeline.intake.in_hand(),
            shards: (0..pipeline.intake.shards())
                .filter_map(|shard| pipeline.intake.shard(shard))
                .collect(),
            arrived: (0..pipeline.intake.shards())
                .filter_map(|shard| pipeline.intake.arrived(shard))
                .collect(),
            stages: (pipeline.stages)(),
            letters: (pipeline.letters)(),
            service: (pipeline.service)(),
            arrivals: pipeline.intake.arrivals(),
            parked_shards: (pipeline.parked_shards)(),
            supervision: (pipeline.supervision)(),
        });
        let sinks = observed.sinks.iter().map(|sink| SinkSeen {
            name: sink.ledger.name(),
            kind: &sink.kind,
            required: sink.required,
            totals: sink.ledger.totals(),
            latency: sink.ledger.latency(),
            queue: sink.room.name(),
            depth: sink.room.depth(),
            in_hand: sink.room.in_hand(),
            state: (sink.state)(),
            buffer: sink.buffer.as_ref().map(|buffer| buffer()),
        });
        Seen {
            sources: sources
                .map(|source| (source.name(), source.totals()))
                .collect(),
            pipelines: pipelines.collect(),
            sinks: sinks.collect(),
            letters: (observed.letters)(),
            journal: observed.journal.as_ref().map(|journal| {
                let (room, counts) = (&journal.room, (journal.state)());
                (room.name(), room.depth(), counts)
            }),
            budget_used: observed.budget.used(),
            budget_capacity: observed.budget.capacity(),
            budget_waiting: observed.budget.waiting() as u64,
            workers: (observed.workers)(),
            processes: observed.processes.as_ref().map(|processes| processes()),
            spans: observed.spans.as_ref().map(|spans| spans()),
            resident_bytes: (observed.resident_bytes)(),
        }
    }

    /// Every queue: its name and how full it is.
    pub(crate) fn queues(&self) -> impl Iterator<Item = (&'a str, &Depth)> {
        let mailboxes = self.pipelines.iter().map(|seen| (seen.queue, &seen.depth));
        let journal = self.journal.iter().map(|(name, depth, _)| (*name, depth));
        let rooms = self.sinks.iter().map(|seen| (seen.queue, &seen.depth));
        journal.chain(mailboxes).chain(rooms)
    }
}
