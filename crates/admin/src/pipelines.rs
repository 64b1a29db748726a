//! What keeps a pipeline going, or not: as metrics and as a document.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use crate::families::Families;
use crate::observed::Observed;

/// How a pipeline does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Supervision {
    /// Why it is paused, if it is.
    pub paused: Option<PausedPipeline>,
    /// Crashes of its lines for which an event was quarantined.
    pub crashes_explained: u64,
    /// Those that no event explains.
    pub crashes_unexplained: u64,
    /// Lines rebuilt without the state that their stages had.
    pub state_lost: u64,
    /// Events that a journal keeps for it while others were given them.
    pub behind: u64,
}

/// A pipeline that is paused.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PausedPipeline {
    /// For how long.
    pub seconds: f64,
    /// One word for the reason.
    pub reason: &'static str,
    /// The reason with its figures.
    pub because: String,
}

pub(crate) fn metrics(out: &mut Families<'_>, observed: &Observed) -> fmt::Result {
    let pipelines = observed.pipelines.iter();
    let seen: Vec<(&str, Supervision)> = pipelines
        .map(|one| (one.ledger.name(), (one.supervision)()))
        .collect();
    out.gauges(
        "millpond_pipeline_paused",
        "1 while the pipeline is paused because it crashed too often",
        seen.iter()
            .map(|(name, one)| ([("pipeline", *name)], u64::from(one.paused.is_some()))),
    )?;
    out.gauges(
        "millpond_pipeline_behind_events",
        "Events that the journal keeps for the pipeline since it was paused, until it has caught up",
        seen.iter()
            .map(|(name, one)| ([("pipeline", *name)], one.behind)),
    )?;
    out.counters(
        "millpond_pipeline_crashes",
        "Crashes of the pipeline's lines, explained by a quarantined event or not",
        seen.iter().flat_map(|(name, one)| {
            let counts = [
                ("true", one.crashes_explained),
                ("false", one.crashes_unexplained),
            ];
            counts
                .map(|(explained, count)| ([("pipeline", *name), ("explained", explained)], count))
        }),
    )?;
    out.counters(
        "millpond_state_lost",
        "Lines rebuilt without the state that their stages had",
        seen.iter()
            .map(|(name, one)| ([("pipeline", *name)], one.state_lost)),
    )
}

/// `/api/v1/pipelines`: which of them run, and why the others do not.
pub(crate) fn document(observed: &Observed) -> Value {
    let pipelines = observed.pipelines.iter().map(|one| {
        let supervision = (one.supervision)();
        json!({
            "pipeline": one.ledger.name(),
            "state": if supervision.paused.is_some() { "paused" } else { "running" },
            "paused": supervision.paused,
            "crashes": {
                "explained": supervision.crashes_explained,
                "unexplained": supervision.crashes_unexplained,
            },
            "state_lost": supervision.state_lost,
            "behind": supervision.behind,
        })
    });
    json!({ "pipelines": pipelines.collect::<Vec<_>>() })
}
