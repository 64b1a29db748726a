//! What the disk buffer keeps of rows: where they come from and go, each with its place.

use std::sync::Arc;

use millpond_delivery::Lane;
use millpond_event::{Position, Records};
use millpond_queue::monotonic_nanos;

use crate::Rows;

/// The version of the format.
const VERSION: u8 = 2;
/// An earlier one, which did not say whose places its rows have: they are read without.
const OF_NO_JOURNAL: u8 = 1;
/// What a row's length takes up beside its bytes, and its position beside both.
const LENGTH: usize = 4;
const POSITION: usize = 12;

/// What the rows of a record have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) lane: &'a Lane,
    /// The journal that their places mean; none if no journal keeps their events.
    pub(super) journal: Option<u64>,
    /// On this process's clock.
    pub(super) received_nanos: u64,
}

/// Rows that came back from disk.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) records: Records,
    pub(super) lane: Lane,
    /// On this process's clock.
    pub(super) received_nanos: u64,
}

impl Head<'_> {
    fn name(&self) -> &[u8] {
        let name = self.lane.pipeline.as_bytes();
        &name[..name.len().min(usize::from(u16::MAX))]
    }

    /// What a row takes up beside its bytes.
    fn beside(&self) -> usize {
        self.journal.map_or(LENGTH, |_| LENGTH + POSITION)
    }

    /// How many rows from `first` on fit into a record of `most` bytes, one at least, and the bytes that
    /// it takes up.
    pub(super) fn cut(&self, rows: Rows<'_>, first: usize, most: usize) -> (usize, usize) {
        let journal = self.journal.map_or(0, |_| 8);
        let (mut count, mut bytes) = (0, 1 + 1 + journal + 2 + self.name().len() + 4 + 4 + 8);
        for row in first..rows.len() {
            let more = self.beside() + rows.row(row).len();
            if count > 0 && bytes + more > most {
                break;
            }
            (count, bytes) = (count + 1, bytes + more);
        }
        (count, bytes)
    }

    /// Appends a record of `count` rows from `first` on.
    pub(super) fn write(&self, rows: Rows<'_>, first: usize, count: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&[VERSION, u8::from(self.journal.is_some())]);
        if let Some(journal) = self.journal {
            out.extend_from_slice(&journal.to_le_bytes());
        }
        let name = self.name();
        out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        out.extend_from_slice(name);
        out.extend_from_slice(&self.lane.shard.to_le_bytes());
        let earlier = rows.place(first).map_or(0, |place| place.output);
        out.extend_from_slice(&earlier.to_le_bytes());
        out.extend_from_slice(&wall_micros(self.received_nanos).to_le_bytes());
        for row in first..first + count {
            if self.journal.is_some() {
                let Position { sequence, ordinal } = rows.position(row);
                out.extend_from_slice(&sequence.to_le_bytes());
                out.extend_from_slice(&ordinal.to_le_bytes());
            }
            let bytes = rows.row(row);
            // An append of the journal takes no more than its segment holds, which is less than this.
            out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(bytes);
        }
    }
}

/// Reads a record into `records`, which is empty. Places that `journal` did not give are left out: a
/// sink would compare them with those that it did.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(
    record: &[u8],
    journal: Option<u64>,
    mut records: Records,
) -> Result<Restored, String> {
    let mut rest = record;
    let (placed, ours) = match array(&mut rest, "version")? {
        [VERSION] => match array(&mut rest, "journal")? {
            [0] => (false, false),
            _ => {
                let theirs = u64::from_le_bytes(array(&mut rest, "journal")?);
                (true, journal == Some(theirs))
            }
        },
        [OF_NO_JOURNAL] => (true, false),
        [version] => {
            return Err(format!(
                "a record of version {version}, expected {OF_NO_JOURNAL} or {VERSION}: another release wrote it"
            ));
        }
    };
    let name = u16::from_le_bytes(array(&mut rest, "pipeline")?);
    let name = take(&mut rest, usize::from(name), "pipeline")?;
    let pipeline: Arc<str> = String::from_utf8_lossy(name).into();
    let shard = u32::from_le_bytes(array(&mut rest, "shard")?);
    let earlier = u32::from_le_bytes(array(&mut rest, "output index")?);
    let received = u64::from_le_bytes(array(&mut rest, "time")?);
    while !rest.is_empty() {
        let mut position = Position::NONE;
        if placed {
            position = Position {
                sequence: u64::from_le_bytes(array(&mut rest, "position")?),
                ordinal: u32::from_le_bytes(array(&mut rest, "position")?),
            };
        }
        let length = u32::from_le_bytes(array(&mut rest, "row")?);
        let bytes = take(&mut rest, length as usize, "row")?;
        let position = if ours { position } else { Position::NONE };
        records.push_at(0, position, |out| out.extend_from_slice(bytes));
    }
    if ours {
        records.set_earlier(earlier);
    }
    Ok(Restored {
        records,
        lane: Lane { pipeline, shard },
        received_nanos: nanos_here(received),
    })
}

/// A moment of this process as a time that another process understands.
fn wall_micros(nanos: u64) -> u64 {
    let ago = monotonic_nanos().saturating_sub(nanos) / 1_000;
    crate::driver::unix_micros().saturating_sub(ago)
}

