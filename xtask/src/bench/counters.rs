//! What the daemon's `/metrics` say.

use std::collections::HashMap;

use anyhow::{Context, bail};

/// What became of the events of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) received: u64,
    pub(super) delivered: u64,
    pub(super) filtered: u64,
    pub(super) consumed: u64,
    pub(super) absorbed: u64,
    pub(super) dead_lettered: u64,
    pub(super) dropped: u64,
    /// Rows that the sink has confirmed.
    pub(super) rows: u64,
}

impl Counts {
    /// Events that have an outcome.
    pub(super) fn ended(&self) -> u64 {
        self.delivered
            + self.filtered
            + self.consumed
            + self.absorbed
            + self.dead_lettered
            + self.dropped
    }
}

/// One reading of the daemon's metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// `received` is what the sources have counted.
    pub(super) counts: Counts,
    /// What the pipeline has taken from the sources.
    pub(super) taken: u64,
    /// Whether a journal lies between the sources and the pipeline.
    pub(super) journal: bool,
    /// Events taken that have no outcome yet.
    pub(super) live: u64,
    /// Events that the ledger cannot account for; below 0 where an outcome was counted before its event.
    pub(super) unaccounted: i64,
    /// Events in the mailboxes and rows in the rooms of the sinks.
    pub(super) queued: u64,
}

impl Reading {
    /// Reads the text format of Prometheus; a metric with labels counts as the sum over them, a missing one as 0.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let sums = sums(text)?;
        let whole = |name: &str| {
            let value = sums.get(name).copied().unwrap_or(0.0);
            // The comparison is false for NaN too.
            if value.fract() == 0.0 && value.abs() <= 2_f64.powi(53) {
                return Ok(value as i64);
            }
            bail!("{name} is {value}, expected a whole number");
        };
        let value =
            |name: &str| u64::try_from(whole(name)?).with_context(|| format!("{name} is below 0"));
        Ok(Self {
            counts: Counts {
                received: value("millpond_events_received_total")?,
                delivered: value("millpond_pipeline_events_delivered_total")?,
                filtered: value("millpond_events_filtered_total")?,
                consumed: value("millpond_events_consumed_total")?,
                absorbed: value("millpond_events_absorbed_total")?,
                dead_lettered: value("millpond_pipeline_events_dead_lettered_total")?,
                dropped: value("millpond_events_dropped_total")?,
                rows: value(ROWS)?,
            },
            taken: value("millpond_pipeline_events_received_total")?,
            journal: sums.contains_key("millpond_journal_events_kept_total"),
            live: value("millpond_live_events")?,
            unaccounted: whole("millpond_unaccounted_events")?,
            queued: value("millpond_queue_depth_events")?,
        })
    }
}

/// A quantile of the histogram `name`, interpolated within its bucket; `None` where it has seen nothing.
pub(super) fn quantile(text: &str, name: &str, q: f64) -> Option<f64> {
    let bucket = format!("{name}_bucket{{le=\"");
    let mut buckets: Vec<(f64, f64)> = text
        .lines()
        .filter_map(|line| line.strip_prefix(&bucket)?.split_once("\"} "))
        .filter_map(|(bound, count)| {
            let bound = bound.replace("+Inf", "inf").parse().ok()?;
            Some((bound, count.parse().ok()?))
        })
        .collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all = buckets
        .last()
        .map(|(_, count)| *count)
        .filter(|all| *all > 0.0)?;
    let rank = (q * all).max(1.0);
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, count) in buckets {
        if count >= rank {
            let inside = (rank - below) / (count - below);
            return Some(if bound.is_finite() {
                lower + (bound - lower) * inside
            } else {
                lower
            });
        }
        (lower, below) = (bound, count);
    }
    None
}

