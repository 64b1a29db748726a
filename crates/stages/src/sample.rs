//! `sample`: keeps a share of the events.

use std::sync::Arc;

use millpond_engine::{Flow, Output, Stage, StageError, factory};
use millpond_event::{Event, Path, Value as Found};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::ConfigError;
use crate::config::parse;
use crate::delay::Seeds;
use crate::kinds::{Factory, Kind};

/// Sets the hash apart from the one that picks shards: with the same, whole shards would be chosen.
const APART: u64 = 0x6d69_6c6c_706f_6e64;

pub(crate) const KIND: Kind = Kind {
    name: "sample",
    summary: "keeps a share of the events, by chance or by the value of a field",
    example: r#"
type = "sample"
keep = 0.1
field = "user_id"
"#,
    schema: || schema_for!(SampleConfig),
    build,
};

/// Keeps a share of the events, and filters the others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SampleConfig {
    /// The share to keep, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    keep: f64,
    /// With it, events that are equal in this field are kept or filtered together, here and in any
    /// other place with the same seed; a larger share keeps what a smaller one keeps, too. Events
    /// without it are kept by chance.
    #[schemars(with = "Option<String>")]
    field: Option<Path>,
    /// Another seed makes another choice.
    #[serde(default)]
    seed: u64,
}

fn build(params: Value) -> Result<Factory, ConfigError> {
    let SampleConfig { keep, field, seed } = parse(params)?;
    if !(0.0..=1.0).contains(&keep) {
        return Err(ConfigError::new(
            "keep",
            format!("{keep}, expected a share from 0 to 1"),
        ));
    }
    let seeds = Seeds::new(seed);
    let field = Arc::new(field);
    Ok(Box::new(factory(move || Sample {
        keep,
        field: Arc::clone(&field),
        seed: seed ^ APART,
        random: seeds.next(),
    })))
}

struct Sample {
    keep: f64,
    field: Arc<Option<Path>>,
    seed: u64,
    random: fastrand::Rng,
}

impl Stage<Event> for Sample {
    fn process(&mut self, event: &mut Event, _: &mut Output<Event>) -> Result<Flow, StageError> {
        let value = self
            .field
            .as_ref()
            .as_ref()
            .and_then(|field| event.get(field));
        let hash = match value {
            Some(value) => hash(&value, self.seed),
            None => self.random.u64(..),
        };
        // The upper 53 bits as a fraction: below 1, so that a share of 1 keeps everything.
        let place = (hash >> 11) as f64 / (1_u64 << 53) as f64;
        Ok(if place < self.keep {
            Flow::Pass
        } else {
            Flow::Filter
        })
    }
}

/// Of a string what it stands for, of anything else how it is spelled.
fn hash(value: &Found<'_>, seed: u64) -> u64 {
    match value.as_str() {
        Some(text) => xxh3_64_with_seed(text.as_bytes(), seed),
        None => xxh3_64_with_seed(value.raw(), seed),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{errors, run};

    fn kept(config: &str, line: impl Fn(usize) -> String) -> Vec<String> {
        let lines: Vec<String> = (0..10_000).map(line).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut kept = run("sample", config, &lines);
        kept.retain(|line| line != "filtered");
        kept
    }

    #[test]
    fn the_share_is_kept() {
        for field in ["", "field = 'id'"] {
            for (keep, expected) in [(0.0, 0..=0), (0.1, 900..=1_100), (1.0, 10_000..=10_000)] {
                let config = format!("keep = {keep:?}\n{field}");
                let count = kept(&config, |n| format!(r#"{{"id":{n}}}"#)).len();
                assert!(expected.contains(&count), "{config}: {count}");
            }
        }
    }

    #[test]
    fn equal_values_share_their_fate_and_a_larger_share_keeps_them_too() {
        let line = |n: usize| format!(r#"{{"id":"u{}"}}"#, n % 100);
        let small = kept("keep = 0.2\nfield = 'id'", line);
        let large = kept("keep = 0.4\nfield = 'id'", line);
        assert_eq!(small.len() % 100, 0);
        assert!(small.iter().all(|line| large.contains(line)));
        let escaped = kept("keep = 0.2\nfield = 'id'", |n| {
            format!(r#"{{"id":"\u0075{}"}}"#, n % 100)
        });
        assert_eq!(escaped.len(), small.len());
        assert_ne!(small, kept("keep = 0.2\nfield = 'id'\nseed = 1", line));
    }

    #[test]
    fn a_share_beyond_its_range_is_refused() {
        errors(
            "sample",
            &[
                ("keep = 1.5", "keep: 1.5, expected a share from 0 to 1"),
                ("keep = -1", "keep: -1, expected a share from 0 to 1"),
                (
                    "keep = 'all'",
                    "keep: invalid type: string \"all\", expected f64",
                ),
                ("", "missing field `keep`"),
            ],
        );
    }
}
