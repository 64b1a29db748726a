use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters of all stages of a blueprint, summed over its lines.
///
/// Lines count for themselves and add their counts when they
/// [`publish`](crate::Pipeline::publish), so the equation of [`StageCounts`] holds whenever no line is
/// between two events of a slice.
#[derive(Debug)]
pub struct LineStats {
    stages: Box<[(String, Counters)]>,
}

impl LineStats {
    /// The counts of one stage by its id; `None` for an id that the blueprint does not have.
    #[must_use]
    pub fn stage(&self, id: usize) -> Option<StageCounts> {
        self.stages.get(id).map(|(_, counters)| read(counters))
    }

    /// Name and counts of every stage, in the order of their ids.
    pub fn stages(&self) -> impl ExactSizeIterator<Item = (&str, StageCounts)> {
        self.stages
            .iter()
            .map(|(name, counters)| (name.as_str(), read(counters)))
    }

    /// Takes the counts of one stage out: they are zero afterwards. For a line that runs elsewhere and sends
    /// its counts to where they are kept.
    pub fn take(&self, id: usize) -> StageCounts {
        let Some((_, counters)) = self.stages.get(id) else {
            return StageCounts::default();
        };
        StageCounts::from_array(counters.each_ref().map(|counter| counter.swap(0, Relaxed)))
    }

    /// Adds counts that were taken from a line elsewhere.
    pub fn merge(&self, id: usize, counts: &StageCounts) {
        let Some((_, counters)) = self.stages.get(id) else {
            return;
        };
        for (counter, count) in counters.iter().zip(counts.to_array()) {
            if count > 0 {
                counter.fetch_add(count, Relaxed);
            }
        }
    }

    /// Counters for stages of these names; where `before` has one of a name, its counts go on.
    pub(crate) fn new(names: &[String], before: Option<&LineStats>) -> Self {
        let known = |name: &String| {
            let mut stages = before?.stages.iter();
            let (_, counters) = stages.find(|(known, _)| known == name)?;
            Some(counters.clone())
        };
        let stages = names
            .iter()
            .map(|name| (name.clone(), known(name).unwrap_or_default()))
            .collect();
        Self { stages }
    }

    /// Moves the counts of one stage over; the tally is zero afterwards.
    pub(crate) fn add(&self, id: usize, tally: &mut Tally) {
        let counters = &self.stages[id].1;
        for (counter, count) in counters.iter().zip(&mut tally.0) {
            if *count > 0 {
                counter.fetch_add(*count, Relaxed);
                *count = 0;
            }
        }
    }
}

/// The counters of a stage. Lines of an earlier plan may still count on them.
type Counters = Arc<[AtomicU64; COUNTERS]>;

/// What one stage has done.
///
/// Of everything that entered, each event ended in exactly one way:
/// `entered = passed + filtered + consumed + absorbed + dropped + failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageCounts {
    /// Events given to the stage.
    pub entered: u64,
    /// Events that went on.
    pub passed: u64,
    /// Events the stage said no to.
    pub filtered: u64,
    /// Events that became other events.
    pub consumed: u64,
    /// Events that went into the stage's state.
    pub absorbed: u64,
    /// Events given up for a reason.
    pub dropped: u64,
    /// Events that ended in an error or a panic of the stage.
    pub failed: u64,
    /// Events the stage made and released.
    pub emitted: u64,
    /// Calls of `tick` and `finish` that ended in an error or a panic.
    pub tick_failed: u64,
    /// Events whose time was taken.
    pub timed_events: u64,
    /// Nanoseconds spent on them in this stage.
    pub timed_nanos: u64,
}

impl StageCounts {
    /// The events that came to an end here or went on: equal to `entered` at rest.
    #[must_use]
    pub fn accounted(&self) -> u64 {
        self.passed + self.filtered + self.consumed + self.absorbed + self.dropped + self.failed
    }

    /// Every count, in the order of the fields.
    #[must_use]
    pub fn to_array(&self) -> [u64; Self::LEN] {
        [
            self.entered,
            self.passed,
            self.filtered,
            self.consumed,
            self.absorbed,
            self.dropped,
            self.failed,
            self.emitted,
            self.tick_failed,
            self.timed_events,
            self.timed_nanos,
        ]
    }

    /// The counts of which [`to_array`](Self::to_array) made an array.
    #[must_use]
    pub fn from_array(counts: [u64; Self::LEN]) -> Self {
        let get = |counter: Counter| counts[counter as usize];
        Self {
            entered: get(Counter::Entered),
            passed: get(Counter::Passed),
            filtered: get(Counter::Filtered),
            consumed: get(Counter::Consumed),
            absorbed: get(Counter::Absorbed),
            dropped: get(Counter::Dropped),
            failed: get(Counter::Failed),
            emitted: get(Counter::Emitted),
            tick_failed: get(Counter::TickFailed),
            timed_events: get(Counter::TimedEvents),
            timed_nanos: get(Counter::TimedNanos),
        }
    }

    /// How many counts there are.
    pub const LEN: usize = COUNTERS;
}

#[derive(Clone, Copy)]
pub(crate) enum Counter {
    Entered,
    Passed,
    Filtered,
    Consumed,
    Absorbed,
    Dropped,
    Failed,
    Emitted,
    TickFailed,
    TimedEvents,
    TimedNanos,
}

const COUNTERS: usize = Counter::TimedNanos as usize + 1;

/// The counts of one stage in one line, until they are published.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally([u64; COUNTERS]);

impl Tally {
    #[inline]
    pub(crate) fn add(&mut self, counter: Counter, count: u64) {
        self.0[counter as usize] += count;
    }

    pub(crate) fn counts(&self) -> StageCounts {
        StageCounts::from_array(self.0)
    }
}

fn read(counters: &[AtomicU64; COUNTERS]) -> StageCounts {
    StageCounts::from_array(counters.each_ref().map(|counter| counter.load(Relaxed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_were_taken_elsewhere_are_added_field_by_field() {
        let (there, here) = (
            LineStats::new(&["a".to_owned()], None),
            LineStats::new(&["a".to_owned()], None),
        );
        let counts: [u64; COUNTERS] = std::array::from_fn(|at| at as u64 + 1);
        there.merge(0, &StageCounts::from_array(counts));
        let taken = there.take(0);
        assert_eq!(taken.to_array(), counts);
        assert_eq!((taken.entered, taken.timed_nanos), (1, COUNTERS as u64));
        assert_eq!(there.stage(0), Some(StageCounts::default()));
        here.merge(0, &taken);
        here.merge(0, &taken);
        assert_eq!(here.stage(0).map(|counts| counts.passed), Some(4));
        here.merge(9, &taken);
        assert_eq!(here.take(9), StageCounts::default());
    }

    #[test]
    fn a_stage_that_stays_goes_on_counting_and_a_new_one_begins_at_nothing() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        let before = LineStats::new(&names(&["a", "b"]), None);
        let one = StageCounts {
            passed: 1,
            ..StageCounts::default()
        };
        before.merge(1, &one);
        let after = LineStats::new(&names(&["b", "c"]), Some(&before));
        // A line of the earlier plan is not done yet.
        before.merge(1, &one);
        after.merge(0, &one);
        let passed: Vec<_> = after
            .stages()
            .map(|(name, counts)| (name, counts.passed))
            .collect();
        assert_eq!(passed, [("b", 3), ("c", 0)]);
    }
}
