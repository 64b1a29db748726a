use serde_json::{Value, json};

use crate::journal;
use crate::letters::LatestLetter;
use crate::observed::Observed;
use crate::seen::{PipelineSeen, Seen};

/// `/api/v1/queues`: every queue and the budget.
pub(crate) fn queues(observed: &Observed) -> Value {
    let seen = Seen::read(observed);
    let mailboxes = seen.pipelines.iter().map(|one| {
        let shards = one.shards.iter().enumerate();
        let shards = shards.map(|(shard, depth)| {
            json!({
                "shard": shard,
                "events": depth.events,
                "bytes": depth.bytes,
                "oldest_age_seconds": depth.oldest.as_secs_f64(),
            })
        });
        let mut queue = queue(one.queue, &one.depth, one.in_hand);
        queue["kind"] = json!("mailboxes");
        queue["pipeline"] = json!(one.name);
        queue["shards"] = shards.collect();
        queue
    });
    let rooms = seen.sinks.iter().map(|one| {
        let mut queue = queue(one.queue, &one.depth, one.in_hand);
        queue["kind"] = json!("room");
        queue["sink"] = json!({ "name": one.name, "type": one.kind, "status": one.state });
        queue
    });
    let journal = seen.journal.iter().map(|(name, depth, _)| {
        let mut queue = queue(name, depth, 0);
        queue["kind"] = json!("journal");
        queue
    });
    json!({
        "queues": journal.chain(mailboxes).chain(rooms).collect::<Vec<_>>(),
        "budget": {
            "used_bytes": seen.budget_used,
            "capacity_bytes": seen.budget_capacity,
            "waiting": seen.budget_waiting,
        },
    })
}

fn queue(name: &str, depth: &millpond_queue::Depth, in_hand: u64) -> Value {
    json!({
        "name": name,
        "depth": { "events": depth.events, "bytes": depth.bytes },
        "capacity": {
            "events": Some(depth.capacity.events).filter(|&events| events < u64::MAX),
            "bytes": depth.capacity.bytes,
        },
        "oldest_age_seconds": depth.oldest.as_secs_f64(),
        "in_hand_events": in_hand,
    })
}

/// The terms of a pipeline's equation.
pub(crate) fn terms(one: &PipelineSeen<'_>) -> Value {
    let totals = &one.totals;
    json!({
        "received": totals.received,
        "delivered": totals.delivered,
        "filtered": totals.filtered,
        "consumed": totals.consumed,
        "absorbed": totals.absorbed,
        "dead_lettered": totals.dead_lettered,
        "dropped": totals.dropped(),
        "live": totals.live,
        "unaccounted": one.unaccounted,
    })
}

/// `/api/v1/ledger`: the terms of both equations and what they cannot account for.
pub(crate) fn ledger(observed: &Observed) -> Value {
    let seen = Seen::read(observed);
    let pipelines = seen.pipelines.iter().map(|one| {
        let mut terms = terms(one);
        terms["pipeline"] = json!(one.name);
        terms["dropped_by"] = json!(one.totals.dropped_by);
        terms
    });
    let sinks = seen.sinks.iter().map(|one| {
        let totals = &one.totals;
        json!({
            "sink": one.name,
            "routed": totals.routed,
            "delivered": totals.delivered,
            "dead_lettered": totals.dead_lettered,
            "dropped": totals.dropped(),
            "dropped_by": totals.dropped_by,
            "live": totals.live,
            "unaccounted": totals.unaccounted(),
            "bytes": totals.bytes,
            "retries": totals.retries,
        })
    });
    let sources = seen.sources.iter().map(
        |(name, totals)| json!({ "source": name, "events": totals.events, "bytes": totals.bytes }),
    );
    json!({
        "sources": sources.collect::<Vec<_>>(),
        "journal": seen.journal.as_ref().map(|(_, _, counts)| journal::document(counts)),
        "pipelines": pipelines.collect::<Vec<_>>(),
        "sinks": sinks.collect::<Vec<_>>(),
    })
}

/// `/api/v1/dlq`: what is in the store of dead letters.
pub(crate) fn dlq(observed: &Observed) -> Value {
    let store = (observed.letters)();
    json!({
        "letters": (observed.kept_letters)(),
        "deleted": store.deleted,
        "bytes": store.bytes,
        "full": store.full,
        "order": observed.control.as_ref().map(|control| control.last()),
    })
}

/// `/api/v1/dlq/latest`: the letters that came last, with how their events begin.
pub(crate) fn latest(observed: &Observed) -> Value {
    let latest = (observed.latest_letters)();
    json!({ "letters": latest.iter().map(LatestLetter::whole).collect::<Vec<_>>() })
}
