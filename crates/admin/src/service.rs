//! What it takes to run the pipelines, as metrics and as a document.

use std::fmt;

use millpond_delivery::SourceTotals;
use millpond_runtime::{Service, TimesSeen};
use serde_json::{Value, json};

use crate::families::{Families, seconds};
use crate::observed::Observed;
use crate::seen::Seen;

/// Upper bounds of the metrics' buckets in nanoseconds: less fine than what is counted, which has many.
const BOUNDS: [u64; 19] = [
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

pub(crate) fn metrics(out: &mut Families<'_>, seen: &Seen<'_>) -> fmt::Result {
    let all = |times: fn(&Service) -> &TimesSeen| {
        seen.pipelines.iter().map(move |one| {
            let times = times(&one.service);
            let bounds = BOUNDS.iter().map(|&nanos| seconds(nanos)).chain([f64::MAX]);
            let buckets = bounds.zip(times.coarse(&BOUNDS)).collect();
            ([("pipeline", one.name)], times.nanos, buckets)
        })
    };
    out.histograms(
        "millpond_queue_wait_seconds",
        "Time that a batch lay in its mailbox before a worker began it",
        all(|service| &service.waited),
    )?;
    out.histograms(
        "millpond_batch_duration_seconds",
        "Time that a worker took for a batch",
        all(|service| &service.took),
    )
}

/// `/api/v1/service`: all that `millpond plan` works with, in numbers that grow.
pub fn service(observed: &Observed) -> Value {
    let seen = Seen::read(observed);
    let pipelines = seen.pipelines.iter().map(|one| {
        let service = &one.service;
        let stages = one.stages.iter().map(|(name, counts)| {
            json!({
                "stage": name,
                "events": counts.seen(),
                "timed_events": counts.timed_events,
                "timed_seconds": seconds(counts.timed_nanos),
            })
        });
        json!({
            "pipeline": one.name,
            "keyed": one.key.is_some(),
            "arrivals": one.arrivals,
            "batches": service.batches,
            "events": service.events,
            "bytes": service.bytes,
            "event_squares": service.event_squares,
            "event_nanos": service.event_nanos,
            "took": times(&service.took),
            "waited": times(&service.waited),
            "woke": times(&service.woke),
            "woken_seconds": seconds(service.woken_nanos),
            "shards": service.shards.iter().map(|&nanos| seconds(nanos)).collect::<Vec<_>>(),
            "parked_shards": one.parked_shards,
            "stages": stages.collect::<Vec<_>>(),
        })
    });
    let workers = &seen.workers;
    let sum =
        |of: fn(&SourceTotals) -> u64| seen.sources.iter().map(|(_, one)| of(one)).sum::<u64>();
    json!({
        "uptime_seconds": seconds(millpond_queue::monotonic_nanos()),
        "cores": workers.cores,
        "workers": workers.running,
        "busy_seconds": seconds(workers.busy_nanos),
        "on_core_seconds": workers.on_core_nanos.map(seconds),
        "process_seconds": workers.process_nanos.map(seconds),
        "budget_bytes": seen.budget_capacity,
        "connections": sum(|source| source.open),
        "received_events": sum(|source| source.events),
        "received_bytes": sum(|source| source.bytes),
        "pipelines": pipelines.collect::<Vec<_>>(),
    })
}

/// Buckets by their upper bounds in nanoseconds, those that hold nothing left out; the last of all has none.
fn times(times: &TimesSeen) -> Value {
    json!({
        "seconds": seconds(times.nanos),
        "buckets": times.buckets().collect::<Vec<_>>(),
    })
}
