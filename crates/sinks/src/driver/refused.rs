use std::ops::Range;

/// Why rows were refused for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// In a word for machines.
    pub(crate) reason: &'static str,
    /// For people.
    pub(crate) detail: String,
    /// The attempts that were made with them.
    pub(crate) attempts: u32,
    /// When, in microseconds since the Unix epoch.
    pub(crate) time_micros: u64,
}

/// The rows in a hand that were refused for good: runs that do not touch what they do not own, in
/// order.
#[derive(Default)]
pub(crate) struct Refusals {
    runs: Vec<(Range<usize>, Refused)>,
}

impl Refusals {
    /// The first run that ends behind `at`; an empty one at `end` if there is none.
    pub(crate) fn next(&self, at: usize, end: usize) -> Range<usize> {
        let index = self.runs.partition_point(|(run, _)| run.end <= at);
        self.runs
            .get(index)
            .map_or(end..end, |(run, _)| run.clone())
    }

    /// Where `rows` rows behind `from` end, runs not counted; never in front of a run.
    pub(crate) fn pass(&self, from: usize, rows: usize) -> usize {
        let mut to = from + rows;
        let index = self.runs.partition_point(|(run, _)| run.end <= from);
        for (run, _) in &self.runs[index..] {
            if run.start > to {
                break;
            }
            to += run.end - run.start.max(from);
        }
        to
    }

    /// Adds the first `rows` rows behind `from` that are in no run, and before `end`.
    pub(crate) fn add(&mut self, from: usize, rows: usize, end: usize, why: Refused) {
        let mut at = self.pass(from, 0);
        let mut left = rows;
        while left > 0 && at < end {
            let until = self.next(at, end).start.min(at.saturating_add(left));
            let index = self.runs.partition_point(|(run, _)| run.end <= at);
            self.runs.insert(index, (at..until, why.clone()));
            left -= until - at;
            at = self.pass(until, 0);
        }
    }

    /// What was refused of the first `rows` rows.
    pub(crate) fn among(&self, rows: usize) -> Vec<(Range<usize>, Refused)> {
        let before = self.runs.iter().take_while(|(run, _)| run.start < rows);
        before
            .map(|(run, why)| (run.start..run.end.min(rows), why.clone()))
            .collect()
    }

    /// The first `rows` rows are gone: the others have lower numbers now.
    pub(crate) fn forget(&mut self, rows: usize) {
        self.runs.retain_mut(|(run, _)| {
            *run = run.start.saturating_sub(rows)..run.end.saturating_sub(rows);
            run.start < run.end
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Refused {
        Refused {
            reason: "rejected",
            detail: String::new(),
            attempts: 1,
            time_micros: 0,
        }
    }

    fn runs(refusals: &Refusals) -> Vec<Range<usize>> {
        refusals.runs.iter().map(|(run, _)| run.clone()).collect()
    }

    #[test]
    fn rows_are_counted_around_what_is_refused() {
        let mut refusals = Refusals::default();
        refusals.add(2, 1, 10, refused());
        refusals.add(5, 2, 10, refused());
        let passed: Vec<usize> = (0..6).map(|rows| refusals.pass(0, rows)).collect();
        assert_eq!(passed, [0, 1, 3, 4, 7, 8]);
        assert_eq!(refusals.pass(6, 0), 7, "from within a run");
        // Two free rows behind 1: 1 itself, and 3 on the other side of the run.
        refusals.add(1, 2, 10, refused());
        assert_eq!(runs(&refusals), [1..2, 2..3, 3..4, 5..7]);
        refusals.add(7, 9, 10, refused());
        assert_eq!(runs(&refusals).last(), Some(&(7..10)), "up to the end");
    }

    #[test]
    fn what_is_left_is_renumbered() {
        let mut refusals = Refusals::default();
        refusals.add(1, 1, 10, refused());
        refusals.add(4, 3, 10, refused());
        let among: Vec<_> = refusals.among(5).into_iter().map(|(run, _)| run).collect();
        assert_eq!(among, [1..2, 4..5]);
        refusals.forget(5);
        assert_eq!(runs(&refusals).first(), Some(&(0..2)));
        assert_eq!(refusals.runs.len(), 1);
    }
}
