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
    // A peer works as it works: it has no key and no isolation to choose.
    let peer = |what: &What| matches!(what.subject, Subject::Peer(_));
    let choices_differ = |same: fn(&What, &What) -> bool| {
        let mut daemons = others.iter().filter(|other| !peer(other));
        !peer(what) && daemons.any(|other| !same(what, other))
    };
    let mut parts = Vec::new();
    if differ(|a, b| a.subject == b.subject) {
        parts.push(who(&what.subject));
    }
    if choices_differ(|a, b| a.key == b.key) {
        let by = |key: &String| format!("by {key}");
        parts.push(what.key.as_ref().map_or_else(|| "no key".to_owned(), by));
    }
    if choices_differ(|a, b| a.isolation == b.isolation) {
        parts.push(format!("in a {}", what.isolation));
    }
    if choices_differ(|a, b| a.off_sender == b.off_sender) {
        let cores = if what.off_sender {
            "off the sender's core"
        } else {
            "on all cores"
        };
        parts.push(cores.to_owned());
    }
    if choices_differ(|a, b| a.journal == b.journal) {
        let with = if what.journal {
            "a journal"
        } else {
            "no journal"
        };
        parts.push(with.to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::html::sample;
    use crate::bench::record::Peer;

    #[test]
    fn only_what_differs_is_said_and_a_peer_has_no_choices() {
        let daemon = |key| sample::what(Subject::Daemon, Workload::W1, 2, key);
        let (plain, keyed) = (daemon(None), daemon(Some("id")));
        let mut peer = sample::what(Subject::Peer(Peer::Expert), Workload::W1, 1, None);
        peer.isolation = "process".to_owned();
        assert_eq!(apart(&plain, &[&plain]), "daemon");
        assert_eq!(apart(&plain, &[&plain, &peer]), "daemon, 2 workers");
        assert_eq!(apart(&peer, &[&plain, &keyed, &peer]), "expert, 1 worker");
        assert_eq!(apart(&keyed, &[&plain, &keyed]), "by id");
        let forked = What {
            isolation: "process".to_owned(),
            ..plain.clone()
        };
        assert_eq!(apart(&forked, &[&plain, &forked]), "in a process");
    }
}
