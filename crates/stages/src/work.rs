//! `work`: computes for a fixed number of steps.

use std::hint::black_box;

use millpond_engine::{Flow, stateless};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::ConfigError;
use crate::config::parse;
use crate::kinds::{Factory, Kind};

pub(crate) const KIND: Kind = Kind {
    name: "work",
    summary: "computes for a fixed number of steps for each event, whatever time that takes",
    example: r#"
type = "work"
steps = 10000
"#,
    schema: || schema_for!(WorkConfig),
    build,
};

/// Computes for each event. Unlike a busy `delay` the work is the same on any machine and under any
/// load, so it shows how work on the processor scales.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WorkConfig {
    /// Steps of about a nanosecond, each of which waits for the one before.
    steps: u64,
}

fn build(params: Value) -> Result<Factory, ConfigError> {
    let WorkConfig { steps } = parse(params)?;
    Ok(Box::new(stateless(move |_, _| {
        let mut state = black_box(1_u64);
        for _ in 0..steps {
            // Several multiplications and additions in a row are one of each with other constants, and a compiler
            // knows; the shift in between keeps the steps apart.
            state = (state ^ (state >> 29)).wrapping_add(0x1405_7b7e_f767_814f);
        }
        black_box(state);
        Ok(Flow::Pass)
    })))
}

#[cfg(test)]
mod tests {
    use crate::testing::{errors, run};

    #[test]
    fn everything_passes_after_the_work() {
        assert_eq!(run("work", "steps = 10", &["{}"]), ["{}"]);
        errors(
            "work",
            &[
                ("", "missing field `steps`"),
                ("steps = -1", "steps: invalid value: integer `-1`"),
            ],
        );
    }
}
