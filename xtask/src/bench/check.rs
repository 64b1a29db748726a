//! Whether every event of a run is accounted for, as it should be.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::Context;

use super::counters::{Counts, Reading};

/// What a run must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Exactly this: the bench knows each line that it sent.
    Counts(Counts),
    /// This many events, each with an outcome: the daemon made them itself, and has no reason to drop one.
    Events(u64),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Done,
    Underway,
    /// All is received and nothing is live, or too much is received, and the counts are not the expected ones.
    Differs,
}

impl Expected {
    pub(super) fn events(&self) -> u64 {
        match self {
            Self::Counts(counts) => counts.received,
            Self::Events(events) => *events,
        }
    }

    pub(super) fn judge(&self, reading: &Reading) -> Verdict {
        let Reading { counts, live, .. } = reading;
        if reading.taken != counts.ended() + live {
            return Verdict::Differs;
        }
        // What the journal holds has been received, and is not taken yet.
        let kept = reading.journal && reading.taken < counts.received;
        let begun = counts.received < self.events() || *live > 0 || kept;
        if counts.received <= self.events() && begun {
            return Verdict::Underway;
        }
        let right = match self {
            Self::Counts(expected) => counts == expected,
            Self::Events(events) => {
                counts.received == *events
                    && counts.ended() == *events
                    && counts.dropped == 0
                    && counts.rows == counts.delivered
            }
        };
        if right && *live == 0 && reading.unaccounted == 0 {
            Verdict::Done
        } else {
            Verdict::Differs
        }
    }

    /// The counters beside what they should be.
    pub(super) fn difference(&self, reading: &Reading) -> String {
        let is = &reading.counts;
        let should = match self {
            Self::Counts(expected) => Some(expected),
            Self::Events(_) => None,
        };
        let row = |name: &str, of: fn(&Counts) -> u64| match should.map(of) {
            Some(should) => {
                let mark = if of(is) == should { "" } else { "  <-" };
                format!("  {name:13} {:>12}, expected {should:>12}{mark}\n", of(is))
            }
            None => format!("  {name:13} {:>12}\n", of(is)),
        };
        let rows = [
            row("received", |counts| counts.received),
            row("delivered", |counts| counts.delivered),
            row("filtered", |counts| counts.filtered),
            row("consumed", |counts| counts.consumed),
            row("absorbed", |counts| counts.absorbed),
            row("dead-lettered", |counts| counts.dead_lettered),
            row("dropped", |counts| counts.dropped),
            row("rows", |counts| counts.rows),
        ];
        format!(
            "{}  of {} expected events the pipeline took {}; {} have an outcome, {} are live, {} unaccounted",
            rows.concat(),
            self.events(),
            reading.taken,
            is.ended(),
            reading.live,
            reading.unaccounted
        )
    }
}

/// The lines of a file.
pub(super) fn count_lines(path: &Path) -> anyhow::Result<u64> {
    let context = || format!("cannot read the output {}", path.display());
    lines(File::open(path).with_context(context)?).with_context(context)
}

fn lines(from: impl Read) -> std::io::Result<u64> {
    let mut reader = BufReader::new(from);
    let mut buffer = vec![0; 1 << 20];
    let mut lines = 0;
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok(lines);
        }
        lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: Counts = Counts {
        received: 100,
        delivered: 29,
        filtered: 70,
        consumed: 0,
        absorbed: 0,
        dead_lettered: 1,
        dropped: 0,
        rows: 29,
    };

    fn reading(counts: Counts, live: u64) -> Reading {
        Reading {
            counts,
            taken: counts.ended() + live,
            live,
            ..Reading::default()
        }
    }

    #[test]
    fn a_run_is_done_only_when_every_count_is_right_and_nothing_is_live() {
        for expected in [Expected::Counts(RIGHT), Expected::Events(100)] {
            assert_eq!(expected.judge(&reading(RIGHT, 0)), Verdict::Done);
            let begun = Counts {
                received: 99,
                filtered: 69,
                ..RIGHT
            };
            assert_eq!(expected.judge(&reading(begun, 0)), Verdict::Underway);
            let unfinished = Counts {
                filtered: 69,
                ..RIGHT
            };
            assert_eq!(expected.judge(&reading(unfinished, 1)), Verdict::Underway);
            let kept = Reading {
                journal: true,
                ..reading(unfinished, 0)
            };
            assert_eq!(expected.judge(&kept), Verdict::Underway);
        }
    }

    #[test]
    fn a_lost_doubled_or_misjudged_event_is_no_success() {
        let wrong = [
            Counts {
                delivered: 28,
                ..RIGHT
            },
            Counts {
                delivered: 30,
                ..RIGHT
            },
            Counts { rows: 28, ..RIGHT },
            Counts {
                filtered: 69,
                dropped: 1,
                ..RIGHT
            },
            Counts {
                received: 101,
                ..RIGHT
            },
        ];
        for expected in [Expected::Counts(RIGHT), Expected::Events(100)] {
            for counts in wrong {
                let verdict = expected.judge(&reading(counts, 0));
                assert_eq!(verdict, Verdict::Differs, "{expected:?} {counts:?}");
            }
            let leaked = Reading {
                unaccounted: 1,
                ..reading(RIGHT, 0)
            };
            assert_eq!(expected.judge(&leaked), Verdict::Differs);
        }
        let misjudged = Counts {
            filtered: 69,
            dead_lettered: 2,
            ..RIGHT
        };
        let known = Expected::Counts(RIGHT);
        assert_eq!(known.judge(&reading(misjudged, 0)), Verdict::Differs);
    }

    #[test]
    fn a_ledger_that_does_not_balance_is_seen_before_the_end() {
        let unbalanced = Reading {
            taken: 51,
            ..reading(
                Counts {
                    received: 50,
                    filtered: 20,
                    ..RIGHT
                },
                0,
            )
        };
        assert_eq!(Expected::Counts(RIGHT).judge(&unbalanced), Verdict::Differs);
    }

    #[test]
    fn the_difference_names_what_is_wrong() {
        let lost = Counts {
            delivered: 28,
            ..RIGHT
        };
        let text = Expected::Counts(RIGHT).difference(&reading(lost, 0));
        let marked: Vec<&str> = text.lines().filter(|line| line.contains("<-")).collect();
        assert_eq!(marked.len(), 1);
        for part in ["delivered", "28", "29"] {
            assert!(marked[0].contains(part), "{text}");
        }
    }

    #[test]
    fn lines_are_counted_across_buffers() {
        assert_eq!(
            lines("ab\n".repeat(1_000_000).as_bytes()).unwrap(),
            1_000_000
        );
        assert_eq!(lines(&b""[..]).unwrap(), 0);
    }
}
