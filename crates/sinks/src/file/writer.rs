use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use super::config::{FileConfig, RotateConfig};
use super::kept::Kept;
use super::open::{Identity, Opened, lock_rows, open_rows, sync_dir};
use super::positions;
use super::rotated::Rotated;
use crate::append::{Appender, OpenFile};
use crate::rows::{split_rows, split_to_fit, total_bytes, total_rows};
use crate::{Rows, SinkError, WriteError, Writer};

/// Appends rows to a file, and moves it away when it is due.
pub(crate) struct FileWriter {
    path: PathBuf,
    sync: bool,
    rotate: Option<RotateConfig>,
    /// The sink's.
    name: Box<str>,
    rotated: Rotated,
    current: Appender<OpenFile>,
    /// Only a regular file has one, and only such a file is moved.
    identity: Option<Identity>,
    opened: Instant,
    /// Files that were moved away and hold rows that are not synced yet, oldest first.
    retired: Vec<Appender<OpenFile>>,
    /// With a journal: which of its rows are there. None is retired then.
    pub(super) kept: Option<Kept>,
}

impl FileWriter {
    pub(crate) fn open(
        name: &str,
        config: FileConfig,
        journal: Option<u64>,
    ) -> Result<Self, SinkError> {
        let failed = |action| {
            let path = config.path.clone();
            move |error| SinkError::io(action, path, error)
        };
        let locked = lock_rows(name, &config.path)?;
        let before = match locked.identity {
            Some(identity) => {
                positions::look(name, &config.path, identity, journal, !config.append)
                    .map_err(failed("read the positions of"))?
            }
            None => None,
        };
        let keep = match &before {
            _ if !config.append => Some(0),
            Some(before) => before.confirmed(name, &config.path, locked.len()),
            None => None,
        };
        let Opened { rows, identity } = locked.begin(&config.path, keep)?;
        if config.sync {
            sync_dir(&config.path).map_err(failed("sync the directory of"))?;
        }
        let kept = match before.zip(identity) {
            Some((before, identity)) => Some(
                before
                    .begin(identity, rows.len(), config.sync)
                    .map_err(failed("store the positions of"))?,
            ),
            None => None,
        };
        Ok(FileWriter {
            name: name.into(),
            rotated: Rotated::of(&config.path),
            path: config.path,
            sync: config.sync,
            rotate: config.rotate,
            current: rows,
            identity,
            opened: Instant::now(),
            retired: Vec::new(),
            kept: kept.map(Kept::new),
        })
    }

