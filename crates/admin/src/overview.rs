//! `/api/v1/overview`: all that the live page and a terminal show of a running daemon, in one document.

mod letters;
mod pressure;

use serde_json::{Value, json};

use crate::api::terms;
use crate::families::seconds;
use crate::history::Sample;
use crate::moment::{Moment, Span};
use crate::observed::{Observed, StageCounts};
use crate::seen::{PipelineSeen, Seen, SinkSeen};
use pressure::pressure;

/// The kind of the sink that is the store of dead letters: what it takes has not been delivered.
const LETTERS: &str = "dead_letters";

/// Everything that a document is made from.
pub(crate) struct Overview<'a> {
    pub(crate) observed: &'a Observed,
    pub(crate) seen: &'a Seen<'a>,
    /// What rates are of; none until there have been two looks.
    pub(crate) span: Option<Span<'a>>,
    pub(crate) time: f64,
    /// When the daemon began, in seconds since the Unix epoch: another number is another process.
    pub(crate) started: f64,
}

/// What the history keeps of a second.
pub(crate) fn sample(seen: &Seen<'_>, span: Span<'_>) -> Sample {
    let totals = totals(seen, Some(span));
    let number = |value: &Value| value.as_f64().map_or(f32::NAN, |number| number as f32);
    [
        number(&totals["in_per_second"]),
        number(&totals["out_per_second"]),
        number(&totals["queued_events"]),
        number(&totals["queued_bytes"]),
        number(&totals["oldest_age_seconds"]),
        number(&totals["p50_seconds"]),
        number(&totals["p99_seconds"]),
        seen.workers.running as f32,
        busy(seen, span) as f32,
        cores(span) as f32,
        seen.resident_bytes.map_or(f32::NAN, |bytes| bytes as f32),
        seen.budget_used as f32,
    ]
}

