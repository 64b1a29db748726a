//! Real shopping sessions, exploded: as many events as the sessions hold, each session in its order.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use millpond_engine::{Blueprint, Ended, Exits, StageError, Timestamp};
use millpond_event::{Event, Path};
use serde_json::{Value, json};

struct Collect(Vec<Value>);

impl Exits<Event> for Collect {
    fn exit(&mut self, _exit: usize, event: &mut Event) {
        let mut line = Vec::new();
        event.write_to(&mut line);
        self.0
            .push(serde_json::from_slice(&line).expect("an event is JSON"));
    }
    fn failed(&mut self, _stage: usize, error: StageError, _event: &mut Event) {
        panic!("{error}");
    }
    fn tick_failed(&mut self, _stage: usize, error: StageError) {
        panic!("{error}");
    }
}

#[test]
fn every_event_of_every_session_comes_out_once_and_in_order() {
    let file =
        FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/otto-sessions.jsonl");
    let Ok(sessions) = std::fs::read_to_string(&file) else {
        println!("skipped: no real sessions at hand");
        return;
    };
    let table = json!({ "field": "events", "carry": ["session"] });
    let explode = millpond_stages::build("explode", table).unwrap();
    let count = millpond_stages::build("noop", json!({})).unwrap();
    let plan = Blueprint::builder()
        .stage("explode", explode)
        .stage("count", count);
    let blueprint = plan.exit("out").build().unwrap();
    let mut line = blueprint.line();
    let mut events = Collect(Vec::new());
    let mut expected = Vec::new();
    for text in sessions.lines() {
        let session: Value = serde_json::from_str(text).unwrap();
        for event in session["events"].as_array().unwrap() {
            let mut event = event.clone();
            event["session"] = session["session"].clone();
            expected.push(event);
        }
        let mut event = Event::parse(text.as_bytes()).unwrap();
        assert!(event.exists(&Path::parse("events[0].aid").unwrap()));
        assert_eq!(
            line.process(&mut event, Timestamp(0), &mut events),
            Ended::Consumed
        );
    }
    assert_eq!(events.0, expected);

    let mut types = BTreeMap::new();
    for event in &events.0 {
        *types.entry(event["type"].as_str().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(
        types,
        BTreeMap::from([("clicks", 800), ("carts", 52), ("orders", 10)])
    );
    line.publish();
    assert_eq!(blueprint.stats().stage(0).unwrap().emitted, 862);
    assert_eq!(blueprint.stats().stage(1).unwrap().passed, 862);
}
