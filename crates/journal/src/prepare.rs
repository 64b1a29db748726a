//! Having the next segment ready before it is needed.
//!
//! One that was let go is given the next number and used again: its space is there, its pages are in
//! memory, and nothing but records is ever written. What is in it was sealed for its old number.
//!
//! If there is none, space is reserved by writing zeros: setting the length alone reserves nothing,
//! and a full disk would show only after records were accepted. It costs each byte a second write, and
//! saves the syncs that follow from writing the file's metadata, too. Each step is synced, so that the
//! first group of a new segment does not pay for all of it.

use std::io;

use crate::checkpoint::NONE;
use crate::error::{Error, Result, is_full};
use crate::segment::{self, Segment};
use crate::storage::Storage;
use crate::writer::Journal;

/// The most zeros written in one go.
const STEP: u64 = 2 << 20;
/// What they are written from: a buffer of their own would cost a page fault for each of its pages,
/// every time.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
/// How many segments that were let go are kept: as many as one truncation lets go at full speed. They
/// were within the journal's bound before, so they are now.
const SPARES: usize = 2;

/// A segment that is not in use yet; its length is what has been written of it.
pub(crate) struct Preparing<F> {
    pub(crate) segment: Segment<F>,
    target: u64,
    ready: bool,
}

impl<S: Storage> Journal<S> {
    /// Does a piece of the work, and says whether the next segment is ready.
    pub(crate) fn prepare_some(&mut self) -> Result<bool> {
        let target = self.options.segment_bytes;
        if self.preparing.is_none() {
            self.begin_next(target)?;
        }
        let storage = &self.shared.storage;
        let Some(next) = &mut self.preparing else {
            return Ok(false);
        };
        if next.ready {
            return Ok(true);
        }
        let segment = &mut next.segment;
        let step = (next.target - segment.len).min(STEP.min(target / 4).max(1));
        if step > 0 {
            let failed = |doing, source| Error::io(doing, &segment::name(segment.number), source);
            for at in (0..step).step_by(ZEROS.len()) {
                let zeros = &ZEROS[..ZEROS.len().min((step - at) as usize)];
                storage
                    .write_at(&segment.file, zeros, segment.len + at)
                    .map_err(|source| refused("allocate", &segment.name(), source))?;
            }
            storage
                .sync(&segment.file)
                .map_err(|source| failed("sync", source))?;
            segment.len += step;
        }
        if segment.len == next.target {
            storage
                .sync_names()
                .map_err(|source| Error::io("sync", "the journal's folder", source))?;
            next.ready = true;
        }
        Ok(next.ready)
    }

    fn begin_next(&mut self, target: u64) -> Result<()> {
        let number = self.number.filter(|&number| number != NONE);
        let number = number.ok_or(Error::Exhausted { what: "segment" })?;
        self.remove_spares()?;
        let used = self.shared.used_bytes();
        let bound = self.options.max_bytes;
        if self.spares.is_empty() && used + target > bound {
            return Err(Error::Full {
                used,
                needed: target,
                bound,
            });
        }
        let segment = match self.spares.front() {
            Some(spare) => reuse(&self.shared.storage, spare.number, number)?,
            None => create(&self.shared.storage, number)?,
        };
        self.spares.pop_front();
        self.number = number.checked_add(1);
        self.preparing = Some(Preparing {
            segment,
            target,
            ready: false,
        });
        Ok(())
    }

    /// Removes those segments that were let go and will not be used again, the oldest first, so that
    /// no hole comes to be between the rest and the segments in use. Says whether there were any.
    pub(crate) fn remove_spares(&mut self) -> Result<bool> {
        let mut removed = false;
        while let Some(spare) = self.spares.front()
            && (self.spares.len() > SPARES || spare.len != self.options.segment_bytes)
        {
            let name = segment::name(spare.number);
            match self.shared.storage.remove(&name) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", &name, source));
                }
                _ => {}
            }
            self.spares.pop_front();
            removed = true;
        }
        Ok(removed)
    }
}

fn create<S: Storage>(storage: &S, number: u64) -> Result<Segment<S::File>> {
    let name = segment::name(number);
    let file = storage
        .create(&name)
        .map_err(|source| refused("create", &name, source))?;
    Ok(Segment {
        number,
        file,
        len: 0,
    })
}

/// Takes the file of a segment that was let go. What is in it was sealed for another number, so none
/// of it verifies under this one; nothing is written before the new name is durable, so no other name
/// leads to it.
fn reuse<S: Storage>(storage: &S, spare: u64, number: u64) -> Result<Segment<S::File>> {
    let (from, to) = (segment::name(spare), segment::name(number));
    storage
        .rename(&from, &to)
        .map_err(|source| refused("rename", &from, source))?;
    Segment::open(storage, number)
}

fn refused(doing: &'static str, name: &str, source: io::Error) -> Error {
    if is_full(&source) {
        let name = name.to_owned();
        Error::DiskFull { name, source }
    } else {
        Error::io(doing, name, source)
    }
}
