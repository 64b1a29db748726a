use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::append::{Appender, OpenFile};
use crate::file::open_rows;
use crate::rows::{split_to_fit, total_bytes, total_rows};
use crate::{ConfigError, Rows, SinkError, WriteError, Writer};

/// Letters come a few at a time, one parcel for each chunk that has some: without this, each would cost a wake-up and
/// a write.
const GATHER: Duration = Duration::from_millis(5);

/// Where dead letters go.
///
/// ```toml
/// [dead_letters]
/// path = "data/dead-letters"
/// max = "1GiB"                # default
/// ```
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadLetterConfig {
    /// The directory of the store; created if need be. It belongs to one process at a time.
    pub path: PathBuf,
    /// The most bytes it may hold, at least 64 KiB. Beyond that the oldest letters are deleted and
    /// counted.
    #[serde(default = "one_gib")]
    #[schemars(with = "String")]
    pub max: ByteSize,
}

fn one_gib() -> ByteSize {
    ByteSize::gib(1)
}

impl DeadLetterConfig {
    /// A store in `path` with the default size.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        DeadLetterConfig {
            path: path.into(),
            max: one_gib(),
        }
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key and what was expected.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.path.as_os_str().is_empty() {
            let message = "is empty, expected a directory such as \"data/dead-letters\"";
            return Err(ConfigError::new("path", message));
        }
        if self.max.as_u64() < 64 << 10 {
            let message = format!("{} is too small, expected at least 64KiB", self.max);
            return Err(ConfigError::new("max", message));
        }
        Ok(())
    }
}

/// Opens the store of dead letters. It is a [`Writer`] like any sink's, fed with the lines of
/// [`DeadLetter::write_to`](crate::DeadLetter::write_to).
///
/// # Errors
/// [`SinkError`] when the directory cannot be used, or is in use.
pub fn dead_letter_store(config: &DeadLetterConfig) -> Result<DeadLetterStore, SinkError> {
    DeadLetterStore::open(&config.path, config.max.as_u64())
}

/// A directory of segment files (`dead-letters-000001.ndjson`, ...), each a sixteenth of the store.
/// When it is full the oldest segment makes room.
pub struct DeadLetterStore {
    directory: PathBuf,
    max: u64,
    segment: u64,
    /// Numbers and sizes of the segments before the current one, oldest first.
    older: VecDeque<(u64, u64)>,
    number: u64,
    current: Appender<OpenFile>,
    counts: Arc<Counts>,
    /// Holds the lock that keeps other processes out.
    _lock: File,
}

#[derive(Default)]
struct Counts {
    dropped: AtomicU64,
    bytes: AtomicU64,
    segments: AtomicU64,
}

/// A read-only view of the store of dead letters. Clones are cheap.
#[derive(Clone)]
pub struct DeadLetterView {
    counts: Arc<Counts>,
}

impl DeadLetterView {
    /// The reason under which letters count that had to make room.
    pub const DROPPED_REASON: &str = "dead_letters_full";

    /// Letters deleted by this process to make room.
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Bytes in the store.
    pub fn bytes(&self) -> u64 {
        self.counts.bytes.load(Ordering::Relaxed)
    }

    /// Segment files in the store.
    pub fn segments(&self) -> u64 {
        self.counts.segments.load(Ordering::Relaxed)
    }
}

