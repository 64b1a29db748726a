//! The stage `chaos`: does what a faulty stage may do, on chosen events.
//!
//! It is how the isolation of workers is tested. The daemon has it when built with `--features chaos`.
//!
//! ```
//! use serde_json::json;
//!
//! let when = json!({ "field": "poison", "equals": true });
//! assert!((millpond_chaos::KIND.build)(json!({ "does": "panic", "when": when })).is_ok());
//! ```

mod harm;

use millpond_engine::{Flow, Output, Stage, StageError, factory};
use millpond_event::Event;
use millpond_stages::{Condition, ConditionConfig, ConfigError, Factory, Kind, parse};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use harm::Harm;

/// The kind of stage that this crate has.
pub const KIND: Kind = Kind {
    name: "chaos",
    summary: "panics, aborts, hangs or worse on chosen events; for tests",
    example: r#"
type = "chaos"
does = "panic"
when = { field = "poison", equals = true }
"#,
    schema: || schema_for!(ChaosConfig),
    build,
};

/// Does harm on the events for which a condition holds, and passes the others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChaosConfig {
    /// What happens.
    does: Harm,
    /// On which events.
    when: ConditionConfig,
}

fn build(params: Value) -> Result<Factory, ConfigError> {
    let ChaosConfig { does, when } = parse(params)?;
    let when = Condition::compile(when, "when")?;
    Ok(Box::new(factory(move || Chaos {
        does,
        when: when.clone(),
    })))
}

struct Chaos {
    does: Harm,
    when: Condition,
}

impl Stage<Event> for Chaos {
    fn process(&mut self, event: &mut Event, _: &mut Output<Event>) -> Result<Flow, StageError> {
        if self.when.holds(event) {
            self.does.happen();
        }
        Ok(Flow::Pass)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use millpond_engine::{Blueprint, Ended, Exits, Timestamp};
    use serde_json::json;

    use super::*;

    struct Nowhere;

    impl Exits<Event> for Nowhere {
        fn exit(&mut self, _: usize, _: &mut Event) {}
        fn failed(&mut self, _: usize, _: StageError, _: &mut Event) {}
        fn tick_failed(&mut self, _: usize, _: StageError) {}
    }

    #[test]
    fn only_chosen_events_do_harm() {
        let params = json!({ "does": "panic", "when": { "field": "poison", "equals": true } });
        let stage = build(params).expect("a good table");
        let blueprint = Blueprint::builder()
            .stage("chaos", stage)
            .exit("out")
            .build();
        let mut line = blueprint.expect("a good plan").line();
        let mut run = |text: &str| {
            let mut event = Event::parse(text.as_bytes()).expect("a good event");
            catch_unwind(AssertUnwindSafe(|| {
                line.process(&mut event, Timestamp(0), &mut Nowhere)
            }))
        };
        assert_eq!(run(r#"{"a":1}"#).expect("passes"), Ended::Passed);
        assert!(run(r#"{"poison":true}"#).is_err());
    }

    #[test]
    fn what_it_does_and_when_must_be_said() {
        for (params, expected) in [
            (json!({ "does": "panic" }), "missing field `when`"),
            (
                json!({ "does": "sing", "when": { "field": "a", "exists": true } }),
                "does: unknown variant `sing`, expected one of `panic`, `abort`",
            ),
            (json!({ "does": "exit", "when": {} }), "when: no test"),
        ] {
            let error = build(params.clone()).err().expect("refused").to_string();
            assert!(error.contains(expected), "{params}: {error}");
        }
    }
}
