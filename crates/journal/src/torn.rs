//! Whether a write was cut short: what lies behind the last good frame, if it is neither the end of a
//! group nor the beginning of a segment that was never in use.

use crate::checkpoint::{Checkpoint, NONE};
use crate::error::Result;
use crate::frame::HEADER;
use crate::repair;
use crate::scan::Stop;
use crate::segment::{HEAD, Head, Segment};
use crate::storage::Storage;

/// A write that was cut short and never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub segment: u64,
    /// Where the good part ends.
    pub offset: u64,
    /// The sequence that its first record would have had.
    pub from: u64,
}

pub(crate) fn torn_tail<S: Storage>(
    storage: &S,
    checkpoint: &Checkpoint,
    segments: &[Segment<S::File>],
    stop: Option<Stop>,
    from: u64,
) -> Result<Option<TornTail>> {
    for segment in segments {
        let (offset, whole) = match stop {
            Some(stop) if segment.number < stop.segment => continue,
            Some(stop) if segment.number == stop.segment => {
                let whole = ends_well(storage, checkpoint.journal, segment, stop)?;
                (stop.offset, whole)
            }
            _ => (0, was_never_used(storage, checkpoint, segment)?),
        };
        if !whole {
            return Ok(Some(TornTail {
                segment: segment.number,
                offset,
                from,
            }));
        }
    }
    Ok(None)
}

/// Whether the last good group was written to its end and nothing was written over that.
fn ends_well<S: Storage>(
    storage: &S,
    journal: u64,
    segment: &Segment<S::File>,
    stop: Stop,
) -> Result<bool> {
    if stop.offset + HEADER as u64 > segment.len {
        return Ok(true);
    }
    let mut bytes = [0; HEADER];
    segment.read(storage, &mut bytes, stop.offset)?;
    Ok(bytes == stop.end(journal))
}

/// Whether the segment was not taken into use, which is done for a record that is accepted; if no
/// checkpoint says so, whether it is as it was made: zeros, or all that an earlier use of the file left.
fn was_never_used<S: Storage>(
    storage: &S,
    checkpoint: &Checkpoint,
    segment: &Segment<S::File>,
) -> Result<bool> {
    if checkpoint.newest != NONE && segment.number <= checkpoint.newest {
        return Ok(false);
    }
    let mut bytes = [0; HEAD];
    segment.read(storage, &mut bytes, 0)?;
    if let Some(head) = Head::of_any(&bytes) {
        let home = head.home;
        return Ok(home.journal == checkpoint.journal && home.segment != segment.number);
    }
    let mut zeros = true;
    repair::windows(storage, segment, 0, segment.len, |_, bytes| {
        zeros &= bytes.iter().all(|&byte| byte == 0);
        Ok(())
    })?;
    Ok(zeros)
}
