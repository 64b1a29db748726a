//! What a stage costs an event, its turn in the line included. `line` is a line without stages.

use std::hint::black_box;

use millpond_engine::{Blueprint, Exits, StageError, Timestamp};
use millpond_event::{Event, Slice};
use serde_json::{Value, json};

use crate::case::{Case, Failure, Work};
use crate::events::over;
use crate::lines::{CLICKS, Supply, sessions};

/// Elements of a session: what `explode` makes of one input.
const ELEMENTS: usize = 40;

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, beyond, prepare| Case {
        name,
        beyond,
        prepare,
    };
    vec![
        case("line", Some("decode"), (|| clicks(None)) as fn() -> _),
        case("filter", Some("line"), || {
            let kinds = ["click", "add_to_cart", "purchase"];
            clicks(Some(("filter", json!({ "field": "type", "in": kinds }))))
        }),
        case("map", Some("line"), || {
            let values = json!({ "view": 0, "click": 1, "add_to_cart": 3, "purchase": 10 });
            let table = json!({ "field": "type", "into": "weight", "values": values });
            clicks(Some(("map", table)))
        }),
        case("remove", Some("line"), || {
            clicks(Some(("remove", json!({ "fields": ["context.ua"] }))))
        }),
        case("set", Some("line"), || {
            clicks(Some(("set", json!({ "field": "seen", "value": true }))))
        }),
        case("rename", Some("line"), || {
            let fields = json!({ "user_id": "user", "context.page": "page" });
            clicks(Some(("rename", json!({ "fields": fields }))))
        }),
        // Whole sessions: these two are counted by element.
        case("sessions", None, || of_sessions(None)),
        case("explode", Some("sessions"), || {
            let table = json!({ "field": "events", "carry": ["session"] });
            of_sessions(Some(("explode", table)))
        }),
    ]
}

fn clicks(stage: Option<(&str, Value)>) -> Result<Work, Failure> {
    through(Supply::new(CLICKS).slice()?, stage)
}

fn of_sessions(stage: Option<(&str, Value)>) -> Result<Work, Failure> {
    let work = through(Supply::new(sessions(ELEMENTS).as_bytes()).slice()?, stage)?;
    Ok(Work {
        events: work.events * ELEMENTS as u64,
        ..work
    })
}

/// Every event is read and goes through a line with this stage.
fn through(slice: Slice, stage: Option<(&str, Value)>) -> Result<Work, Failure> {
    let mut plan = Blueprint::builder();
    if let Some((kind, table)) = stage {
        plan = plan.stage(kind, millpond_stages::build(kind, table)?);
    }
    let mut line = plan.exit("out").build()?.line();
    over(slice, move |event| {
        black_box(line.process(event, Timestamp(0), &mut Nowhere));
    })
}

struct Nowhere;

impl Exits<Event> for Nowhere {
    fn exit(&mut self, _exit: usize, event: &mut Event) {
        black_box(event);
    }

    fn failed(&mut self, _stage: usize, error: StageError, _event: &mut Event) {
        unreachable!("no stage comes behind the one that is counted: {error}");
    }

    fn tick_failed(&mut self, _stage: usize, error: StageError) {
        unreachable!("no stage is told the time: {error}");
    }
}
