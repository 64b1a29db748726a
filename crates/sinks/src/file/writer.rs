use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use super::config::{FileConfig, RotateConfig};
use super::open::{Identity, Opened, open_rows, sync_dir};
use super::rotated::Rotated;
use crate::append::{Appender, OpenFile};
use crate::rows::{split_to_fit, total_bytes, total_rows};
use crate::{Rows, SinkError, WriteError, Writer};

/// Appends rows to a file, and moves it away when it is due.
pub(crate) struct FileWriter {
    path: PathBuf,
    sync: bool,
    rotate: Option<RotateConfig>,
    rotated: Rotated,
    current: Appender<OpenFile>,
    /// Only a regular file has one, and only such a file is moved.
    identity: Option<Identity>,
    opened: Instant,
    /// Files that were moved away and hold rows that are not synced yet, oldest first.
    retired: Vec<Appender<OpenFile>>,
}

impl FileWriter {
    pub(crate) fn open(config: FileConfig) -> Result<Self, SinkError> {
        let Opened { rows, identity } = open_rows(&config.path, !config.append)?;
        if config.sync {
            sync_dir(&config.path)
                .map_err(|error| SinkError::io("sync the directory of", &config.path, error))?;
        }
        Ok(FileWriter {
            rotated: Rotated::of(&config.path),
            path: config.path,
            sync: config.sync,
            rotate: config.rotate,
            current: rows,
            identity,
            opened: Instant::now(),
            retired: Vec::new(),
        })
    }

    /// Moves the file away and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        if self.is_in_place()? {
            self.rotated.take(&self.path, SystemTime::now())?;
        }
        self.begin_anew()?;
        let keep = self.rotate.as_ref().map_or(0, |rotate| rotate.keep);
        if keep > 0
            && let Err(error) = self.rotated.prune(keep as usize)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot delete old files");
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
        let opened = open_rows(&self.path, false).map_err(io::Error::other)?;
        if self.sync {
            sync_dir(&self.path)?;
        }
        let mut old = std::mem::replace(&mut self.current, opened.rows);
        // A torn row is written again as a whole, in the new file.
        old.cut_torn();
        if self.sync {
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
            self.current
                .write(&fitting)
                .map_err(|error| error.after(done))?;
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

impl Writer for FileWriter {
    fn write(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        let size = match &self.rotate {
            Some(RotateConfig {
                size: Some(size), ..
            }) if self.identity.is_some() => size.as_u64(),
            _ => u64::MAX,
        };
        if self
            .current
            .len()
            .saturating_add(total_bytes(batches) as u64)
            <= size
        {
            return self.current.write(batches);
        }
        self.write_in_files(batches, size)
    }

    fn flush(&mut self) -> Result<(), WriteError> {
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
        self.begin_anew().map_err(WriteError::transient)
    }

    fn tick(&mut self, now: Instant) -> Result<Option<Instant>, WriteError> {
        let every = self.rotate.as_ref().and_then(|rotate| rotate.every);
        let Some(every) = every.filter(|_| self.identity.is_some()) else {
            return Ok(None);
        };
        if now.saturating_duration_since(self.opened) >= every {
            // A torn row ends in the file in which it began.
            if self.current.len() > 0 && !self.current.is_torn() {
                self.rotate().map_err(WriteError::transient)?;
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
