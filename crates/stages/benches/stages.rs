//! `cargo bench -p millpond-stages`: what a line of one stage costs on 200 lines of the reference task. Reading them
//! is part of every figure, and all of `none`.

use std::hint::black_box;

use divan::counter::ItemsCount;
use divan::{Bencher, bench};
use millpond_engine::{Blueprint, Exits, StageError, Timestamp};
use millpond_event::Event;
use serde_json::{Value, json};

static CLICKS: &str = include_str!("../../../benches/w1.ndjson");

fn main() {
    divan::main();
}

#[bench(args = ["none", "filter", "map", "remove", "set", "rename"])]
fn line(bencher: Bencher, kind: &str) {
    let mut plan = Blueprint::builder();
    if let Some(table) = table(kind) {
        let stage = millpond_stages::build(kind, table).expect("the tables are valid");
        plan = plan.stage(kind, stage);
    }
    let mut line = plan
        .exit("out")
        .build()
        .expect("one stage, one exit")
        .line();
    let mut event = Event::default();
    let lines = ItemsCount::new(CLICKS.lines().count());
    bencher.counter(lines).bench_local(|| {
        for text in CLICKS.lines() {
            if event
                .rebuild(|own| own.extend_from_slice(text.as_bytes()))
                .is_ok()
            {
                black_box(line.process(&mut event, Timestamp(0), &mut Nowhere));
            }
        }
    });
}

fn table(kind: &str) -> Option<Value> {
    let table = match kind {
        "filter" => json!({ "field": "type", "in": ["click", "add_to_cart", "purchase"] }),
        "map" => {
            json!({ "field": "type", "into": "weight", "values": { "click": 1 }, "default": 0 })
        }
        "remove" => json!({ "fields": ["context.ua"] }),
        "set" => json!({ "field": "seen", "value": true }),
        "rename" => json!({ "fields": { "user_id": "user" } }),
        _ => return None,
    };
    Some(table)
}

struct Nowhere;

impl Exits<Event> for Nowhere {
    fn exit(&mut self, _exit: usize, event: &mut Event) {
        black_box(event);
    }

    fn failed(&mut self, _stage: usize, error: StageError, _event: &mut Event) {
        unreachable!("these stages make no events: {error}");
    }

    fn tick_failed(&mut self, _stage: usize, error: StageError) {
        unreachable!("no stage is told the time: {error}");
    }
}
