use std::fmt;
use std::sync::Arc;

use millpond_delivery::BUCKETS;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::families::{Families, seconds};
use crate::journal;
use crate::observed::{Observed, SinkState};
use crate::pipelines as supervision;
use crate::seen::Seen;
use crate::service;
use crate::workers;

/// The content type of [`Exposition::text`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics as text.
pub(crate) struct Exposition {
    registry: Registry,
}

impl Exposition {
    pub(crate) fn new(observed: Arc<Observed>) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape { observed }));
        Exposition { registry }
    }

    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::with_capacity(16 << 10);
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

/// Reads everything when it is scraped: the data path keeps no counters for the metrics' sake.
struct Scrape {
    observed: Arc<Observed>,
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let seen = Seen::read(&self.observed);
        let mut out = Families { encoder };
        sources(&mut out, &seen)?;
        pipelines(&mut out, &seen)?;
        supervision::metrics(&mut out, &self.observed)?;
        stages(&mut out, &seen)?;
        service::metrics(&mut out, &seen)?;
        sinks(&mut out, &seen)?;
        letters(&mut out, &seen)?;
        if let Some((_, _, counts)) = &seen.journal {
            journal::metrics(&mut out, counts)?;
        }
        queues(&mut out, &seen)?;
        process(&mut out, &seen)?;
        let build = &self.observed.build;
        out.encoder
            .encode_descriptor("millpond_build", "What is running", None, MetricType::Info)?
            .encode_info(&[("version", build.version), ("target", build.target)])
    }
}

fn sources(out: &mut Families<'_>, seen: &Seen<'_>) -> fmt::Result {
    out.counters(
        "millpond_events_received",
        "Events taken in, refused ones included",
        seen.sources
            .iter()
            .map(|(name, totals)| ([("source", *name)], totals.events)),
    )?;
    out.counters(
        "millpond_bytes_received",
        "Bytes read",
        seen.sources
            .iter()
            .map(|(name, totals)| ([("source", *name)], totals.bytes)),
    )?;
    out.gauges(
        "millpond_connections",
        "Open connections or files",
        seen.sources
            .iter()
            .map(|(name, totals)| ([("source", *name)], totals.open)),
    )?;
    out.counters(
        "millpond_connections_opened",
        "Connections ever opened",
        seen.sources
            .iter()
            .map(|(name, totals)| ([("source", *name)], totals.opened)),
    )?;
    out.counters(
        "millpond_connections_closed",
        "Connections closed or refused by the source itself",
        seen.sources.iter().flat_map(|(name, totals)| {
            let closed = totals.closed_by.iter();
            closed.map(|(reason, count)| ([("source", *name), ("reason", *reason)], *count))
        }),
    )?;
    let asked = || {
        seen.sources
            .iter()
            .filter(|(_, totals)| totals.requests > 0)
    };
    out.counters(
        "millpond_requests",
        "Requests that were acknowledged",
        asked().map(|(name, totals)| ([("source", *name)], totals.requests)),
    )?;
    out.counters(
        "millpond_requests_refused",
        "Requests that were refused",
        seen.sources.iter().flat_map(|(name, totals)| {
            let refused = totals.refused_by.iter();
            refused.map(|(reason, count)| ([("source", *name), ("reason", *reason)], *count))
        }),
    )?;
    out.counters(
        "millpond_duplicates",
        "Events that were taken in before, and so not again",
        asked().map(|(name, totals)| ([("source", *name)], totals.duplicates)),
    )?;
    out.seconds_counters(
        "millpond_backpressure_seconds",
        "Time spent waiting for the budget, summed over connections",
        seen.sources
            .iter()
            .map(|(name, totals)| ([("source", *name)], totals.backpressure_nanos)),
    )
}