/// The value of one metric, labels included in its name as they are written.
pub(super) fn value(text: &str, name: &str) -> Option<f64> {
    let rest = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Rows confirmed by the sink `out`; the store of dead letters is a sink too, whose rows are counted apart.
const ROWS: &str = "millpond_events_delivered_total";
const LETTERS: &str = "sink=\"dead_letters\"";

/// The value of each metric, summed over its labels.
fn sums(text: &str) -> anyhow::Result<HashMap<&str, f64>> {
    let mut sums = HashMap::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, labels, value) =
            sample(line).with_context(|| format!("{line:?} is no sample of a metric"))?;
        if name != ROWS || !labels.contains(LETTERS) {
            *sums.entry(name).or_insert(0.0) += value;
        }
    }
    Ok(sums)
}

/// Name, labels and value of `name{label="value"} 1.5 [time] [# exemplar]`.
fn sample(line: &str) -> Option<(&str, &str, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let labels = if rest.starts_with('{') {
        labels_end(rest)?
    } else {
        0
    };
    let (labels, rest) = rest.split_at(labels);
    Some((name, labels, rest.split_whitespace().next()?.parse().ok()?))
}

/// The place behind the bracket that closes the labels; label values may hold brackets and escaped quotes.
fn labels_end(labels: &str) -> Option<usize> {
    let (mut inside, mut escaped) = (false, false);
    for (at, byte) in labels.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'}' if !inside => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# HELP millpond_events_received_total Events.
# TYPE millpond_events_received_total counter
millpond_events_received_total{source="a"} 70
millpond_events_received_total{source="b } \" x"} 30.0 1790000000
millpond_pipeline_events_received_total{pipeline="bench"} 100
millpond_pipeline_events_delivered_total{pipeline="bench"} 26 # {trace="x"} 1
millpond_pipeline_events_dead_lettered_total{pipeline="bench"} 1
millpond_events_delivered_total{sink="out"} 27
millpond_events_delivered_total{sink="dead_letters"} 1
millpond_events_filtered_total 7e1
millpond_events_dead_lettered_total{stage="parse",reason="malformed"} 1
millpond_live_events 3
millpond_queue_depth_events{queue="pipelines.bench"} 2
millpond_queue_depth_events{queue="sinks.out"} 4
millpond_queue_oldest_age_seconds{queue="mailbox"} NaN
# EOF
"#;

    #[test]
    fn labels_are_summed_and_missing_metrics_are_zero() {
        let counts = Counts {
            received: 100,
            delivered: 26,
            filtered: 70,
            dead_lettered: 1,
            rows: 27,
            ..Counts::default()
        };
        assert_eq!(
            Reading::parse(TEXT).unwrap(),
            Reading {
                counts,
                taken: 100,
                journal: false,
                live: 3,
                unaccounted: 0,
                queued: 6,
            }
        );
        assert_eq!(Reading::parse("").unwrap(), Reading::default());
    }

    #[test]
    fn a_quantile_lies_in_the_bucket_that_holds_it() {
        let text =
            "a_bucket{le=\"0.001\"} 0\na_bucket{le=\"0.002\"} 90\na_bucket{le=\"+Inf\"} 100\n";
        assert_eq!(quantile(text, "a", 0.45), Some(0.0015));
        assert_eq!(
            quantile(text, "a", 0.99),
            Some(0.002),
            "all that is known of it"
        );
        assert_eq!(quantile(text, "b", 0.5), None);
    }

    #[test]
    fn text_that_is_no_metrics_is_an_error_not_a_zero() {
        for text in [
            "<html>",
            "millpond_live_events",
            "millpond_live_events x",
            "millpond_live_events{a=\"b 1",
            "millpond_live_events -1",
        ] {
            assert!(Reading::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn one_metric_is_found_by_its_name_and_labels() {
        let queue = |name: &str| {
            value(
                TEXT,
                &format!("millpond_queue_depth_events{{queue=\"{name}\"}}"),
            )
        };
        assert_eq!(queue("sinks.out"), Some(4.0));
        assert_eq!(queue("sinks"), None);
        assert_eq!(value(TEXT, "millpond_live_events"), Some(3.0));
        assert_eq!(value(TEXT, "millpond_live"), None);
    }

    #[test]
    fn names_that_begin_alike_are_kept_apart() {
        let reading =
            Reading::parse("millpond_live_events_max 9\nmillpond_live_events 1\n").unwrap();
        assert_eq!(reading.live, 1);
    }
}