impl Overview<'_> {
    pub(crate) fn document(&self) -> Value {
        let Overview { seen, span, .. } = self;
        json!({
            "time": self.time,
            "started": self.started,
            "uptime_seconds": rounded(self.time - self.started),
            "interval_seconds": span.map(|span| rounded(span.seconds())),
            "build": self.observed.build,
            "health": self.health(),
            "pressure": pressure(seen, *span),
            "totals": totals(seen, *span),
            "process": {
                "cpu_cores": span.map(|span| rounded(cores(span))),
                "cores": seen.workers.cores,
                "resident_bytes": seen.resident_bytes,
            },
            "budget": {
                "used_bytes": seen.budget_used,
                "capacity_bytes": seen.budget_capacity,
                "waiting": seen.budget_waiting,
            },
            "workers": self.workers(),
            "sources": (0..seen.sources.len()).map(|at| self.source(at)).collect::<Vec<_>>(),
            "journal": self.journal(),
            "pipelines": (0..seen.pipelines.len()).map(|at| self.pipeline(at)).collect::<Vec<_>>(),
            "sinks": (0..seen.sinks.len()).map(|at| self.sink(at)).collect::<Vec<_>>(),
            "dead_letters": letters::document(self.observed, seen),
        })
    }

    /// How much something grew a second; null until there have been two looks.
    fn rate(&self, read: impl Fn(&Moment) -> u64) -> Value {
        json!(self.span.map(|span| rounded(span.rate(read))))
    }

    fn health(&self) -> Value {
        let health = &self.observed.health;
        let (live, ready) = (health.live(), health.ready());
        let reasons = [&live, &ready]
            .into_iter()
            .filter_map(|state| state.as_ref().err());
        let mut reasons: Vec<&str> = reasons.flat_map(|said| said.lines()).collect();
        reasons.dedup();
        json!({ "live": live.is_ok(), "ready": ready.is_ok(), "reasons": reasons })
    }

    fn workers(&self) -> Value {
        let workers = &self.seen.workers;
        json!({
            "running": workers.running,
            "wanted": workers.wanted,
            "min": workers.min,
            "max": workers.max,
            "busy": self.span.map(|span| rounded(busy(self.seen, span))),
            "restarts": workers.restarts,
            "decision": (self.observed.decisions)().last(),
        })
    }

    fn source(&self, at: usize) -> Value {
        let (name, totals) = &self.seen.sources[at];
        json!({
            "name": name,
            "events": totals.events,
            "events_per_second": self.rate(|moment| moment.sources[at].events),
            "bytes_per_second": self.rate(|moment| moment.sources[at].bytes),
            "connections": totals.open,
            "waiting": self.span.map(|span| rounded(waiting(self.seen, span, at))),
        })
    }

    fn journal(&self) -> Value {
        let Some((name, depth, state)) = &self.seen.journal else {
            return Value::Null;
        };
        json!({
            "queue": queue(name, depth),
            "in_per_second": self.rate(|moment| moment.journal.0),
            "out_per_second": self.rate(|moment| moment.journal.1),
            "waiting_events": state.waiting_events,
            "backlog_records": state.durable.saturating_sub(state.committed),
            "full": state.full,
            "failed": state.failed,
        })
    }

    fn pipeline(&self, at: usize) -> Value {
        let one = &self.seen.pipelines[at];
        json!({
            "name": one.name,
            "from": one.from,
            "to": one.to,
            "key": one.key,
            "paused": one.supervision.paused,
            "queue": queue(one.queue, &one.depth),
            "in_hand_events": one.in_hand,
            "parked_shards": one.parked_shards,
            "in_per_second": self.rate(|moment| moment.pipelines[at].received),
            "begun_per_second": self.rate(|moment| moment.pipelines[at].begun),
            "delivered_per_second": self.rate(|moment| moment.pipelines[at].delivered),
            "dead_lettered_per_second": self.rate(|moment| moment.pipelines[at].dead_lettered),
            "ledger": terms(one),
            "stages": one.stages.iter().map(|(name, counts)| self.stage(at, name, counts)).collect::<Vec<_>>(),
            "shards": self.shards(at, one),
        })
    }

    fn stage(&self, pipeline: usize, name: &str, counts: &StageCounts) -> Value {
        let of = |moment: &Moment| moment.pipelines[pipeline].stage(name);
        let time = self.span.and_then(|span| {
            let events = span.growth(|moment| of(moment).timed_events);
            let nanos = span.growth(|moment| of(moment).timed_nanos);
            (events > 0).then(|| seconds(nanos) / events as f64)
        });
        json!({
            "name": name,
            "events": counts.seen(),
            "events_per_second": self.rate(|moment| of(moment).seen()),
            "passed_per_second": self.rate(|moment| of(moment).passed),
            "seconds_per_event": time,
            "failed": counts.failed,
            "failed_per_second": self.rate(|moment| of(moment).failed),
        })
    }

    /// In columns, for there may be thousands.
    fn shards(&self, pipeline: usize, one: &PipelineSeen<'_>) -> Value {
        let rates = self.span.map(|span| {
            let rate =
                |shard| span.rate(|moment: &Moment| moment.pipelines[pipeline].shards[shard]);
            (0..one.shards.len())
                .map(|shard| rate(shard).round() as u64)
                .collect::<Vec<_>>()
        });
        json!({
            "events": one.shards.iter().map(|depth| depth.events).collect::<Vec<_>>(),
            "per_second": rates,
        })
    }

    fn sink(&self, at: usize) -> Value {
        let one = &self.seen.sinks[at];
        let totals = &one.totals;
        let latency = self.span.map(|span| span.latency(at));
        let quantile = |q| {
            latency
                .as_ref()
                .and_then(|seen| seen.quantile(q))
                .map(seconds)
        };
        json!({
            "name": one.name,
            "type": one.kind,
            "required": one.required,
            "status": one.state,
            "label": one.state.label(),
            "queue": queue(one.queue, &one.depth),
            "in_hand_rows": one.in_hand,
            "buffer": one.buffer.as_ref().map(|buffer| json!({ "rows": buffer.rows, "bytes": buffer.bytes })),
            "routed_per_second": self.rate(|moment| moment.sinks[at].0.routed),
            "delivered_per_second": self.rate(|moment| moment.sinks[at].0.delivered),
            "bytes_per_second": self.rate(|moment| moment.sinks[at].0.bytes),
            "p50_seconds": quantile(0.5),
            "p99_seconds": quantile(0.99),
            "retries": totals.retries,
            "ledger": {
                "routed": totals.routed,
                "delivered": totals.delivered,
                "dead_lettered": totals.dead_lettered,
                "dropped": totals.dropped(),
                "live": totals.live,
                "unaccounted": totals.unaccounted(),
            },
        })
    }
}

