//! The few writes that opening a journal does.

use crate::error::{Error, Result};
use crate::frame::{HEADER, Home};
use crate::scan::Stop;
use crate::segment::{self, Head, Segment};
use crate::shared::Extent;
use crate::storage::Storage;

const WINDOW: u64 = 256 << 10;

/// Writes the last group over itself. What was read may be there only in memory: a process that ended
/// between write and sync leaves it so, and after a sync that failed the system takes it for written.
/// Were it not written anew, it could vanish after it was read and acknowledged.
pub(crate) fn renew<S: Storage>(storage: &S, segment: &Segment<S::File>, stop: Stop) -> Result<()> {
    windows(
        storage,
        segment,
        stop.group_start,
        stop.offset,
        |at, bytes| write(storage, segment, bytes, at),
    )
}

/// Makes the end of the last segment fit to be written on: its last group ends as it should, and no
/// stale frame of a torn group lies where a later one could make it look like its successor.
pub(crate) fn end<S: Storage>(
    storage: &S,
    segment: &Segment<S::File>,
    stop: Stop,
    journal: u64,
    bad_head: Option<&Extent>,
) -> Result<()> {
    if let Some(extent) = bad_head {
        let home = Home {
            journal,
            segment: segment.number,
        };
        let head = Head {
            home,
            first: extent.first,
            capacity: segment.len,
        };
        write(storage, segment, &head.bytes(), 0)?;
    }
    let behind = stop.offset + HEADER as u64;
    if behind <= segment.len {
        write(storage, segment, &stop.end(journal), stop.offset)?;
    }
    windows(storage, segment, behind, segment.len, |at, bytes| {
        if bytes.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        bytes.fill(0);
        write(storage, segment, bytes, at)
    })
}

pub(crate) fn sync<S: Storage>(storage: &S, segment: &Segment<S::File>) -> Result<()> {
    storage
        .sync(&segment.file)
        .map_err(|source| Error::io("sync", &segment.name(), source))
}

/// Removes segments that were never taken into use, durably: their numbers may be given again.
pub(crate) fn remove<S: Storage>(storage: &S, numbers: impl Iterator<Item = u64>) -> Result<()> {
    let mut removed = false;
    for number in numbers {
        let name = segment::name(number);
        storage
            .remove(&name)
            .map_err(|source| Error::io("remove", &name, source))?;
        removed = true;
    }
    if removed {
        storage
            .sync_names()
            .map_err(|source| Error::io("sync", "the journal's folder", source))?;
    }
    Ok(())
}

fn write<S: Storage>(
    storage: &S,
    segment: &Segment<S::File>,
    bytes: &[u8],
    offset: u64,
) -> Result<()> {
    storage
        .write_at(&segment.file, bytes, offset)
        .map_err(|source| Error::io("write", &segment.name(), source))
}

/// Hands over what lies between `from` and `to`, piece by piece.
pub(crate) fn windows<S: Storage>(
    storage: &S,
    segment: &Segment<S::File>,
    from: u64,
    to: u64,
    mut each: impl FnMut(u64, &mut [u8]) -> Result<()>,
) -> Result<()> {
    let mut window = vec![0; to.saturating_sub(from).min(WINDOW) as usize];
    let mut at = from;
    while at < to {
        let length = (to - at).min(WINDOW) as usize;
        let read = segment.read(storage, &mut window[..length], at)?;
        each(at, &mut window[..read])?;
        at += length as u64;
    }
    Ok(())
}
