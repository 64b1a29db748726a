//! Describes a running line to the admin listener.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use millpond_admin::{
    BufferStore, BuildInfo, Circuit, Control, Health, JournalObserved, KeptLetters, LatestLetter,
    LetterCount, LetterStore, Observed, PausedPipeline, PipelineObserved, Read, SinkObserved,
    SinkState, StageCounts, Supervision, WorkerCounts, WorkerDecision, WorkerProcesses,
};
use millpond_runtime::admission::AdmissionView;
use millpond_runtime::process::ProcessesView;
use millpond_runtime::{Decision, PipelineView};
use millpond_sinks::SinkState as Doing;
use millpond_store::{Class, DeadLettersView, Glimpse};

use crate::config::cores;
use crate::points::{Looks, glimpse};
use crate::wire::{BufferSeen, PipelineSeen, Seen, SinkSeen};

/// What the admin listener shows of `seen`.
pub(crate) fn observed(
    seen: &Arc<Seen>,
    health: Arc<dyn Health>,
    control: Option<Arc<dyn Control>>,
) -> Observed {
    let (workers, letters) = (seen.workers.clone(), seen.letters.clone());
    let (kept, latest) = (seen.letters.clone(), seen.clone());
    let (pool, decided) = (seen.pool.clone(), seen.pool.clone());
    Observed {
        build: BuildInfo {
            name: "millpond",
            version: env!("CARGO_PKG_VERSION"),
            target: env!("MILLPOND_TARGET"),
        },
        sources: seen.sources.clone(),
        pipelines: (0..seen.pipelines.len())
            .map(|at| pipeline(seen, at))
            .collect(),
        sinks: seen.sinks.iter().map(sink).collect(),
        letters: Arc::new(move || LetterStore {
            deleted: letters.deleted(),
            bytes: letters.bytes(),
            full: letters.is_full(),
        }),
        journal: seen.journal.as_ref().map(journal),
        kept_letters: Arc::new(move || kept_letters(&kept)),
        latest_letters: Arc::new(move || latest_letters(&latest)),
        budget: seen.budget.clone(),
        workers: Arc::new(move || WorkerCounts {
            running: workers.running() as u64,
            wanted: pool.wanted() as u64,
            min: *pool.bounds().start() as u64,
            max: *pool.bounds().end() as u64,
            busy_nanos: nanos(workers.busy()),
            on_core_nanos: workers.on_core().map(nanos),
            process_nanos: workers.processor_time().map(nanos),
            cores: cores() as u64,
            restarts: workers.restarts(),
        }),
        processes: seen.processes.as_ref().map(processes),
        resident_bytes: Arc::new(resident),
        decisions: Arc::new(move || decided.decisions().iter().map(decision).collect()),
        spans: seen.spans.clone(),
        health,
        control,
        taps: Some(Arc::new(Looks::new(seen.clone()))),
    }
}

fn processes(view: &ProcessesView) -> Read<WorkerProcesses> {
    let view = view.clone();
    Arc::new(move || WorkerProcesses {
        ids: view.processes().iter().map(|one| one.id).collect(),
        replaced: view
            .deaths()
            .into_iter()
            .map(|(how, count)| (how.name(), count))
            .collect(),
        set_aside: view.events_set_aside(),
    })
}

fn decision(decision: &Decision) -> WorkerDecision {
    let since = decision.at.duration_since(UNIX_EPOCH);
    WorkerDecision {
        time: since.map_or(0.0, |since| since.as_secs_f64()),
        from: decision.from as u64,
        to: decision.to as u64,
        reason: decision.reason.name(),
        because: decision.reason.to_string(),
    }
}