fn pipelines(out: &mut Families<'_>, seen: &Seen<'_>) -> fmt::Result {
    let all = || seen.pipelines.iter();
    out.counters(
        "millpond_pipeline_events_received",
        "Inputs",
        all().map(|one| ([("pipeline", one.name)], one.totals.received)),
    )?;
    out.counters(
        "millpond_pipeline_events_delivered",
        "Inputs confirmed by every required sink",
        all().map(|one| ([("pipeline", one.name)], one.totals.delivered)),
    )?;
    out.counters(
        "millpond_events_filtered",
        "Inputs refused by a stage",
        all().map(|one| ([("pipeline", one.name)], one.totals.filtered)),
    )?;
    out.counters(
        "millpond_events_consumed",
        "Inputs that became other events",
        all().map(|one| ([("pipeline", one.name)], one.totals.consumed)),
    )?;
    out.counters(
        "millpond_events_absorbed",
        "Inputs that went into a stage's state",
        all().map(|one| ([("pipeline", one.name)], one.totals.absorbed)),
    )?;
    out.counters(
        "millpond_pipeline_events_dead_lettered",
        "Inputs set aside",
        all().map(|one| ([("pipeline", one.name)], one.totals.dead_lettered)),
    )?;
    out.counters(
        "millpond_events_dropped",
        "Inputs given up",
        all().flat_map(|one| {
            let dropped = one.totals.dropped_by.iter();
            dropped.map(|(reason, count)| ([("pipeline", one.name), ("reason", *reason)], *count))
        }),
    )?;
    out.gauges(
        "millpond_live_events",
        "Inputs on their way",
        all().map(|one| ([("pipeline", one.name)], one.totals.live)),
    )?;
    out.gauges(
        "millpond_unaccounted_events",
        "Inputs that neither the ledger nor the queues account for: 0, unless events leaked",
        all().map(|one| ([("pipeline", one.name)], one.unaccounted)),
    )?;
    out.counters(
        "millpond_events_dead_lettered",
        "Dead letters written, those of derived events included",
        all().flat_map(|one| {
            let labels =
                |stage, reason| [("pipeline", one.name), ("stage", stage), ("reason", reason)];
            let letters = one.letters.iter();
            letters.map(move |letter| (labels(&*letter.stage, &*letter.reason), letter.letters))
        }),
    )
}

fn spans(out: &mut Families<'_>, seen: &Seen<'_>) -> fmt::Result {
    let Some(spans) = &seen.spans else {
        return Ok(());
    };
    let outcomes = [
        ("sent", spans.sent),
        ("failed", spans.failed),
        ("dropped", spans.dropped),
    ];
    out.counters(
        "millpond_spans",
        "Spans of chunks that were followed, by whether a collector got them",
        outcomes
            .into_iter()
            .map(|(outcome, count)| ([("outcome", outcome)], count)),
    )
}

fn stages(out: &mut Families<'_>, seen: &Seen<'_>) -> fmt::Result {
    let all = || {
        let pipelines = seen.pipelines.iter();
        pipelines.flat_map(|one| {
            one.stages
                .iter()
                .map(|(name, counts)| (one.name, &**name, counts))
        })
    };
    out.counters(
        "millpond_stage_events",
        "What a stage did with its events",
        all().flat_map(|(pipeline, stage, counts)| {
            let outcomes = [
                ("passed", counts.passed),
                ("filtered", counts.filtered),
                ("consumed", counts.consumed),
                ("absorbed", counts.absorbed),
                ("dropped", counts.dropped),
                ("failed", counts.failed),
                ("emitted", counts.emitted),
            ];
            outcomes.map(|(outcome, count)| {
                (
                    [
                        ("pipeline", pipeline),
                        ("stage", stage),
                        ("outcome", outcome),
                    ],
                    count,
                )
            })
        }),
    )?;
    out.histograms(
        "millpond_stage_duration_seconds",
        "Time per event, of a sample of the events",
        all().map(|(pipeline, stage, counts)| {
            let labels = [("pipeline", pipeline), ("stage", stage)];
            (
                labels,
                counts.timed_nanos,
                vec![(f64::MAX, counts.timed_events)],
            )
        }),
    )
}

