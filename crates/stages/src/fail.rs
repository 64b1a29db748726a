//! `fail`: fails chosen events.

use millpond_engine::{Flow, Output, Stage, StageError, factory};
use millpond_event::Event;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::ConfigError;
use crate::condition::{Condition, ConditionConfig};
use crate::config::parse;
use crate::kinds::{Factory, Kind};

pub(crate) const KIND: Kind = Kind {
    name: "fail",
    summary: "fails the events for which a condition holds, which sends them to the dead letters",
    example: r#"
type = "fail"
when = { field = "price", lt = 0 }
message = "negative price"
"#,
    schema: || schema_for!(FailConfig),
    build,
};

/// Fails the events for which a condition holds (reason `refused`), and passes the others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FailConfig {
    /// Which events fail; all, when there is no condition.
    when: Option<ConditionConfig>,
    /// What the dead letter says.
    #[serde(default = "message")]
    message: String,
}

fn message() -> String {
    "refused by the configuration".to_owned()
}

fn build(params: Value) -> Result<Factory, ConfigError> {
    let FailConfig { when, message } = parse(params)?;
    let when = when
        .map(|when| Condition::compile(when, "when"))
        .transpose()?;
    Ok(Box::new(factory(move || Fail {
        when: when.clone(),
        message: message.clone(),
    })))
}

struct Fail {
    when: Option<Condition>,
    message: String,
}

impl Stage<Event> for Fail {
    fn process(&mut self, event: &mut Event, _: &mut Output<Event>) -> Result<Flow, StageError> {
        if self.when.as_ref().is_none_or(|when| when.holds(event)) {
            return Err(StageError::new("refused", &*self.message));
        }
        Ok(Flow::Pass)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{errors, run};

    #[test]
    fn only_chosen_events_fail() {
        let config = "when = { field = 'a', gt = 1 }\nmessage = 'too much'";
        let seen = run("fail", config, &[r#"{"a":1}"#, r#"{"a":2}"#]);
        assert_eq!(seen, [r#"{"a":1}"#, "failed: refused: too much"]);
        let seen = run("fail", "", &["{}"]);
        assert_eq!(seen, ["failed: refused: refused by the configuration"]);
    }

    #[test]
    fn an_error_inside_the_condition_is_found_under_when() {
        errors(
            "fail",
            &[("when = { any = [] }", "when.any: the list is empty")],
        );
    }
}
