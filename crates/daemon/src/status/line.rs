use std::time::Duration;

use millpond_delivery::LatencySnapshot;
use millpond_queue::monotonic_nanos;

use crate::config::DEAD_LETTERS;
use crate::observe::resident;
use crate::wire::Seen;

/// How things stand at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// When, in nanoseconds.
    pub(crate) at: u64,
    /// Events taken in so far.
    pub(crate) received: u64,
    /// Rows delivered so far.
    pub(crate) delivered: u64,
    /// Events and rows that wait in queues.
    pub(crate) queued: u64,
    /// Share of the budget in use, 0 to 1 and above in an overdraft.
    pub(crate) budget: f64,
    /// Workers that run.
    pub(crate) workers: usize,
    /// Time they spent on shards so far, summed.
    pub(crate) busy: Duration,
    /// Latencies so far.
    pub(crate) latency: LatencySnapshot,
    /// Resident memory in bytes, where the system tells.
    pub(crate) memory: Option<u64>,
}

impl Sample {
    /// How things stand now.
    pub(crate) fn of(seen: &Seen) -> Self {
        let sinks = || {
            seen.sinks
                .iter()
                .filter(|sink| sink.ledger.name() != DEAD_LETTERS)
        };
        let mut latency = LatencySnapshot::default();
        for sink in sinks() {
            let one = sink.ledger.latency();
            latency.sum_nanos += one.sum_nanos;
            latency
                .counts
                .iter_mut()
                .zip(one.counts)
                .for_each(|(sum, count)| *sum += count);
        }
        let mailboxes: u64 = seen
            .pipelines
            .iter()
            .map(|pipeline| pipeline.view.intake().events())
            .sum();
        let rooms: u64 = seen.sinks.iter().map(|sink| sink.room.depth().events).sum();
        Sample {
            at: monotonic_nanos(),
            received: seen
                .sources
                .iter()
                .map(|source| source.totals().events)
                .sum(),
            delivered: sinks().map(|sink| sink.ledger.totals().delivered).sum(),
            queued: mailboxes + rooms,
            budget: seen.budget.used() as f64 / seen.budget.capacity().max(1) as f64,
            workers: seen.workers.running(),
            busy: seen.workers.busy(),
            latency,
            memory: resident(),
        }
    }
}

/// What happened between two samples, as one line.
pub(crate) fn render(before: &Sample, now: &Sample) -> String {
    let seconds = (now.at.saturating_sub(before.at) as f64 / 1e9).max(1e-9);
    let rate = |before: u64, now: u64| {
        grouped((now.saturating_sub(before) as f64 / seconds).round() as u64)
    };
    let busy =
        now.busy.saturating_sub(before.busy).as_secs_f64() / seconds / now.workers.max(1) as f64;
    let latency = now.latency.since(&before.latency);
    let mut line = format!(
        "in {}/s  out {}/s  queued {}  budget {:.0}%  {} {} {:.0}% busy",
        rate(before.received, now.received),
        rate(before.delivered, now.delivered),
        grouped(now.queued),
        now.budget * 100.0,
        now.workers,
        if now.workers == 1 {
            "worker"
        } else {
            "workers"
        },
        (busy * 100.0).min(100.0),
    );
    if let (Some(half), Some(tail)) = (latency.quantile(0.5), latency.quantile(0.99)) {
        line += &format!("  p50 {}  p99 {}", span(half), span(tail));
    }
    if let Some(memory) = now.memory {
        line += &format!("  {} MiB", grouped(memory >> 20));
    }
    line
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Nanoseconds for people.
fn span(nanos: u64) -> String {
    match nanos as f64 / 1e6 {
        millis if millis >= 1_000.0 => format!("{:.1} s", millis / 1_000.0),
        millis if millis >= 10.0 => format!("{millis:.0} ms"),
        millis => format!("{millis:.1} ms"),
    }
}

#[cfg(test)]
mod tests {
    use millpond_delivery::Latency;

    use super::*;

    #[test]
    fn rates_are_of_the_time_between_two_samples() {
        let latency = Latency::default();
        latency.observe(300_000, 98);
        latency.observe(20_000_000, 2);
        let before = Sample {
            at: 1_000_000_000,
            received: 100,
            ..Sample::default()
        };
        let now = Sample {
            at: 3_000_000_000,
            received: 2_400_100,
            delivered: 800_000,
            queued: 1_204,
            budget: 0.125,
            workers: 2,
            busy: Duration::from_secs(3),
            latency: latency.snapshot(),
            memory: Some(38 << 20),
        };
        let idle = Sample {
            at: 4_000_000_000,
            memory: None,
            workers: 1,
            ..now.clone()
        };
        let empty = Sample::default();
        let lines = [
            render(&before, &now),
            render(&now, &idle),
            render(&empty, &empty),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