fn sinks(out: &mut Families<'_>, seen: &Seen<'_>) -> fmt::Result {
    let all = || seen.sinks.iter();
    out.counters(
        "millpond_events_delivered",
        "Rows confirmed by the sink",
        all().map(|one| ([("sink", one.name)], one.totals.delivered)),
    )?;
    out.counters(
        "millpond_sink_rows_routed",
        "Rows meant for the sink",
        all().map(|one| ([("sink", one.name)], one.totals.routed)),
    )?;
    out.counters(
        "millpond_sink_rows_dead_lettered",
        "Rows refused by the sink for good and set aside",
        all().map(|one| ([("sink", one.name)], one.totals.dead_lettered)),
    )?;
    out.counters(
        "millpond_sink_rows_dropped",
        "Rows given up",
        all().flat_map(|one| {
            let dropped = one.totals.dropped_by.iter();
            dropped.map(|(reason, count)| ([("sink", one.name), ("reason", *reason)], *count))
        }),
    )?;
    out.gauges(
        "millpond_sink_live_rows",
        "Rows on their way to the sink",
        all().map(|one| ([("sink", one.name)], one.totals.live)),
    )?;
    out.counters(
        "millpond_sink_bytes",
        "Bytes delivered",
        all().map(|one| ([("sink", one.name)], one.totals.bytes)),
    )?;
    out.counters(
        "millpond_sink_retries",
        "Attempts that failed and were made again",
        all().map(|one| ([("sink", one.name)], one.totals.retries)),
    )?;
    out.gauges(
        "millpond_sink_up",
        "1 while the sink takes rows, 0 while it retries or has ended",
        all().map(|one| {
            (
                [("sink", one.name)],
                u64::from(one.state == SinkState::Running),
            )
        }),
    )?;
    out.gauges(
        "millpond_sink_state",
        "1 for what the sink is doing, 0 for what it is not",
        all().flat_map(|one| {
            let doing = one.state.label();
            SinkState::LABELS.map(|state| {
                (
                    [("sink", one.name), ("state", state)],
                    u64::from(state == doing),
                )
            })
        }),
    )?;
    let buffered = || all().filter_map(|one| Some((one.name, one.buffer.as_ref()?)));
    out.gauges(
        "millpond_sink_buffer_events",
        "Rows in the sink's disk buffer that are not delivered",
        buffered().map(|(sink, buffer)| ([("sink", sink)], buffer.rows)),
    )?;
    out.gauges(
        "millpond_sink_buffer_bytes",
        "What these take up",
        buffered().map(|(sink, buffer)| ([("sink", sink)], buffer.bytes)),
    )?;
    out.histograms(
        "millpond_end_to_end_latency_seconds",
        "Time from read to confirmed",
        all().map(|one| {
            let bounds = BUCKETS
                .iter()
                .map(|&nanos| seconds(nanos))
                .chain([f64::MAX]);
            let buckets = bounds.zip(one.latency.counts).collect();
            ([("sink", one.name)], one.latency.sum_nanos, buckets)
        }),
    )
}

fn letters(out: &mut Families<'_>, seen: &Seen<'_>) -> fmt::Result {
    out.counter(
        "millpond_dead_letters_deleted",
        "Dead letters deleted to make room for others",
        seen.letters.deleted,
    )?;
    out.gauge(
        "millpond_dead_letters_bytes",
        "Bytes in the store of dead letters",
        seen.letters.bytes,
    )
}

fn queues(out: &mut Families<'_>, seen: &Seen<'_>) -> fmt::Result {
    out.gauges(
        "millpond_queue_depth_events",
        "Events that wait",
        seen.queues()
            .map(|(name, depth)| ([("queue", name)], depth.events)),
    )?;
    out.gauges(
        "millpond_queue_depth_bytes",
        "Bytes that the waiting events pin",
        seen.queues()
            .map(|(name, depth)| ([("queue", name)], depth.bytes)),
    )?;
    out.gauges(
        "millpond_queue_capacity_events",
        "The bound on the events that wait",
        // Mailboxes and the journal's room are bounded by bytes alone.
        seen.queues()
            .filter(|(_, depth)| depth.capacity.events < u64::MAX)
            .map(|(name, depth)| ([("queue", name)], depth.capacity.events)),
    )?;
    out.gauges(
        "millpond_queue_capacity_bytes",
        "The bound on the bytes that they pin",
        seen.queues()
            .map(|(name, depth)| ([("queue", name)], depth.capacity.bytes)),
    )?;
    out.seconds_gauges(
        "millpond_queue_oldest_age_seconds",
        "How long the oldest event has waited",
        seen.queues()
            .map(|(name, depth)| ([("queue", name)], depth.oldest.as_secs_f64())),
    )
}

fn process(out: &mut Families<'_>, seen: &Seen<'_>) -> fmt::Result {
    out.gauge(
        "millpond_budget_used_bytes",
        "Bytes out on permits",
        seen.budget_used,
    )?;
    out.gauge(
        "millpond_budget_capacity_bytes",
        "The memory budget",
        seen.budget_capacity,
    )?;
    out.gauge(
        "millpond_budget_waiting",
        "Readers that wait for the budget",
        seen.budget_waiting,
    )?;
    workers::metrics(out, &seen.workers, seen.processes.as_ref())?;
    spans(out, seen)
}
