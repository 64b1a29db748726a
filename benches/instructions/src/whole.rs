//! The reference task W1 on one thread, with all that the daemon does but reading from a socket and writing to a file.

use std::sync::Arc;

use millpond_delivery::Totals;
use millpond_engine::Blueprint;
use millpond_event::Records;
use serde_json::{Value, json};

use crate::case::{Case, Failure, Work};
use crate::codec::JsonCodec;
use crate::lines::CLICKS;
use crate::rig::{Rig, SHARDS};

/// The types that are kept, with their weights.
const KEPT: [(&str, u64); 3] = [("click", 1), ("add_to_cart", 3), ("purchase", 10)];

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "w1",
            beyond: None,
            prepare: || w1(None),
        },
        Case {
            name: "w1_keyed",
            beyond: None,
            prepare: || w1(Some("user_id")),
        },
    ]
}

/// A round is a chunk for every shard.
fn w1(key: Option<&str>) -> Result<Work, Failure> {
    let kinds: Vec<&str> = KEPT.iter().map(|(kind, _)| *kind).collect();
    let weights: Value = KEPT
        .iter()
        .map(|(kind, weight)| ((*kind).to_owned(), json!(weight)))
        .collect();
    let mut line = Blueprint::builder();
    for (kind, table) in [
        ("filter", json!({ "field": "type", "in": kinds })),
        (
            "map",
            json!({ "field": "type", "into": "weight", "values": weights }),
        ),
        ("remove", json!({ "fields": ["context.ua"] })),
    ] {
        line = line.stage(kind, millpond_stages::build(kind, table)?);
    }
    let line = line.exit("out").build()?;
    // Events can be looked at, and nobody does.
    let codec = || JsonCodec::new(None, Some(Arc::default()));
    let mut rig = Rig::new(line, codec, Records::clear, key)?;
    rig.pass();
    let (found, expected) = (rig.ledger().totals(), expected(rig.events()));
    if found != expected {
        return Err(format!("{found:?}, expected {expected:?}").into());
    }
    Ok(Work::new(rig.events() * SHARDS as u64, move || {
        (0..SHARDS).for_each(|_| rig.pass());
    }))
}

/// What somebody else's JSON reader makes of the first `events` lines.
fn expected(events: u64) -> Totals {
    let mut totals = Totals {
        received: events,
        ..Totals::default()
    };
    let lines = CLICKS
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    for line in lines.cycle().take(events as usize) {
        match serde_json::from_slice::<Value>(line) {
            Ok(event) if KEPT.iter().any(|(kind, _)| event["type"] == *kind) => {
                totals.delivered += 1;
            }
            Ok(_) => totals.filtered += 1,
            Err(_) => totals.dead_lettered += 1,
        }
    }
    totals
}
