//! Runs stages on lines of text: tests of stages are tables of a config, input lines and what is to
//! come out.

use std::sync::Arc;

use millpond_engine::{Blueprint, Ended, Exits, StageError, Timestamp};
use millpond_event::Event;
use serde_json::Value;

use crate::kinds::Factory;

/// A TOML table as a value.
pub(crate) fn toml(text: &str) -> Value {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What comes of the lines: events as they leave, and for an input that does not leave its end
/// (`filtered`, `consumed`, `failed: reason: message`).
pub(crate) fn run(kind: &str, config: &str, lines: &[&str]) -> Vec<String> {
    let factory = crate::build(kind, toml(config));
    let factory = factory.unwrap_or_else(|error| panic!("{config}: {error}"));
    run_built(&Arc::new(factory), lines)
}

/// As [`run`], with one line for all `lines`.
pub(crate) fn run_built(factory: &Arc<Factory>, lines: &[&str]) -> Vec<String> {
    let mut pipeline = Blueprint::builder()
        .stage("stage", Arc::clone(factory))
        .exit("out")
        .build()
        .expect("a plan that works")
        .line();
    let mut seen = Seen(Vec::new());
    for line in lines {
        let mut event = Event::parse(line.as_bytes()).expect("a good test event");
        match pipeline.process(&mut event, Timestamp(0), &mut seen) {
            Ended::Passed => {}
            Ended::Filtered => seen.0.push("filtered".to_owned()),
            Ended::Consumed => seen.0.push("consumed".to_owned()),
            Ended::Failed { error, .. } => seen.0.push(format!("failed: {error}")),
            ended => seen.0.push(format!("{ended:?}")),
        }
    }
    seen.0
}

/// Each config must be refused with an error that contains the text.
pub(crate) fn errors(kind: &str, cases: &[(&str, &str)]) {
    for (config, expected) in cases {
        match crate::build(kind, toml(config)) {
            Ok(_) => panic!("{config}: not refused, expected {expected}"),
            Err(error) => {
                let error = error.to_string();
                assert!(
                    error.contains(expected),
                    "{config}:\n{error}\nexpected\n{expected}"
                );
            }
        }
    }
}

struct Seen(Vec<String>);

impl Exits<Event> for Seen {
    fn exit(&mut self, _exit: usize, event: &mut Event) {
        let mut line = Vec::new();
        event.write_to(&mut line);
        self.0
            .push(String::from_utf8(line).expect("an event is text"));
    }
    fn failed(&mut self, _stage: usize, error: StageError, _event: &mut Event) {
        self.0.push(format!("derived event failed: {error}"));
    }
    fn tick_failed(&mut self, _stage: usize, error: StageError) {
        self.0.push(format!("tick failed: {error}"));
    }
}
