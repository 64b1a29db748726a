//! What a drain does not wait for: input that has not been run, where it is kept or cannot be run.

use std::time::{Duration, Instant};

use millpond_delivery::ABANDONED;

use crate::wire::Seen;

/// How long pipelines behind a journal may work on what they were given.
const MOST: Duration = Duration::from_secs(1);
/// How often to look.
const EVERY: Duration = Duration::from_millis(50);

/// Ends pipelines that a drain would wait for in vain. One that is paused runs nothing; one behind a journal may
/// leave what it has not run to the next start, and does so unless it is done within a second: what a pipeline was
/// given and did not run comes again then, together with what it did run of the same records.
pub(crate) struct Backlog {
    /// When everything is left; never without a journal.
    all_at: Option<Instant>,
    left: Vec<bool>,
}

impl Backlog {
    /// The drain begins, and may take this long.
    pub(crate) fn begin(seen: &Seen, drain: Duration, now: Instant) -> Self {
        Backlog {
            all_at: seen.journal.as_ref().map(|_| now + MOST.min(drain / 2)),
            left: vec![false; seen.pipelines.len()],
        }
    }

    /// How long whoever calls [`Backlog::look`] may wait before the next call.
    pub(crate) fn every(&self) -> Option<Duration> {
        self.left.contains(&false).then_some(EVERY)
    }

    /// Leaves what is due.
    pub(crate) fn look(&mut self, seen: &Seen, now: Instant) {
        let everything = self.all_at.is_some_and(|at| now >= at);
        for (pipeline, left) in seen.pipelines.iter().zip(&mut self.left) {
            let brake = pipeline.view.brake();
            if !*left && (everything || brake.paused().is_some()) {
                *left = true;
                brake.leave();
            }
        }
    }

    /// Everything has ended: says what is lost, if anything is; true then. Behind a journal nothing is.
    pub(crate) fn end(&self, seen: &Seen) -> bool {
        if seen.journal.is_some() {
            return false;
        }
        let mut lost = false;
        let pipelines = seen.pipelines.iter().zip(&self.left);
        for (pipeline, _) in pipelines.filter(|(_, left)| **left) {
            let dropped = pipeline.view.ledger().totals().dropped_by;
            if let Some(&events) = dropped.get(ABANDONED) {
                lost = true;
                tracing::error!(
                    pipeline = pipeline.view.name(),
                    events,
                    "the pipeline was paused, and there is no journal: what it had not run is lost"
                );
            }
        }
        lost
    }
}
