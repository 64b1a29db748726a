use std::time::Duration;

use tracing::field::{Empty, display};
use tracing::{Level, Span};

use crate::{TARGET, int, open};

/// A write is linked with no more chunks than this.
const LINKS: usize = 32;

/// A batch of a followed chunk that a shard begins to work on, after it `waited` for that; none for other chunks.
#[inline]
pub fn batch(
    trace: u64,
    pipeline: &str,
    shard: u32,
    events: u64,
    waited: Duration,
) -> Option<Span> {
    child(trace, |parent| {
        let waited_us = micros(waited);
        tracing::debug_span!(target: TARGET, parent: parent, "batch", pipeline, shard, events = int(events), waited_us)
    })
}

/// A followed chunk that is appended to the journal; none for other chunks.
#[inline]
pub fn journal(trace: u64, events: u64, bytes: u64) -> Option<Span> {
    child(
        trace,
        |parent| tracing::debug_span!(target: TARGET, parent: parent, "journal", events = int(events), bytes = int(bytes)),
    )
}

/// What one stage did with the events of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stage<'a> {
    /// Its name.
    pub name: &'a str,
    /// Events that entered.
    pub events_in: u64,
    /// Events that went on from it, those that it made among them.
    pub events_out: u64,
    /// Events that it could not handle.
    pub failed: u64,
    /// How long all of that took in it.
    pub took: Duration,
}

/// Notes in the span of a batch what a stage did. No span of its own: events go through the stages one by one, so there
/// is no time that is one stage's alone.
#[cold]
pub fn stage(batch: &Span, done: &Stage<'_>) {
    tracing::event!(
        target: TARGET,
        parent: batch,
        Level::DEBUG,
        stage = done.name,
        events_in = int(done.events_in),
        events_out = int(done.events_out),
        failed = int(done.failed),
        took_us = micros(done.took),
        "stage"
    );
}

/// A write to `sink`; none if no chunk is followed that has `rows` in it. `traces`: one for each parcel, 0 for none.
/// It is a child of the first chunk that is followed, and linked with the others.
#[inline]
pub fn write(sink: &str, rows: u64, traces: impl IntoIterator<Item = u64>) -> Option<Span> {
    let mut followed = traces.into_iter().filter(|&trace| trace != 0);
    let first = followed.next()?;
    let span = child(
        first,
        |parent| tracing::debug_span!(target: TARGET, parent: parent, "write", sink, rows = int(rows), error = Empty),
    )?;
    let mut before = first;
    for trace in followed.take(LINKS) {
        if trace != before
            && let Some(other) = open::get(trace)
        {
            span.follows_from(&other);
        }
        before = trace;
    }
    Some(span)
}

/// Notes in the span of a write, if there is one, that it failed.
pub fn failed(write: Option<&Span>, error: &dyn std::fmt::Display) {
    if let Some(span) = write {
        span.record("error", display(error));
    }
}

#[inline]
fn child(trace: u64, make: impl FnOnce(&Span) -> Span) -> Option<Span> {
    if trace == 0 {
        return None;
    }
    let parent = open::get(trace)?;
    let span = make(&parent);
    (!span.is_disabled()).then_some(span)
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
