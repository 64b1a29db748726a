use std::collections::BTreeMap;

use serde::Deserialize;

use crate::overview::Overview;

/// A quarter of an hour, a sample a second.
const KEPT: usize = 900;

/// Samples of the last 15 minutes, in columns; null is what is not known.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Past {
    fields: BTreeMap<String, Vec<Option<f64>>>,
}

impl Past {
    /// A column, oldest first; empty if there is none of that name.
    pub(crate) fn column(&self, name: &str) -> &[Option<f64>] {
        self.fields.get(name).map_or(&[], Vec::as_slice)
    }

    /// Takes in what is newer than what is here.
    pub(crate) fn add(&mut self, overview: &Overview) {
        let last = self.column("time").last().copied().flatten().unwrap_or(0.0);
        if overview.interval_seconds.is_none() || overview.time <= last {
            return;
        }
        let Overview {
            totals,
            workers,
            process,
            budget,
            ..
        } = overview;
        let sample = [
            ("time", Some(overview.time)),
            ("in_per_second", totals.in_per_second),
            ("out_per_second", totals.out_per_second),
            ("queued_events", Some(totals.queued_events as f64)),
            ("oldest_age_seconds", totals.oldest_age_seconds),
            ("p50_seconds", totals.p50_seconds),
            ("p99_seconds", totals.p99_seconds),
            ("workers", Some(workers.running as f64)),
            ("workers_busy", workers.busy),
            ("cpu_cores", process.cpu_cores),
            (
                "resident_bytes",
                process.resident_bytes.map(|bytes| bytes as f64),
            ),
            ("budget_bytes", Some(budget.used_bytes as f64)),
        ];
        for (name, value) in sample {
            let column = self.fields.entry(name.to_owned()).or_default();
            column.push(value);
            if column.len() > KEPT {
                column.remove(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::examples;

    #[test]
    fn what_was_remembered_goes_on_and_nothing_is_counted_twice() {
        let mut overview = examples::overview(1, 8);
        let mut past: Past = serde_json::from_value(serde_json::json!({
            "interval_seconds": 1,
            "fields": { "time": [overview.time - 1.0, overview.time], "in_per_second": [1.0, null] },
        }))
        .unwrap();
        past.add(&overview);
        assert_eq!(past.column("in_per_second"), [Some(1.0), None]);
        overview.time += 1.0;
        past.add(&overview);
        assert_eq!(past.column("in_per_second").len(), 3);
        for second in 0..2_000 {
            overview.time += f64::from(second);
            past.add(&overview);
        }
        assert_eq!(past.column("time").len(), KEPT);
        assert!(past.column("nothing").is_empty());
    }
}
