//! What the tests have in common: a model of a journal, and how it is compared with a real one.

#![allow(dead_code, reason = "each test uses some of it")]

use std::io::Write;

use millpond_journal::sim::Sim;
use millpond_journal::{Error, Journal, Options, Origin, Report, Storage};

/// Says why a test does not do what it is for, on the terminal itself: what a test prints is shown only
/// if it fails.
pub(crate) fn skipped(why: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// Small segments, so that few records reach every seam.
pub(crate) fn small() -> Options {
    Options {
        segment_bytes: 1024,
        max_bytes: 8 * 1024,
        origin: Origin {
            journal: Some(7),
            ..Origin::default()
        },
    }
}

/// Records with their sequences.
pub(crate) type Found = Vec<(u64, Vec<u8>)>;

/// Every record from `from` to what is durable, and what kept the reader from going there.
pub(crate) fn read<S: Storage>(journal: &Journal<S>, from: u64) -> (Found, Option<Error>) {
    let mut records = Found::new();
    let mut reader = match journal.reader(from) {
        Ok(reader) => reader,
        Err(error) => return (records, Some(error)),
    };
    loop {
        match reader.next_records() {
            Ok(Some(batch)) => records.extend(batch.map(|(at, bytes)| (at, bytes.to_vec()))),
            Ok(None) => return (records, None),
            Err(error) => return (records, Some(error)),
        }
    }
}

/// What a journal must hold.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// The sequence of the first record ever.
    base: u64,
    records: Vec<Vec<u8>>,
    /// Below this everything was acknowledged.
    durable: u64,
    /// The last committed sequence that was acknowledged, and the highest that was asked for.
    committed: u64,
    asked: u64,
    /// Makes every record unlike those that were lost at its sequence.
    made: u64,
}

impl Model {
    pub(crate) fn new(base: u64) -> Self {
        Self {
            base,
            records: Vec::new(),
            durable: base,
            committed: base,
            asked: base,
            made: 0,
        }
    }

    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    pub(crate) fn committed(&self) -> u64 {
        self.committed
    }

    /// Records to append: `count` of them, each of up to `longest` bytes.
    pub(crate) fn make(
        &mut self,
        random: &mut fastrand::Rng,
        count: usize,
        longest: usize,
    ) -> Vec<Vec<u8>> {
        let one = |_| {
            self.made += 1;
            let mut bytes = vec![0; random.usize(0..=longest)];
            random.fill(&mut bytes);
            bytes.extend_from_slice(&self.made.to_le_bytes());
            bytes
        };
        (0..count).map(one).collect()
    }

    /// These were accepted.
    pub(crate) fn appended(&mut self, range: std::ops::Range<u64>, records: &[Vec<u8>]) {
        assert_eq!(range.start, self.end());
        self.records.extend_from_slice(records);
        assert_eq!(range.end, self.end());
    }

    /// Everything below `sequence` was acknowledged.
    pub(crate) fn synced(&mut self, sequence: u64) {
        assert_eq!(sequence, self.end(), "a sync covers all that was appended");
        self.durable = sequence;
    }

    pub(crate) fn truncating(&mut self, sequence: u64) {
        self.asked = self.asked.max(sequence);
    }

    pub(crate) fn truncated(&mut self, sequence: u64) {
        self.committed = self.committed.max(sequence);
    }

    fn end(&self) -> u64 {
        self.base + self.records.len() as u64
    }

    /// Compares with a journal that was just opened, and goes on from what it holds.
    pub(crate) fn check<S: Storage>(&mut self, journal: &Journal<S>, report: &Report) {
        assert_eq!(report.damages, [], "nothing was damaged");
        let next = journal.next_sequence();
        assert!(
            (self.durable..=self.end()).contains(&next),
            "{} acknowledged, {} accepted, {next} recovered",
            self.durable,
            self.end()
        );
        let committed = journal.committed_sequence();
        assert!(
            (self.committed..=self.asked).contains(&committed),
            "{} committed, {} asked for, {committed} recovered",
            self.committed,
            self.asked
        );
        self.records.truncate((next - self.base) as usize);
        self.durable = next;
        self.committed = committed;
        self.asked = committed;
        self.check_records(journal);
    }

    /// Compares what can be read.
    pub(crate) fn check_records<S: Storage>(&self, journal: &Journal<S>) {
        let (found, error) = read(journal, self.committed);
        assert!(error.is_none(), "{error:?}, though nothing was damaged");
        let skip = (self.committed - self.base) as usize;
        // A segment that fills up is synced without being asked.
        let expected = self.durable - self.committed..=self.end() - self.committed;
        assert!(
            expected.contains(&(found.len() as u64)),
            "{} of {expected:?}",
            found.len()
        );
        for ((sequence, bytes), (at, expected)) in found
            .iter()
            .zip((self.committed..).zip(&self.records[skip..]))
        {
            assert_eq!((*sequence, bytes), (at, expected));
        }
    }
}

/// One call on the journal, chosen at random; an error ends this opening of it.
pub(crate) fn step(
    random: &mut fastrand::Rng,
    journal: &mut Journal<Sim>,
    model: &mut Model,
) -> Result<(), Error> {
    match random.u8(0..20) {
        0..11 => {
            let count = random.usize(1..5);
            let records = model.make(random, count, 120);
            match journal.append(&records) {
                Ok(range) => model.appended(range, &records),
                Err(error) if error.heals() => {}
                Err(error) => return Err(error),
            }
        }
        11..16 => model.synced(journal.sync()?),
        16..19 => {
            let sequence = random.u64(model.committed()..=model.durable());
            model.truncating(sequence);
            journal.truncate(sequence)?;
            model.truncated(sequence);
        }
        _ => model.check_records(journal),
    }
    Ok(())
}
