use serde_json::{Value, json};

use super::{busy, delivering, waiting};
use crate::moment::Span;
use crate::observed::SinkState;
use crate::seen::{PipelineSeen, Seen, SinkSeen};

/// A room this full holds up whoever fills it.
const FULL: f64 = 0.9;
/// Sources that wait for less of their time than this are not held up.
const HELD: f64 = 0.02;
/// Workers that are busy for more of their time than this have no time left.
const BUSY: f64 = 0.9;

/// Where what holds the sources up begins: the place furthest downstream that has no room, and why. Null
/// while nothing is held up.
pub(super) fn pressure(seen: &Seen<'_>, span: Option<Span<'_>>) -> Value {
    let Some(span) = span.filter(|&span| is_held_up(seen, span)) else {
        return Value::Null;
    };
    let (place, name, because) = sink(seen)
        .or_else(|| journal(seen))
        .unwrap_or_else(|| workers(seen, span));
    json!({ "place": place, "name": name, "because": because })
}

type Found<'a> = (&'static str, &'a str, String);

fn is_held_up(seen: &Seen<'_>, span: Span<'_>) -> bool {
    let sources = 0..seen.sources.len();
    let budget = seen.budget_used as f64 / seen.budget_capacity.max(1) as f64;
    budget >= FULL
        || seen.pipelines.iter().any(|one| one.parked_shards > 0)
        || delivering(seen).any(|(_, one)| fill(one) >= FULL)
        || sources
            .into_iter()
            .any(|at| waiting(seen, span, at) >= HELD)
}

/// The sink whose room is the fullest, if that is full, or if shards wait for it.
fn sink<'a>(seen: &'a Seen<'a>) -> Option<Found<'a>> {
    let parked = seen.pipelines.iter().any(|one| one.parked_shards > 0);
    let fullest = seen
        .sinks
        .iter()
        .max_by(|one, other| fill(one).total_cmp(&fill(other)))?;
    let full = fill(fullest);
    if full < FULL && !(parked && full > 0.0) {
        return None;
    }
    let state = match &fullest.state {
        SinkState::Running => "it takes rows more slowly than they come".to_owned(),
        SinkState::Retrying { error, .. } => format!("it fails and is tried again: {error}"),
        SinkState::Held { .. } => "it waits for room among the dead letters".to_owned(),
        SinkState::Closed => "its destination went away".to_owned(),
        SinkState::Ended => "it has ended".to_owned(),
    };
    let percent = full * 100.0;
    Some((
        "sink",
        fullest.name,
        format!("its room is {percent:.0} % full, {state}"),
    ))
}

fn journal<'a>(seen: &'a Seen<'a>) -> Option<Found<'a>> {
    let (name, _, state) = seen.journal.as_ref()?;
    let why = state.failed.as_ref().or(state.full.as_ref())?;
    Some(("journal", name, why.clone()))
}

fn workers<'a>(seen: &'a Seen<'a>, span: Span<'_>) -> Found<'a> {
    if let Some((pipeline, shard, share)) = hot(seen) {
        let percent = share * 100.0;
        let because = format!("{percent:.0} % of what waits is in shard {shard}: a hot key");
        return ("shards", pipeline.name, because);
    }
    let (running, busy) = (seen.workers.running, busy(seen, span));
    let because = if busy >= BUSY && running >= seen.workers.max {
        format!("{running} workers, as many as there may be, are busy all the time")
    } else if busy >= BUSY {
        format!("{running} workers are busy all the time")
    } else {
        format!("{running} workers are behind what came")
    };
    ("workers", "", because)
}

/// A shard that alone holds most of what waits in its pipeline, where there are others to hold it.
fn hot<'a>(seen: &'a Seen<'a>) -> Option<(&'a PipelineSeen<'a>, usize, f64)> {
    let fullest = seen.pipelines.iter().max_by_key(|one| one.depth.bytes)?;
    if fullest.shards.len() < 4 {
        return None;
    }
    let all: u64 = fullest.shards.iter().map(|depth| depth.events).sum();
    let shards = fullest.shards.iter().enumerate();
    let (shard, depth) = shards.max_by_key(|(_, depth)| depth.events)?;
    let share = depth.events as f64 / all.max(1) as f64;
    (share > 0.6).then_some((fullest, shard, share))
}

/// How full a sink's room is, by whichever of its bounds is nearer.
fn fill(sink: &SinkSeen<'_>) -> f64 {
    let depth = &sink.depth;
    let share = |used: u64, of: u64| used as f64 / of.max(1) as f64;
    share(depth.events, depth.capacity.events).max(share(depth.bytes, depth.capacity.bytes))
}
