use std::collections::VecDeque;

use serde_json::{Map, Value, json};

/// A quarter of an hour, a sample a second.
const KEPT: usize = 900;

/// What a sample says, in order. What is not known is NaN.
pub(crate) const FIELDS: [&str; 12] = [
    "in_per_second",
    "out_per_second",
    "queued_events",
    "queued_bytes",
    "oldest_age_seconds",
    "p50_seconds",
    "p99_seconds",
    "workers",
    "workers_busy",
    "cpu_cores",
    "resident_bytes",
    "budget_bytes",
];

/// One number a field.
pub(crate) type Sample = [f32; FIELDS.len()];

/// The last quarter of an hour, in 50 KiB whatever there is to watch.
#[derive(Default)]
pub(crate) struct History {
    samples: VecDeque<(f64, Sample)>,
}

impl History {
    /// Takes in what was seen at `time`, in seconds since the Unix epoch.
    pub(crate) fn add(&mut self, time: f64, sample: Sample) {
        if self.samples.len() == KEPT {
            self.samples.pop_front();
        }
        self.samples.push_back((time, sample));
    }

    /// `/api/v1/history`: a list of numbers a field, oldest first, with null for what is not known.
    pub(crate) fn document(&self) -> Value {
        let times = self.samples.iter().map(|(time, _)| json!(time));
        let mut fields = Map::new();
        fields.insert("time".to_owned(), times.collect());
        for (at, name) in FIELDS.into_iter().enumerate() {
            let column = self.samples.iter().map(|(_, sample)| short(sample[at]));
            fields.insert(name.to_owned(), column.collect());
        }
        json!({ "interval_seconds": 1, "fields": fields })
    }
}

/// Six digits are more than a chart shows.
fn short(number: f32) -> Value {
    let text = format!("{number:.5e}");
    json!(text.parse::<f64>().ok().filter(|number| number.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_an_hour_is_kept_and_no_more() {
        let mut history = History::default();
        for second in 0..2_000 {
            history.add(f64::from(second), [second as f32; FIELDS.len()]);
        }
        let mut unknown = [0.5; FIELDS.len()];
        unknown[5] = f32::NAN;
        history.add(2_000.0, unknown);
        let seen = history.document();
        let fields = &seen["fields"];
        assert_eq!(fields["time"].as_array().map(Vec::len), Some(KEPT));
        assert_eq!(
            (&fields["time"][0], &fields["workers"][0]),
            (&json!(1_101.0), &json!(1_101.0))
        );
        assert_eq!(fields["p50_seconds"][KEPT - 1], Value::Null);
        assert_eq!(fields["p99_seconds"][KEPT - 1], 0.5);
    }
}
