//! What came out of a sink.

use crate::event::{Event, KEYS, may_be_torn};
use crate::issued::Issued;

/// How many bad rows are shown.
const SHOWN: usize = 3;

/// The rows of one sink, in the order in which they came.
pub(crate) struct Arrivals {
    seed: u64,
    /// How often each event came, by client.
    copies: Vec<Vec<u8>>,
    /// The latest event of each key that came for the first time, by client.
    latest: Vec<[Option<u64>; KEYS as usize]>,
    distinct: u64,
    torn: u64,
    inversions: u64,
    bad: u64,
    shown: Vec<String>,
    line: Vec<u8>,
}

/// What is wrong with the rows of a sink, and what may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// Events that came at least once.
    pub(crate) distinct: u64,
    /// Acknowledged events that never came.
    pub(crate) lost: u64,
    /// The first of them.
    pub(crate) first_lost: Option<(usize, u64)>,
    /// Rows that are no event that was sent.
    pub(crate) bad: u64,
    /// Some of them.
    pub(crate) shown: Vec<String>,
    /// Rows that a crash cut off.
    pub(crate) torn: u64,
    /// Events that came for the first time after a later one of their key.
    pub(crate) inversions: u64,
    /// Copies beyond the number of times that an event was sent.
    pub(crate) duplicates: u64,
    /// Bytes of them.
    pub(crate) duplicate_bytes: u64,
}

impl Arrivals {
    pub(crate) fn new(seed: u64, clients: usize) -> Self {
        Arrivals {
            seed,
            copies: vec![Vec::new(); clients],
            latest: vec![[None; KEYS as usize]; clients],
            distinct: 0,
            torn: 0,
            inversions: 0,
            bad: 0,
            shown: Vec::new(),
            line: Vec::new(),
        }
    }

    /// Takes a row, without the end of its line.
    pub(crate) fn take(&mut self, row: &[u8], issued: &Issued) {
        let sent = Event::named_by(row).filter(|event| {
            self.line.clear();
            event.write(self.seed, &mut self.line);
            self.line == row && issued.has(event.client, event.n)
        });
        let Some(event) = sent else {
            match self.line == row {
                // It is whole, and nobody sent it.
                true => self.refuse(row),
                false => self.take_torn(row),
            }
            return;
        };
        let (copies, at) = (&mut self.copies[event.client], event.n as usize);
        if copies.len() <= at {
            copies.resize(at + 1, 0);
        }
        copies[at] = copies[at].saturating_add(1);
        if copies[at] > 1 {
            return;
        }
        self.distinct += 1;
        let latest = &mut self.latest[event.client][event.key()];
        if latest.is_some_and(|latest| latest > event.n) {
            self.inversions += 1;
        }
        *latest = (*latest).max(Some(event.n));
    }

    /// Takes the whole lines at the beginning of what was read.
    pub(crate) fn take_lines(&mut self, read: &mut Vec<u8>, issued: &Issued) {
        let mut begin = 0;
        while let Some(length) = read[begin..].iter().position(|&byte| byte == b'\n') {
            self.take(&read[begin..begin + length], issued);
            begin += length + 1;
        }
        read.drain(..begin);
    }

    /// Takes a row that has no end.
    pub(crate) fn take_torn(&mut self, row: &[u8]) {
        if may_be_torn(row, self.seed) {
            self.torn += 1;
        } else {
            self.refuse(row);
        }
    }

    fn refuse(&mut self, row: &[u8]) {
        self.bad += 1;
        if self.shown.len() < SHOWN {
            let end = row.len().min(120);
            self.shown.push(row[..end].escape_ascii().to_string());
        }
    }

    /// Compares what came with what was sent.
    pub(crate) fn judge(&self, issued: &Issued) -> Judgement {
        let mut judgement = Judgement {
            distinct: self.distinct,
            bad: self.bad,
            shown: self.shown.clone(),
            torn: self.torn,
            inversions: self.inversions,
            ..Judgement::default()
        };
        let mut line = Vec::new();
        for client in 0..issued.clients() {
            for (n, issue) in issued.of(client).iter().enumerate() {
                let copies = self.copies[client].get(n).copied().unwrap_or(0);
                let n = n as u64;
                if copies == 0 && issue.acknowledged {
                    judgement.lost += 1;
                    judgement.first_lost.get_or_insert((client, n));
                }
                let surplus = u64::from(copies.saturating_sub(issue.sends));
                if surplus > 0 {
                    line.clear();
                    Event { client, n }.write(self.seed, &mut line);
                    judgement.duplicates += surplus;
                    judgement.duplicate_bytes += surplus * (line.len() as u64 + 1);
                }
            }
        }
        judgement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 3;

    fn row(n: u64) -> Vec<u8> {
        let mut line = Vec::new();
        Event { client: 0, n }.write(SEED, &mut line);
        line
    }

    /// Forty events were sent, thirty of them acknowledged; what comes out is `rows`.
    fn judged(rows: &[Vec<u8>]) -> Judgement {
        let issued = Issued::new(1);
        issued.send(0, 0..40);
        issued.acknowledge(0, 0..30);
        let mut arrivals = Arrivals::new(SEED, 1);
        rows.iter().for_each(|row| arrivals.take(row, &issued));
        arrivals.judge(&issued)
    }

    fn all() -> Vec<Vec<u8>> {
        (0..40).map(row).collect()
    }

    #[test]
    fn what_came_as_it_was_sent_is_right_with_or_without_the_unanswered() {
        for rows in [all(), all()[..30].to_vec(), all()[..35].to_vec()] {
            let Judgement { distinct, .. } = judged(&rows);
            let expected = Judgement {
                distinct,
                ..Judgement::default()
            };
            assert_eq!(judged(&rows), expected);
        }
    }

    #[test]
    fn an_acknowledged_event_that_did_not_come_is_lost() {
        let mut rows = all();
        rows.remove(12);
        let judgement = judged(&rows);
        assert_eq!((judgement.lost, judgement.first_lost), (1, Some((0, 12))));
    }

    #[test]
    fn a_copy_more_than_was_sent_is_a_duplicate_and_no_inversion() {
        let mut rows = all();
        rows.push(row(2));
        let judgement = judged(&rows);
        assert_eq!((judgement.duplicates, judgement.inversions), (1, 0));
        assert_eq!(judgement.duplicate_bytes, row(2).len() as u64 + 1);
    }

    #[test]
    fn a_later_event_of_a_key_before_an_earlier_one_is_an_inversion() {
        let mut rows = all();
        rows.swap(1, 1 + KEYS as usize);
        assert_eq!(judged(&rows).inversions, 1);
        let mut rows = all();
        rows.swap(1, 2);
        assert_eq!(judged(&rows).inversions, 0, "these two have different keys");
    }

    #[test]
    fn a_changed_byte_and_an_event_that_nobody_sent_are_bad_rows() {
        let mut changed = row(5);
        let at = changed.len() - 3;
        changed[at] ^= 1;
        for bad in [
            changed,
            row(40),
            b"hello".to_vec(),
            [row(1), row(2)].concat(),
        ] {
            let mut rows = all();
            rows.push(bad);
            assert_eq!(judged(&rows).bad, 1);
        }
        let mut rows = all();
        rows.push(row(7)[..60].to_vec());
        let judgement = judged(&rows);
        assert_eq!((judgement.bad, judgement.torn), (0, 1));
    }
}
