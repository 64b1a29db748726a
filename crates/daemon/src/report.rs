//! What is said at the end: what became of everything, and what was left where.

use millpond_delivery::ABANDONED;
use millpond_sinks::ClosedReason;

use crate::wire::Seen;

/// Logs the terms of every ledger.
pub(crate) fn totals(seen: &Seen) {
    if let Some(journal) = &seen.journal {
        let state = journal.state();
        tracing::info!(
            kept = state.kept_events,
            restored = state.restored_events,
            passed = state.passed_events,
            waiting = state.waiting_events,
            refused = state.refused_events,
            replayed = state.replayed_events,
            records_left = state.durable.saturating_sub(state.committed),
            "journal totals"
        );
    }
    for pipeline in &seen.pipelines {
        let totals = pipeline.view.ledger().totals();
        tracing::info!(
            pipeline = pipeline.view.name(),
            received = totals.received,
            delivered = totals.delivered,
            filtered = totals.filtered,
            consumed = totals.consumed,
            absorbed = totals.absorbed,
            dead_lettered = totals.dead_lettered,
            dropped = totals.dropped(),
            live = totals.live,
            "pipeline totals"
        );
    }
    for sink in &seen.sinks {
        let totals = sink.ledger.totals();
        tracing::info!(
            sink = sink.ledger.name(),
            routed = totals.routed,
            delivered = totals.delivered,
            dropped = totals.dropped(),
            live = totals.live,
            "sink totals"
        );
    }
}

/// Logs how much the journal keeps for the next start, if anything.
pub(crate) fn kept(seen: &Seen) {
    let Some(journal) = &seen.journal else { return };
    let state = journal.state();
    let records = state.durable.saturating_sub(state.committed);
    if records == 0 {
        return;
    }
    let given_back = seen.pipelines.iter().map(|pipeline| {
        let dropped = pipeline.view.ledger().totals().dropped_by;
        dropped.get(ABANDONED).copied().unwrap_or(0)
    });
    tracing::info!(
        records,
        events_not_passed = state.waiting_events,
        events_given_back = given_back.sum::<u64>(),
        "the journal keeps for the next start what was not run"
    );
}

/// Logs how much was left in which place.
pub(crate) fn left(seen: &Seen) {
    for pipeline in &seen.pipelines {
        let view = &pipeline.view;
        tracing::error!(
            pipeline = view.name(),
            live = view.ledger().totals().live,
            queued_events = view.intake().events(),
            in_hand_events = view.intake().in_hand(),
            outbox_rows = view.outbox_rows(),
            "left in the pipeline"
        );
    }
    for sink in seen
        .sinks
        .iter()
        .filter(|sink| sink.ledger.totals().live > 0)
    {
        tracing::error!(
            sink = sink.ledger.name(),
            room_rows = sink.room.depth().events,
            writer_rows = sink.room.in_hand(),
            "left in front of the sink"
        );
    }
}

/// Events that nothing accounts for, at rest; logged if there are any.
pub(crate) fn unaccounted(seen: &Seen) -> u64 {
    let of = |pipeline: &crate::wire::PipelineSeen| {
        let events = pipeline.view.ledger().unaccounted(|| pipeline.held());
        if events > 0 {
            tracing::error!(
                pipeline = pipeline.view.name(),
                events,
                "unaccounted events"
            );
        }
        events
    };
    seen.pipelines.iter().map(of).sum()
}

/// Logs that a sink is gone; true when that is a failure.
pub(crate) fn sink_closed(sink: &str, reason: &ClosedReason) -> bool {
    match reason {
        ClosedReason::ReaderGone => {
            tracing::info!(sink, "the reader of the sink has gone; ending");
            false
        }
        // Said where it was given up.
        ClosedReason::GivenUp => false,
        ClosedReason::Failed(error) => {
            tracing::error!(sink, %error, "the sink failed for good; ending");
            true
        }
    }
}
