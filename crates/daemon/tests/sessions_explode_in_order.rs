//! Real shopping sessions become one event per click, cart and order, each session in order.

mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::process::Stdio;

use common::{Place, shared};
use serde_json::Value;

#[test]
fn every_event_of_every_session_comes_out_in_order() {
    let Some(sessions) = shared("data/otto-sessions.jsonl") else {
        return println!("skipped: no sessions here");
    };
    let place = Place::new(
        "[sources.sessions]\ntype = \"stdin\"\n\
         [pipelines.events]\nkey = \"session\"\n\
         stages = [{ type = \"explode\", field = \"events\", carry = [\"session\"] }]\n\
         [sinks.out]\ntype = \"stdout\"\n[runtime]\nworkers = 4\n[admin]\nlisten = \"127.0.0.1:0\"\n",
    );
    let ended = place
        .start_with(&[], Stdio::from(File::open(&sessions).expect("readable")))
        .end();
    ended.expect_clean();
    let totals = ended.totals();
    assert_eq!(
        (totals.received, totals.consumed, totals.delivered),
        (20, 20, 0),
        "{totals:?}"
    );

    let mut wanted: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for line in std::fs::read_to_string(&sessions)
        .expect("readable")
        .lines()
    {
        let session: Value = serde_json::from_str(line).expect("JSON");
        let number = session["session"].as_i64().expect("a number");
        let events = session["events"]
            .as_array()
            .expect("an array")
            .iter()
            .cloned()
            .map(|mut event| {
                event["session"] = number.into();
                event
            });
        wanted.insert(number, events.collect());
    }
    let (mut found, mut kinds) = (
        BTreeMap::<i64, Vec<Value>>::new(),
        BTreeMap::<String, u64>::new(),
    );
    for line in String::from_utf8(ended.stdout).expect("UTF-8").lines() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        *kinds
            .entry(event["type"].as_str().expect("a type").to_owned())
            .or_default() += 1;
        found
            .entry(event["session"].as_i64().expect("carried along"))
            .or_default()
            .push(event);
    }
    let expected = [("carts", 52), ("clicks", 800), ("orders", 10)]
        .map(|(kind, count)| (kind.to_owned(), count));
    assert_eq!(kinds, BTreeMap::from(expected));
    assert_eq!(found, wanted);
}
