//! Which points belong together, and what sets them apart.

use std::fmt;

use crate::bench::record::{Point, Record, Sink, Source, Subject, What, Workload};

/// What may be compared: the same work, from the same source, to the same sink.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Task {
    workload: Workload,
    source: Source,
    sink: Sink,
}

impl Task {
    pub(super) fn of(what: &What) -> Self {
        Self {
            workload: what.workload,
            source: what.source,
            sink: what.sink,
        }
    }

    /// Those of the record, in its order.
    pub(super) fn all(record: &Record) -> Vec<Self> {
        let mut all = Vec::new();
        for point in &record.points {
            let task = Self::of(&point.what);
            if !all.contains(&task) {
                all.push(task);
            }
        }
        all
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.workload, self.sink)?;
        match self.source {
            Source::Tcp => Ok(()),
            source => write!(f, " from {source}"),
        }
    }
}

/// Points that differ in nothing but their workers, in the order of their workers.
pub(super) struct Series<'a> {
    pub(super) what: What,
    pub(super) points: Vec<&'a Point>,
}

/// The series of a task, in the order of the record.
pub(super) fn series(record: &Record, task: Task) -> Vec<Series<'_>> {
    let mut all: Vec<Series> = Vec::new();
    for point in of(record, task) {
        let what = without_workers(&point.what);
        match all.iter_mut().find(|series| series.what == what) {
            Some(series) => series.points.push(point),
            None => all.push(Series {
                what,
                points: vec![point],
            }),
        }
    }
    for series in &mut all {
        series.points.sort_by_key(|point| point.what.workers);
    }
    all
}

/// The points of a task.
pub(super) fn of(record: &Record, task: Task) -> impl Iterator<Item = &Point> {
    let points = record.points.iter();
    points.filter(move |point| Task::of(&point.what) == task)
}

/// What a series is known by.
pub(super) fn without_workers(what: &What) -> What {
    What {
        workers: 0,
        ..what.clone()
    }
}

/// Who did the work.
pub(super) fn who(subject: &Subject) -> String {
    match subject {
        Subject::Daemon => "daemon".to_owned(),
        Subject::Revision(revision) => format!("daemon at {revision}"),
        Subject::Peer(peer) => peer.to_string(),
    }
}

/// What is not the same for `what` and all of `others` of its task; who did the work, if everything is.
pub(super) fn apart(what: &What, others: &[&What]) -> String {
    let differ = |same: fn(&What, &What) -> bool| others.iter().any(|other| !same(what, other));
    let mut parts = Vec::new();
    if differ(|a, b| a.subject == b.subject) {
        parts.push(who(&what.subject));
    }
    // A peer has no key, and works as it works.
    let ours = !matches!(what.subject, Subject::Peer(_));
    if ours && differ(|a, b| a.key == b.key) {
        parts.push(
            what.key
                .as_ref()
                .map_or("no key".to_owned(), |key| format!("by {key}")),
        );
    }
    if ours && differ(|a, b| a.isolation == b.isolation) {
        parts.push(format!("in a {}", what.isolation));
    }
    if differ(|a, b| a.workers == b.workers) {
        parts.push(workers(what.workers));
    }
    if parts.is_empty() {
        parts.push(who(&what.subject));
    }
    parts.join(", ")
}

/// `1 worker`, `2 workers`.
pub(in crate::bench) fn workers(count: u32) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} worker{plural}")
}