/// The reverse.
fn nanos_here(micros: u64) -> u64 {
    let ago = crate::driver::unix_micros().saturating_sub(micros);
    monotonic_nanos().saturating_sub(ago.saturating_mul(1_000))
}

fn take<'a>(rest: &mut &'a [u8], length: usize, what: &str) -> Result<&'a [u8], String> {
    let (taken, behind) = rest.split_at_checked(length).ok_or_else(|| {
        let left = rest.len();
        format!("a record ends within its {what}: {left} bytes, expected {length}")
    })?;
    *rest = behind;
    Ok(taken)
}

fn array<const N: usize>(rest: &mut &[u8], what: &str) -> Result<[u8; N], String> {
    let taken = take(rest, N, what)?;
    // `take` gave as many as were asked for.
    taken.try_into().map_err(|_| what.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OURS: u64 = 7;

    fn lane() -> Lane {
        Lane {
            pipeline: "clicks".into(),
            shard: 5,
        }
    }

    /// A record of rows that the journal with this id placed.
    fn record(rows: &Records, journal: Option<u64>) -> Vec<u8> {
        let lane = lane();
        let head = Head {
            lane: &lane,
            journal,
            received_nanos: 0,
        };
        let mut record = Vec::new();
        head.write(Rows::of(rows, &lane), 0, rows.len(), &mut record);
        record
    }

    fn placed() -> Records {
        let mut records = Records::default();
        let position = Position {
            sequence: 3,
            ordinal: 4,
        };
        for text in ["a\n", "b\n"] {
            records.push_at(0, position, |out| out.extend_from_slice(text.as_bytes()));
        }
        records.set_earlier(2);
        records
    }

    #[test]
    fn a_place_that_another_journal_gave_does_not_come_back() {
        let rows = placed();
        for (theirs, now, kept) in [
            (Some(OURS), Some(OURS), true),
            (Some(OURS), Some(8), false),
            (Some(OURS), None, false),
            (None, Some(OURS), false),
        ] {
            let back = read(&record(&rows, theirs), now, Records::default()).expect("readable");
            assert_eq!(back.records.bytes(), b"a\nb\n");
            let (lane, whole) = (lane(), lane());
            let (back, rows) = (Rows::of(&back.records, &lane), Rows::of(&rows, &whole));
            for row in 0..2 {
                let expected = rows.place(row).filter(|_| kept);
                assert_eq!(back.place(row), expected, "{theirs:?} read beside {now:?}");
            }
        }
    }

    #[test]
    fn a_record_that_does_not_name_its_journal_comes_back_without_places() {
        // As the release before wrote it: version, pipeline, shard, output index, time, and two rows.
        let mut record = vec![1, 6, 0];
        record.extend_from_slice(b"clicks");
        record.extend_from_slice(&5_u32.to_le_bytes());
        record.extend_from_slice(&2_u32.to_le_bytes());
        record.extend_from_slice(&0_u64.to_le_bytes());
        for text in ["a\n", "b\n"] {
            record.extend_from_slice(&3_u64.to_le_bytes());
            record.extend_from_slice(&4_u32.to_le_bytes());
            record.extend_from_slice(&2_u32.to_le_bytes());
            record.extend_from_slice(text.as_bytes());
        }
        let back = read(&record, Some(OURS), Records::default()).expect("readable");
        assert_eq!(
            (back.records.bytes(), &back.lane),
            (&b"a\nb\n"[..], &lane())
        );
        assert_eq!(Rows::of(&back.records, &back.lane).place(1), None);
    }

    proptest! {
        /// However small the records are that rows are cut into, each row comes back with its bytes, its
        /// lane and its place, and no record is longer than was said.
        #[test]
        fn rows_come_back_with_their_places(
            rows in prop::collection::vec((0..5_u64, prop::collection::vec(any::<u8>(), 0..40)), 1..30),
            most in 1..300_usize,
            known: bool,
        ) {
            let mut records = Records::default();
            let mut sequence = 0;
            for (step, bytes) in &rows {
                sequence += step / 3;
                let position = match known {
                    true => Position { sequence, ordinal: 9 },
                    false => Position::NONE,
                };
                records.push_at(0, position, |out| out.extend_from_slice(bytes));
            }
            let lane = lane();
            let whole = Rows::of(&records, &lane);
            let journal = known.then_some(OURS);
            let head = Head { lane: &lane, journal, received_nanos: 0 };
            let mut first = 0;
            while first < whole.len() {
                let (count, bytes) = head.cut(whole, first, most);
                prop_assert!(count > 0 && (count == 1 || bytes <= most));
                let mut record = Vec::new();
                head.write(whole, first, count, &mut record);
                prop_assert_eq!(record.len(), bytes);
                let back = read(&record, journal, Records::default()).expect("readable");
                prop_assert_eq!(&back.lane, &lane);
                let back = Rows::of(&back.records, &lane);
                prop_assert_eq!(back.len(), count);
                for row in 0..count {
                    prop_assert_eq!(back.row(row), whole.row(first + row));
                    prop_assert_eq!(back.place(row), whole.place(first + row));
                }
                first += count;
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            let _ = read(&bytes, Some(OURS), Records::default());
        }
    }
}
