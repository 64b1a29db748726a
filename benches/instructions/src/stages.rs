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
        beyond: Some(beyond),
        prepare,
    };
    let mut cases = vec![
        case("line", "decode", (|| clicks(None)) as fn() -> _),
        case("filter", "line", || {
            let kinds = ["click", "add_to_cart", "purchase"];
            clicks(Some(("filter", json!({ "field": "type", "in": kinds }))))
        }),
        case("map", "line", || {
            let values = json!({ "view": 0, "click": 1, "add_to_cart": 3, "purchase": 10 });
            clicks(Some((
                "map",
                json!({ "field": "type", "into": "weight", "values": values }),
            )))
        }),
        case("remove", "line", || {
            clicks(Some(("remove", json!({ "fields": ["context.ua"] }))))
        }),
        case("set", "line", || {
            clicks(Some(("set", json!({ "field": "seen", "value": true }))))
        }),
        case("rename", "line", || {
            let fields = json!({ "user_id": "user", "context.page": "page" });
            clicks(Some(("rename", json!({ "fields": fields }))))
        }),
        case("explode", "sessions", || {
            let table = json!({ "field": "events", "carry": ["session"] });
            of_sessions(Some(("explode", table)))
        }),
    ];
    // Whole sessions: the counts of these two are by element.
    cases.insert(
        cases.len() - 1,
        Case {
            name: "sessions",
            beyond: None,
            prepare: || of_sessions(None),
        },
    );
    cases
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
