use std::fmt;

/// So many kinds of problems are told apart; whatever else happens is counted with the last of them.
const MOST: usize = 100;

/// What could not be read from a journal, or not handed on: each kind once, with the records it befell.
#[derive(Default)]
pub(super) struct Problems {
    seen: Vec<Problem>,
}

struct Problem {
    why: String,
    first: u64,
    last: u64,
    records: u64,
}

impl Problems {
    /// Adds a record; true when nothing of the kind has been seen before.
    pub(super) fn add(&mut self, record: u64, why: &str) -> bool {
        let full = self.seen.len() >= MOST;
        let known = match self.seen.iter_mut().find(|problem| problem.why == why) {
            None if full => self.seen.last_mut(),
            known => known,
        };
        if let Some(problem) = known {
            problem.first = problem.first.min(record);
            problem.last = problem.last.max(record);
            problem.records += 1;
            return false;
        }
        self.seen.push(Problem {
            why: why.to_owned(),
            first: record,
            last: record,
            records: 1,
        });
        true
    }

    /// In words, one for each kind.
    pub(super) fn in_words(&self) -> Vec<String> {
        self.seen.iter().map(ToString::to_string).collect()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem {
            why,
            first,
            last,
            records,
        } = self;
        match records {
            1 => write!(f, "{why}: record {first} stays in the journal"),
            _ => write!(
                f,
                "{why}: {records} records from {first} to {last} stay in the journal"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_records_with_one_problem_are_one_line() {
        let mut problems = Problems::default();
        let added = (0..1_000).filter(|&record| problems.add(record, "no pipeline reads it"));
        assert_eq!(added.count(), 1);
        assert_eq!(
            problems.in_words(),
            ["no pipeline reads it: 1000 records from 0 to 999 stay in the journal"]
        );
        for record in 0..500 {
            problems.add(record, &format!("it is odd in way {record}"));
        }
        assert_eq!(problems.in_words().len(), MOST);
    }
}
