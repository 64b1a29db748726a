//! Allocating the next segment before it is needed.
//!
//! Space is reserved by writing zeros: setting the length alone reserves nothing, and a full disk
//! would show only after records were accepted. It costs each byte a second write, and saves the
//! syncs that follow from writing the file's metadata, too. Each step is synced, so that the first
//! group of a new segment does not pay for all of it.

use crate::checkpoint::NONE;
use crate::error::{Error, Result, is_full};
use crate::segment::{self, Segment};
use crate::storage::Storage;
use crate::writer::Journal;

/// The most zeros written in one go.
const STEP: u64 = 2 << 20;

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
        let failed = |doing, source| Error::io(doing, &segment::name(segment.number), source);
        match storage.write_at(&segment.file, &vec![0; step as usize], segment.len) {
            Ok(()) => {}
            Err(source) if is_full(&source) => {
                let name = segment.name();
                return Err(Error::DiskFull { name, source });
            }
            Err(source) => return Err(failed("allocate", source)),
        }
        storage
            .sync(&segment.file)
            .map_err(|source| failed("sync", source))?;
        segment.len += step;
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
        let used = self
            .shared
            .lock()
            .segments
            .iter()
            .map(|extent| extent.len)
            .sum::<u64>();
        let bound = self.options.max_bytes;
        if used + target > bound {
            return Err(Error::Full {
                used,
                needed: target,
                bound,
            });
        }
        let name = segment::name(number);
        let file = match self.shared.storage.create(&name) {
            Ok(file) => file,
            Err(source) if is_full(&source) => return Err(Error::DiskFull { name, source }),
            Err(source) => return Err(Error::io("create", &name, source)),
        };
        self.number = number.checked_add(1);
        let segment = Segment {
            number,
            file,
            len: 0,
        };
        self.preparing = Some(Preparing {
            segment,
            target,
            ready: false,
        });
        Ok(())
    }
}