fn journal(view: &AdmissionView) -> JournalObserved {
    let read = view.clone();
    JournalObserved {
        room: view.room().clone(),
        state: Arc::new(move || read.state()),
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn kept_letters(letters: &DeadLettersView) -> Vec<KeptLetters> {
    let of = |class: Class| {
        let groups = letters.groups(class).into_iter();
        groups.map(move |(group, count)| KeptLetters {
            class: class.as_str(),
            pipeline: group.pipeline,
            stage: group.stage,
            reason: group.reason,
            letters: count.letters,
            oldest_micros: count.oldest_micros,
            newest_micros: count.newest_micros,
        })
    };
    Class::ALL.into_iter().flat_map(of).collect()
}

fn latest_letters(seen: &Seen) -> Vec<LatestLetter> {
    let shown = |letter: Glimpse| {
        let Glimpse {
            event,
            bytes,
            detail,
            ..
        } = letter;
        let (event, cut, detail) = glimpse(event, bytes, detail, &seen.redact);
        LatestLetter {
            id: letter.id.to_string(),
            time_micros: letter.time_micros,
            pipeline: letter.pipeline,
            source: letter.source,
            stage: letter.stage,
            reason: letter.reason,
            detail,
            event,
            cut,
            bytes,
            replayed: letter.replayed,
        }
    };
    seen.letters.latest().into_iter().map(shown).collect()
}

/// Resident memory of this process in bytes.
pub(crate) fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn pipeline(seen: &Arc<Seen>, at: usize) -> PipelineObserved {
    let PipelineSeen {
        view,
        from,
        to,
        key,
        ..
    } = &seen.pipelines[at];
    let (held, stages, letters) = (seen.clone(), view.clone(), view.clone());
    let (service, parked) = (view.clone(), view.clone());
    PipelineObserved {
        ledger: view.ledger().clone(),
        from: from.clone(),
        to: to.clone(),
        key: key.clone(),
        intake: view.intake().clone(),
        stages: Arc::new(move || {
            let stats = stages.stages();
            let counts = stats.stages();
            counts
                .map(|(name, counts)| (name.to_owned(), stage(&counts)))
                .collect()
        }),
        held: Arc::new(move || held.pipelines[at].held()),
        letters: Arc::new(move || {
            let count = |((stage, reason), letters)| LetterCount {
                stage,
                reason,
                letters,
            };
            letters.letters().into_iter().map(count).collect()
        }),
        supervision: supervision(view),
        service: Arc::new(move || service.service()),
        parked_shards: Arc::new(move || parked.parked_shards()),
    }
}

fn supervision(view: &PipelineView) -> Read<Supervision> {
    let view = view.clone();
    Arc::new(move || {
        let crashes = view.brake().crashes();
        let paused = view.brake().paused().map(|paused| PausedPipeline {
            seconds: paused.since.elapsed().unwrap_or_default().as_secs_f64(),
            reason: paused.reason.name(),
            because: paused.reason.to_string(),
        });
        Supervision {
            paused,
            crashes_explained: crashes.explained,
            crashes_unexplained: crashes.unexplained,
            state_lost: view.state_lost(),
            behind: view.brake().arrears().events(),
        }
    })
}

fn stage(counts: &millpond_engine::StageCounts) -> StageCounts {
    StageCounts {
        passed: counts.passed,
        filtered: counts.filtered,
        consumed: counts.consumed,
        absorbed: counts.absorbed,
        dropped: counts.dropped,
        failed: counts.failed,
        emitted: counts.emitted,
        timed_events: counts.timed_events,
        timed_nanos: counts.timed_nanos,
    }
}

fn buffer(buffer: &BufferSeen) -> Read<BufferStore> {
    let view = buffer.view.clone();
    Arc::new(move || BufferStore {
        rows: view.rows(),
        bytes: view.bytes(),
    })
}

fn sink(sink: &SinkSeen) -> SinkObserved {
    let view = sink.view.clone();
    let state = move || match view.state() {
        Doing::Running => SinkState::Running,
        Doing::Retrying {
            since,
            error,
            failures,
            circuit,
        } => SinkState::Retrying {
            seconds: since.elapsed().as_secs_f64(),
            error,
            failures,
            circuit: match circuit {
                millpond_sinks::Circuit::Closed => Circuit::Closed,
                millpond_sinks::Circuit::Open => Circuit::Open,
                millpond_sinks::Circuit::HalfOpen => Circuit::HalfOpen,
            },
        },
        Doing::Held { since } => SinkState::Held {
            seconds: since.elapsed().as_secs_f64(),
        },
        Doing::Closed(_) => SinkState::Closed,
        Doing::Ended => SinkState::Ended,
    };
    SinkObserved {
        ledger: sink.ledger.clone(),
        room: sink.room.clone(),
        kind: sink.kind.clone(),
        required: sink.required,
        state: Arc::new(state),
        buffer: sink.buffer.as_ref().map(buffer),
    }
}
