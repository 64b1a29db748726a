//! What the disk buffer keeps of rows: where they come from and go, each with its place.

use std::sync::Arc;

use millpond_delivery::Lane;
use millpond_event::{Position, Records};
use millpond_queue::monotonic_nanos;

use crate::Rows;

/// The version of the format.
const VERSION: u8 = 1;
/// What a row takes up beside its bytes.
const ROW: usize = 16;

/// Rows that came back from disk.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) records: Records,
    pub(super) lane: Lane,
    /// On this process's clock.
    pub(super) received_nanos: u64,
}

/// Writes as many rows from `first` on as fit into `most` bytes, one at least; returns how many.
pub(super) fn write(
    rows: Rows<'_>,
    lane: &Lane,
    received_nanos: u64,
    first: usize,
    most: usize,
    out: &mut Vec<u8>,
) -> usize {
    let begin = out.len();
    out.push(VERSION);
    let name = lane.pipeline.as_bytes();
    let name = &name[..name.len().min(usize::from(u16::MAX))];
    out.extend_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend_from_slice(name);
    out.extend_from_slice(&lane.shard.to_le_bytes());
    let earlier = rows.place(first).map_or(0, |place| place.output);
    out.extend_from_slice(&earlier.to_le_bytes());
    out.extend_from_slice(&wall_micros(received_nanos).to_le_bytes());
    let mut written = 0;
    for row in first..rows.len() {
        let bytes = rows.row(row);
        if written > 0 && out.len() - begin + ROW + bytes.len() > most {
            break;
        }
        let place = rows.place(row).map(|place| place.position);
        let position = place.unwrap_or(Position::NONE);
        out.extend_from_slice(&position.sequence.to_le_bytes());
        out.extend_from_slice(&position.ordinal.to_le_bytes());
        // An append of the journal takes no more than its segment holds, which is less than this.
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        out.extend_from_slice(bytes);
        written += 1;
    }
    written
}

/// Reads a record; `lane` makes a lane of a pipeline's name and a shard, `records` is empty.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(record: &[u8], mut records: Records) -> Result<Restored, String> {
    let mut rest = record;
    let [version] = array(&mut rest, "version")?;
    if version != VERSION {
        return Err(format!(
            "a record of version {version}, expected {VERSION}: another release wrote it"
        ));
    }
    let name = u16::from_le_bytes(array(&mut rest, "pipeline")?);
    let name = take(&mut rest, usize::from(name), "pipeline")?;
    let pipeline: Arc<str> = String::from_utf8_lossy(name).into();
    let shard = u32::from_le_bytes(array(&mut rest, "shard")?);
    let earlier = u32::from_le_bytes(array(&mut rest, "output index")?);
    let received = u64::from_le_bytes(array(&mut rest, "time")?);
    while !rest.is_empty() {
        let position = Position {
            sequence: u64::from_le_bytes(array(&mut rest, "position")?),
            ordinal: u32::from_le_bytes(array(&mut rest, "position")?),
        };
        let length = u32::from_le_bytes(array(&mut rest, "row")?);
        let bytes = take(&mut rest, length as usize, "row")?;
        records.push_at(0, position, |out| out.extend_from_slice(bytes));
    }
    records.set_earlier(earlier);
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

    proptest! {
        /// However small the records are that rows are cut into, each row comes back with its bytes, its
        /// lane and its place.
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
            let lane = Lane { pipeline: "clicks".into(), shard: 5 };
            let whole = Rows::of(&records, &lane);
            let mut first = 0;
            while first < whole.len() {
                let mut record = Vec::new();
                let written = write(whole, &lane, 0, first, most, &mut record);
                prop_assert!(written > 0);
                let back = read(&record, Records::default()).expect("readable");
                prop_assert_eq!(&back.lane, &lane);
                let back = Rows::of(&back.records, &lane);
                prop_assert_eq!(back.len(), written);
                for row in 0..written {
                    prop_assert_eq!(back.row(row), whole.row(first + row));
                    prop_assert_eq!(back.place(row), whole.place(first + row));
                }
                first += written;
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            let _ = read(&bytes, Records::default());
        }
    }
}