impl DeadLetterStore {
    fn open(directory: &Path, max: u64) -> Result<Self, SinkError> {
        let failed = |action| move |error| SinkError::io(action, directory, error);
        fs::create_dir_all(directory).map_err(failed("create directory"))?;
        let lock = File::open(directory).map_err(failed("open directory"))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(SinkError::InUse {
                    path: directory.into(),
                });
            }
            Err(TryLockError::Error(error)) => {
                tracing::warn!(path = %directory.display(), %error, "cannot lock the directory");
            }
            Ok(()) => {}
        }
        let mut older = VecDeque::from(segments(directory).map_err(failed("list"))?);
        let number = older.pop_back().map_or(1, |(number, _)| number);
        let mut store = DeadLetterStore {
            current: open_rows(&directory.join(file_name(number)), false)?.rows,
            directory: directory.into(),
            max,
            segment: (max / 16).clamp(4 << 10, 64 << 20),
            older,
            number,
            counts: Arc::default(),
            _lock: lock,
        };
        // A smaller store than the last time: the rule for room needs the current segment within bounds.
        if store.current.len() > store.segment {
            store
                .begin_segment()
                .map_err(failed("begin a segment in"))?;
        }
        store
            .make_room(0)
            .map_err(failed("delete old segments in"))?;
        store.publish();
        Ok(store)
    }

    /// A read-only view for metrics.
    pub fn view(&self) -> DeadLetterView {
        DeadLetterView {
            counts: self.counts.clone(),
        }
    }

    fn bytes(&self) -> u64 {
        self.current.len() + self.older.iter().map(|(_, bytes)| bytes).sum::<u64>()
    }

    fn publish(&self) {
        self.counts.bytes.store(self.bytes(), Ordering::Relaxed);
        let segments = self.older.len() as u64 + 1;
        self.counts.segments.store(segments, Ordering::Relaxed);
    }

    /// Deletes the oldest segments until `bytes` more fit, or only the current one is left.
    fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        while self.bytes().saturating_add(bytes) > self.max
            && let Some(&(number, _)) = self.older.front()
        {
            let path = self.directory.join(file_name(number));
            let letters = match count_lines(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
                counted => {
                    let letters = counted?;
                    fs::remove_file(&path)?;
                    letters
                }
            };
            self.older.pop_front();
            self.count_dropped(letters, "the dead letters are full, the oldest are deleted");
        }
        Ok(())
    }

    fn count_dropped(&self, letters: u64, message: &str) {
        self.counts.dropped.fetch_add(letters, Ordering::Relaxed);
        let path = self.directory.display();
        tracing::warn!(%path, letters, max = %ByteSize(self.max), "{message}");
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        let number = self.number + 1;
        let path = self.directory.join(file_name(number));
        let opened = open_rows(&path, false).map_err(io::Error::other)?;
        self.older.push_back((self.number, self.current.len()));
        self.number = number;
        self.current = opened.rows;
        Ok(())
    }

    /// Writes leading rows of `rows`, which has some; returns how many are dealt with, and the rest.
    fn write_some<'a>(&mut self, rows: &[Rows<'a>]) -> Result<(usize, Vec<Rows<'a>>), WriteError> {
        let space = self.segment.saturating_sub(self.current.len());
        let (mut fitting, mut rest) = split_to_fit(rows, space);
        if total_rows(&fitting) == 0 {
            if self.current.len() > 0 && !self.current.is_torn() {
                self.begin_segment().map_err(WriteError::transient)?;
                return Ok((0, rest));
            }
            // Longer than a segment: it gets one of its own, unless the whole store is too small.
            (fitting, rest) = split_first(rest);
        }
        let (bytes, count) = (total_bytes(&fitting) as u64, total_rows(&fitting));
        if bytes > self.max {
            self.count_dropped(count as u64, "a dead letter is larger than the whole store");
            return Ok((count, rest));
        }
        self.make_room(bytes).map_err(WriteError::transient)?;
        self.current.write(&fitting)?;
        Ok((count, rest))
    }
}

fn split_first<'a>(mut rows: Vec<Rows<'a>>) -> (Vec<Rows<'a>>, Vec<Rows<'a>>) {
    match rows.iter().position(|rows| !rows.is_empty()) {
        Some(at) => {
            let (first, others) = rows[at].split_at(1);
            rows[at] = others;
            (vec![first], rows.split_off(at))
        }
        None => (Vec::new(), Vec::new()),
    }
}

impl Writer for DeadLetterStore {
    fn gather(&self) -> Duration {
        GATHER
    }

    fn write(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        let mut done = 0;
        let mut rest = batches.to_vec();
        while total_rows(&rest) > 0 {
            let some = self.write_some(&rest).map_err(|error| error.after(done));
            self.publish();
            let (count, left) = some?;
            done += count;
            rest = left;
        }
        Ok(())
    }

    fn longest_pause(&self) -> Duration {
        Duration::from_secs(2)
    }
}

fn file_name(number: u64) -> String {
    format!("dead-letters-{number:06}.ndjson")
}

/// The segments in a directory with their sizes, oldest first.
fn segments(directory: &Path) -> io::Result<Vec<(u64, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix("dead-letters-")?.strip_suffix(".ndjson"))
            .and_then(|number| number.parse().ok())
            .filter(|&number| name.to_str() == Some(&file_name(number)));
        if let Some(number) = number {
            found.push((number, entry.metadata()?.len()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn count_lines(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 << 10];
    let mut lines = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(lines),
            read => lines += buffer[..read].iter().filter(|&&byte| byte == b'\n').count() as u64,
        }
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
