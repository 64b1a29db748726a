//! What is shown of the journal.

use std::fmt;

use millpond_delivery::BUCKETS;
use millpond_queue::RoomView;
use millpond_runtime::admission::JournalState;
use serde_json::{Value, json};

use crate::families::{Families, seconds};
use crate::observed::Read;

/// The journal in front of the pipelines.
pub struct JournalObserved {
    /// What waits to be made durable. The name of the view is the `queue` label.
    pub room: RoomView,
    /// Reads how it stands.
    pub state: Read<JournalState>,
}

/// Events that were made durable or found, and neither wait nor were handed on: 0, unless some leaked.
fn unaccounted(state: &JournalState) -> u64 {
    (state.kept_events + state.restored_events).abs_diff(state.passed_events + state.waiting_events)
}

pub(crate) fn metrics(out: &mut Families<'_>, state: &JournalState) -> fmt::Result {
    out.counter(
        "millpond_journal_events_kept",
        "Events made durable",
        state.kept_events,
    )?;
    out.counter(
        "millpond_journal_bytes_kept",
        "Bytes of them",
        state.kept_bytes,
    )?;
    out.counter(
        "millpond_journal_events_passed",
        "Events handed to the pipelines",
        state.passed_events,
    )?;
    out.counter(
        "millpond_journal_events_replayed",
        "Events handed on that were read from disk",
        state.replayed_events,
    )?;
    out.counter(
        "millpond_journal_events_restored",
        "Events handed on that were there before the start",
        state.restored_events,
    )?;
    out.counter(
        "millpond_journal_events_refused",
        "Events that could not be made durable",
        state.refused_events,
    )?;
    out.gauge(
        "millpond_journal_waiting_events",
        "Events made durable since the start and not handed on yet",
        state.waiting_events,
    )?;
    out.gauge(
        "millpond_journal_backlog_records",
        "Records that are durable and not committed",
        state.durable.saturating_sub(state.committed),
    )?;
    out.gauge(
        "millpond_journal_held_records",
        "Records that wait to be done again at the next start",
        state.held_records,
    )?;
    out.gauge(
        "millpond_journal_full",
        "1 while the journal or its disk is full",
        u64::from(state.full.is_some()),
    )?;
    out.gauge(
        "millpond_journal_problems",
        "Records, or ranges of them, that could not be read or handed on",
        state.problems.len() as u64,
    )?;
    let bounds = BUCKETS
        .iter()
        .map(|&nanos| seconds(nanos))
        .chain([f64::MAX]);
    let buckets: Vec<_> = bounds.zip(state.syncs.counts).collect();
    let none: [(&str, &str); 0] = [];
    out.histograms(
        "millpond_journal_sync_seconds",
        "How long it took to make a group durable",
        [(none, state.syncs.sum_nanos, buckets)].into_iter(),
    )
}

pub(crate) fn document(state: &JournalState) -> Value {
    json!({
        "kept": state.kept_events,
        "restored": state.restored_events,
        "passed": state.passed_events,
        "waiting": state.waiting_events,
        "unaccounted": unaccounted(state),
        "replayed": state.replayed_events,
        "refused": state.refused_events,
        "bytes": state.kept_bytes,
        "records": { "durable": state.durable, "committed": state.committed, "held": state.held_records },
        "full": state.full,
        "failed": state.failed,
        "problems": state.problems,
    })
}