/// What the whole daemon does, the replay of dead letters not counted twice.
fn totals(seen: &Seen<'_>, span: Option<Span<'_>>) -> Value {
    let sinks = || delivering(seen);
    let latency = span.map(|span| span.latency_of(sinks().map(|(at, _)| at)));
    let quantile = |q| {
        latency
            .as_ref()
            .and_then(|seen| seen.quantile(q))
            .map(seconds)
    };
    let events_in = |moment: &Moment| moment.sources.iter().map(|totals| totals.events).sum();
    let rows_out = |moment: &Moment| sinks().map(|(at, _)| moment.sinks[at].0.delivered).sum();
    let depths = || seen.queues().map(|(_, depth)| depth);
    json!({
        "in_per_second": span.map(|span| rounded(span.rate(events_in))),
        "out_per_second": span.map(|span| rounded(span.rate(rows_out))),
        "queued_events": depths().map(|depth| depth.events).sum::<u64>(),
        "queued_bytes": depths().map(|depth| depth.bytes).sum::<u64>(),
        "oldest_age_seconds": depths().map(|depth| depth.oldest).max().map(|age| age.as_secs_f64()),
        "p50_seconds": quantile(0.5),
        "p99_seconds": quantile(0.99),
        "unaccounted": seen.pipelines.iter().map(|one| one.unaccounted).sum::<u64>(),
    })
}

/// The sinks that deliver, with their places.
fn delivering<'a>(seen: &'a Seen<'a>) -> impl Iterator<Item = (usize, &'a SinkSeen<'a>)> {
    let sinks = seen.sinks.iter().enumerate();
    sinks.filter(|(_, one)| one.kind != LETTERS)
}

fn queue(name: &str, depth: &millpond_queue::Depth) -> Value {
    json!({
        "name": name,
        "events": depth.events,
        "bytes": depth.bytes,
        "capacity_events": Some(depth.capacity.events).filter(|&events| events < u64::MAX),
        "capacity_bytes": depth.capacity.bytes,
        "oldest_age_seconds": depth.oldest.as_secs_f64(),
    })
}

/// The share of their time that workers spent on shards, 0 to 1.
fn busy(seen: &Seen<'_>, span: Span<'_>) -> f64 {
    let busy = span.rate(|moment| moment.busy_nanos) / 1e9;
    (busy / seen.workers.running.max(1) as f64).min(1.0)
}

/// How many cores the process kept busy.
fn cores(span: Span<'_>) -> f64 {
    span.rate(|moment| moment.process_nanos) / 1e9
}

/// The share of their time that the connections of a source waited for the budget, 0 to 1.
fn waiting(seen: &Seen<'_>, span: Span<'_>, source: usize) -> f64 {
    let waited = span.rate(|moment| moment.sources[source].backpressure_nanos) / 1e9;
    (waited / seen.sources[source].1.open.max(1) as f64).min(1.0)
}

/// To three digits behind the point: nobody looks closer, and documents stay short.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