    /// Moves the file away and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        // What the old file holds is accounted for in it.
        self.settle()?;
        if self.is_in_place()? {
            self.rotated.take(&self.path, SystemTime::now())?;
        }
        self.begin_anew()?;
        let keep = self.rotate.as_ref().map_or(0, |rotate| rotate.keep);
        if keep > 0
            && let Err(error) = self.rotated.prune(keep as usize)
        {
            tracing::warn!(sink = &*self.name, path = %self.path.display(), %error, "cannot delete old files");
        }
        Ok(())
    }

    /// Whether the path still leads to the file that is open.
    fn is_in_place(&self) -> io::Result<bool> {
        match fs::metadata(&self.path) {
            Ok(metadata) => Ok(self.identity == Some(Identity::of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        let opened = open_rows(&self.name, &self.path).map_err(io::Error::other)?;
        if self.sync {
            sync_dir(&self.path)?;
        }
        // Before a row is in the new file: what is there already was not written here.
        if let (Some(kept), Some(identity)) = (&mut self.kept, opened.identity) {
            kept.positions.store(identity, opened.rows.len())?;
        }
        let mut old = std::mem::replace(&mut self.current, opened.rows);
        // A torn row is written again as a whole, in the new file.
        old.cut_torn();
        if self.sync && self.kept.is_none() {
            self.retired.push(old);
        }
        self.identity = opened.identity;
        self.opened = Instant::now();
        Ok(())
    }

    /// Writes rows file by file, each filled up to `size`.
    fn write_in_files(&mut self, batches: &[Rows<'_>], size: u64) -> Result<(), WriteError> {
        let mut done = 0;
        let mut rest = batches.to_vec();
        loop {
            let space = size.saturating_sub(self.current.len());
            let (mut fitting, mut left) = split_to_fit(&rest, space);
            // A row longer than a file gets one of its own; a torn one ends where it began.
            if fitting.is_empty() && (self.current.len() == 0 || self.current.is_torn()) {
                (fitting, left) = first_row(&rest);
            }
            self.put(&fitting).map_err(|error| error.after(done))?;
            done += total_rows(&fitting);
            if total_rows(&left) == 0 {
                return Ok(());
            }
            rest = left;
            self.rotate()
                .map_err(|error| WriteError::transient(error).after(done))?;
        }
    }
}

fn first_row<'a>(batches: &[Rows<'a>]) -> (Vec<Rows<'a>>, Vec<Rows<'a>>) {
    let mut rest: Vec<_> = batches
        .iter()
        .copied()
        .skip_while(|rows| rows.is_empty())
        .collect();
    match rest.first_mut() {
        Some(rows) => {
            let (first, others) = rows.split_at(1);
            *rows = others;
            (vec![first], rest)
        }
        None => (Vec::new(), rest),
    }
}

impl FileWriter {
    /// Writes rows, into as many files as that takes.
    fn write_all(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        let size = match &self.rotate {
            Some(RotateConfig {
                size: Some(size), ..
            }) if self.identity.is_some() => size.as_u64(),
            _ => u64::MAX,
        };
        let bytes = total_bytes(batches) as u64;
        if self.current.len().saturating_add(bytes) <= size {
            return self.put(batches);
        }
        self.write_in_files(batches, size)
    }

    /// Writes rows into the current file.
    fn put(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        let written = self.current.write(batches);
        if let Some(kept) = &mut self.kept {
            match &written {
                Ok(()) => kept.wrote(batches),
                Err(error) => kept.wrote(&split_rows(batches, error.done()).0),
            }
        }
        written
    }

    /// Stores how far the file goes, on stable storage if that is asked for: from here on the rows in it
    /// are never taken back. Fails for good until [`Writer::flush`] has told of it, since nothing else
    /// can make the driver bring these rows again.
    fn settle(&mut self) -> io::Result<()> {
        let (Some(kept), Some(identity)) = (&mut self.kept, self.identity) else {
            return Ok(());
        };
        kept.check()?;
        if self.current.unsynced_rows() == 0 && !kept.positions.differ(self.current.len()) {
            return Ok(());
        }
        let positions = &mut kept.positions;
        let stored = self
            .current
            .settle(self.sync, |length| positions.store(identity, length));
        kept.settled(stored)
    }
}

impl Writer for FileWriter {
    fn write(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        let Some(kept) = &self.kept else {
            return self.write_all(batches);
        };
        if kept.check().is_err() {
            return Ok(());
        }
        let (fresh, before) = (kept.fresh(batches), kept.written());
        let written = self.write_all(&fresh.rows);
        let Some(kept) = &mut self.kept else {
            return written;
        };
        match written {
            // The flush will tell.
            Err(_) if kept.check().is_err() => Ok(()),
            Err(error) => {
                let fresh_done = error.done();
                let done = kept.done(before, &fresh, fresh_done);
                Err(error.after(done - fresh_done))
            }
            Ok(()) => {
                kept.done(before, &fresh, total_rows(&fresh.rows));
                Ok(())
            }
        }
    }

    fn set_aside(&mut self, rows: &[Rows<'_>]) {
        if let Some(kept) = &mut self.kept {
            kept.positions.marks.set_aside(rows);
        }
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        if self.kept.is_some() {
            let settled = self.settle();
            let done = self.kept.as_mut().map_or(0, Kept::flushed);
            return settled.map_err(|error| WriteError::transient(error).after(done));
        }
        if !self.sync {
            return Ok(());
        }
        let mut done = 0;
        while let Some(file) = self.retired.first_mut() {
            let rows = file.unsynced_rows();
            if let Err(error) = file.sync() {
                // These rows are written again, behind what the later files hold: take that back too.
                self.retired.iter_mut().for_each(Appender::take_back);
                self.current.take_back();
                self.retired.clear();
                return Err(WriteError::transient(error).after(done));
            }
            done += rows;
            self.retired.remove(0);
        }
        self.current
            .sync()
            .map_err(|error| WriteError::transient(error).after(done))
    }

    fn reopen(&mut self) -> Result<(), WriteError> {
        if self.identity.is_none() || self.is_in_place().map_err(WriteError::transient)? {
            return Ok(());
        }
        self.settle()
            .and_then(|()| self.begin_anew())
            .map_err(WriteError::transient)
    }

    fn tick(&mut self, now: Instant) -> Result<Option<Instant>, WriteError> {
        let every = self.rotate.as_ref().and_then(|rotate| rotate.every);
        let Some(every) = every.filter(|_| self.identity.is_some()) else {
            return Ok(None);
        };
        if now.saturating_duration_since(self.opened) >= every {
            // A torn row ends in the file in which it began.
            if self.current.len() > 0 && !self.current.is_torn() {
                match self.rotate() {
                    // Not before the flush has told.
                    Err(_) if self.kept.as_ref().is_some_and(|kept| kept.check().is_err()) => {
                        return Ok(now.checked_add(Duration::from_millis(100)));
                    }
                    rotated => rotated.map_err(WriteError::transient)?,
                }
            }
            self.opened = now;
        }
        Ok(self.opened.checked_add(every))
    }

    fn longest_pause(&self) -> Duration {
        // Space comes back all at once, and to ask for it costs nobody anything.
        Duration::from_secs(2)
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
