//! The worker pool, as metrics and as a document.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::encoding::NoLabelSet;
use prometheus_client::metrics::MetricType;
use serde_json::{Value, json};

use crate::families::{Families, seconds};
use crate::observed::{Observed, WorkerCounts, WorkerProcesses};

pub(crate) fn metrics(
    out: &mut Families<'_>,
    workers: &WorkerCounts,
    processes: Option<&WorkerProcesses>,
) -> fmt::Result {
    for (name, help, value) in [
        ("millpond_workers", "Workers that run", workers.running),
        (
            "millpond_workers_wanted",
            "Workers that there should be now",
            workers.wanted,
        ),
        (
            "millpond_workers_min",
            "The fewest workers there may be",
            workers.min,
        ),
        (
            "millpond_workers_max",
            "The most workers there may be",
            workers.max,
        ),
    ] {
        out.gauge(name, help, value)?;
    }
    out.encoder
        .encode_descriptor(
            "millpond_worker_busy_seconds",
            "Time spent on shards, summed over workers",
            None,
            MetricType::Counter,
        )?
        .encode_counter::<NoLabelSet, _, u64>(&seconds(workers.busy_nanos), None)?;
    if let Some(nanos) = workers.on_core_nanos {
        out.encoder
            .encode_descriptor(
                "millpond_worker_on_core_seconds",
                "Time that workers were on a core or waited for one, summed over workers",
                None,
                MetricType::Counter,
            )?
            .encode_counter::<NoLabelSet, _, u64>(&seconds(nanos), None)?;
    }
    out.counter(
        "millpond_worker_restarts",
        "Lines rebuilt after a panic",
        workers.restarts,
    )?;
    let Some(processes) = processes else {
        return Ok(());
    };
    let replaced = processes.replaced.iter();
    out.counters(
        "millpond_worker_processes_replaced",
        "Processes of workers that were replaced, by how they ended",
        replaced.map(|(how, count)| ([("reason", *how)], *count)),
    )?;
    out.counter(
        "millpond_worker_events_set_aside",
        "Events that were set aside because processes of workers ended over them",
        processes.set_aside,
    )
}

/// `/api/v1/workers`: how many there are, and the last decisions about that.
pub(crate) fn document(observed: &Observed) -> Value {
    let counts = (observed.workers)();
    let processes = observed.processes.as_ref().map(|processes| processes());
    let isolation = match processes {
        Some(_) => "process",
        None => "thread",
    };
    json!({
        "isolation": isolation,
        "processes": processes.map(|seen| {
            json!({
                "ids": seen.ids,
                "replaced": seen.replaced.into_iter().collect::<BTreeMap<_, _>>(),
                "events_set_aside": seen.set_aside,
            })
        }),
        "running": counts.running,
        "wanted": counts.wanted,
        "min": counts.min,
        "max": counts.max,
        "busy_seconds": seconds(counts.busy_nanos),
        "on_core_seconds": counts.on_core_nanos.map(seconds),
        "restarts": counts.restarts,
        "decisions": (observed.decisions)(),
    })
}
