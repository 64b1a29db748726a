use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use bytesize::ByteSize;
use futures_lite::future::block_on;
use millpond_delivery::OpenGuard;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::feed::Feed;
use crate::resume::{Resumed, partition};
use crate::settings::{default_max_line, max_line};
use crate::{BoxFuture, ConfigError, Inlet, Opened, Source, SourceError, Wake, WakePipe};

/// How often a followed file is looked at that had nothing new.
const LOOK: Duration = Duration::from_millis(100);
/// How many buffers are read from one followed file before the next has its turn.
const TURN: usize = 16;

/// Files, read to their end or followed as they grow: `type = "file"`.
///
/// ```toml
/// [sources.log]
/// type = "file"
/// path = "events.ndjson"    # or a list of paths, read one after the other
/// follow = false            # true: goes on as the file grows, until told to stop
/// max_line = "1MiB"         # longer lines are refused
/// ```
///
/// Every file is a partition whose byte offsets are those of the file. A followed file is looked at
/// every 100 ms. When its path leads to another file (rotation), the old one is read to its end
/// and the new one from its beginning; while the path leads nowhere, the old one stays open. When it
/// has become shorter than what was read of it (truncation), it is read from its beginning, and its
/// events are counted on. Either way a half line at the end of what was there counts as a line. A
/// file that is truncated and grows beyond the old position between two looks is taken for one that
/// grew.
///
/// Where a journal keeps the events, it also keeps how far each file was read: after a restart, however
/// the process ended, reading goes on from there. A file is known by its device, inode and time of
/// birth, so one that was renamed is still the same.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// The file, or several.
    pub path: Paths,
    /// Whether to go on at the end of the file and wait for more.
    #[serde(default)]
    pub follow: bool,
    /// The longest line in bytes, its newline not counted.
    #[serde(default = "default_max_line")]
    #[schemars(with = "String")]
    pub max_line: ByteSize,
}

/// One path or a list of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a path or a list of paths")]
pub enum Paths {
    /// One path.
    One(PathBuf),
    /// A list of paths.
    Many(Vec<PathBuf>),
}

impl FileConfig {
    pub(crate) fn checked(self) -> Result<Box<dyn Source>, ConfigError> {
        let max_line = max_line(self.max_line)?;
        let paths = match self.path {
            Paths::One(path) => vec![path],
            Paths::Many(paths) => paths,
        };
        if paths.is_empty() {
            return Err(ConfigError::new(
                "path",
                "an empty list, expected at least one path",
            ));
        }
        Ok(Box::new(Files {
            paths,
            follow: self.follow,
            max_line,
        }))
    }
}

struct Files {
    paths: Vec<PathBuf>,
    follow: bool,
    max_line: usize,
}

impl Source for Files {
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Opened>, SourceError>> {
        Box::pin(async_std::task::spawn_blocking(move || {
            let files = self.paths.into_iter().map(open).collect::<Result<_, _>>()?;
            Ok(Box::new(Reader {
                files,
                follow: self.follow,
                max_line: self.max_line,
            }) as Box<dyn Opened>)
        }))
    }

    fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

fn open(path: PathBuf) -> Result<(PathBuf, File), SourceError> {
    let opened = File::open(&path).and_then(|file| match file.metadata()?.is_dir() {
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok(file),
    });
    match opened {
        Ok(file) => Ok((path, file)),
        Err(source) => Err(SourceError::Open { path, source }),
    }
}

struct Reader {
    files: Vec<(PathBuf, File)>,
    follow: bool,
    max_line: usize,
}

impl Opened for Reader {
    fn run(self: Box<Self>, inlet: Inlet) -> BoxFuture<'static, Result<(), SourceError>> {
        Box::pin(async_std::task::spawn_blocking(move || {
            if self.follow {
                self.follow(inlet)
            } else {
                self.read(inlet)
            }
        }))
    }
}

impl Reader {
    fn read(self, inlet: Inlet) -> Result<(), SourceError> {
        let pipe = pipe(&inlet)?;
        for (path, file) in self.files {
            let mut tail = Tail::new(path, file, inlet.clone(), self.max_line, pipe.clone())?;
            loop {
                match tail.step(true)? {
                    Step::More => {}
                    Step::End => break,
                    Step::Stop => return Ok(()),
                }
            }
        }
        Ok(())
    }

    fn follow(self, inlet: Inlet) -> Result<(), SourceError> {
        let pipe = pipe(&inlet)?;
        let tail = |(path, file)| Tail::new(path, file, inlet.clone(), self.max_line, pipe.clone());
        let tails = self.files.into_iter().map(tail);
        let mut tails = tails.collect::<Result<Vec<_>, _>>()?;
        loop {
            let mut any = false;
            for tail in &mut tails {
                match tail.turn()? {
                    Step::More => any = true,
                    Step::End => {}
                    Step::Stop => return Ok(()),
                }
            }
            if !any && pipe.sleep(LOOK).map_err(no_pipe)? == Wake::Stopped {
                return Ok(());
            }
        }
    }
}

fn pipe(inlet: &Inlet) -> Result<Rc<WakePipe>, SourceError> {
    inlet.stop().pipe().map(Rc::new).map_err(no_pipe)
}

fn no_pipe(source: io::Error) -> SourceError {
    SourceError::Pipe {
        input: "file".into(),
        source,
    }
}

enum Step {
    /// There may be more to read at once.
    More,
    /// The end of the file, for now.
    End,
    /// The source should end.
    Stop,
}

/// One file and how far it is read.
struct Tail {
    path: PathBuf,
    file: File,
    position: u64,
    max_line: usize,
    feed: Feed,
    pipe: Rc<WakePipe>,
    open: OpenGuard,
}

impl Tail {
    /// Begins where the file was left, if that is known.
    fn new(
        path: PathBuf,
        file: File,
        inlet: Inlet,
        max_line: usize,
        pipe: Rc<WakePipe>,
    ) -> Result<Self, SourceError> {
        let open = inlet.ledger().open();
        let partition = file.metadata().map(|file| (partition(&file), file.len()));
        let (partition, len) = partition.map_err(|source| read_error(&path, source))?;
        let resumed = inlet.resume(partition).map(|resumed| Resumed {
            // Behind a line that was refused is its newline, if it has one.
            offset: if resumed.offset == len + 1 {
                len
            } else {
                resumed.offset
            },
            ..resumed
        });
        let from = resumed.filter(|resumed| resumed.offset <= len);
        let from = from.unwrap_or_default();
        let mut tail = Tail {
            position: from.offset,
            feed: Feed::resumed(inlet, max_line, partition, from),
            path,
            pipe,
            file,
            max_line,
            open,
        };
        if from.offset > 0 {
            let (path, offset) = (tail.path.display(), from.offset);
            let source = &**tail.feed.inlet().name();
            tracing::info!(source, %path, offset, "going on where the file was left");
            let sought = tail.file.seek(SeekFrom::Start(from.offset));
            sought.map_err(|source| tail.failed(source))?;
        }
        Ok(tail)
    }

    /// Reads one buffer. `last`: the end of the file ends its last line.
    fn step(&mut self, last: bool) -> Result<Step, SourceError> {
        // A file is always readable; what a path leads to may be a pipe as well.
        if self
            .pipe
            .readable(self.file.as_fd(), None)
            .map_err(no_pipe)?
            == Wake::Stopped
        {
            return Ok(Step::Stop);
        }
        let Some(mut lease) = block_on(self.feed.inlet().lease(self.feed.need())) else {
            return Ok(Step::Stop);
        };
        let head = self.feed.headroom();
        let read = loop {
            match self.file.read(&mut lease.bytes()[head..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(|source| self.failed(source))?,
            }
        };
        self.position += read as u64;
        self.feed.inlet().ledger().add_bytes(read as u64);
        let end = read == 0;
        if block_on(self.feed.take(lease, head + read, end && last)).is_err() {
            return Ok(Step::Stop);
        }
        Ok(if end { Step::End } else { Step::More })
    }

    /// Reads what a followed file has, and sees whether it is still the file to follow.
    fn turn(&mut self) -> Result<Step, SourceError> {
        // Looked at before reading to the end: what is written to the old file meanwhile is read.
        let change = self.change();
        let length = self
            .file
            .metadata()
            .map(|file| (file.is_file(), file.len()));
        if change.is_none() && matches!(length, Ok((true, length)) if length == self.position) {
            // Nothing new: no permit is needed to find that out.
            return Ok(Step::End);
        }
        for _ in 0..TURN {
            match self.step(false)? {
                Step::More => {}
                Step::Stop => return Ok(Step::Stop),
                Step::End => return self.ended(change),
            }
        }
        Ok(Step::More)
    }

    fn ended(&mut self, change: Option<Change>) -> Result<Step, SourceError> {
        let Some(change) = change else {
            return Ok(Step::End);
        };
        loop {
            match self.step(true)? {
                Step::More => {}
                Step::End => break,
                Step::Stop => return Ok(Step::Stop),
            }
        }
        let path = self.path.display();
        tracing::info!(source = &**self.feed.inlet().name(), %path, %change, "reading from the beginning");
        let inlet = self.feed.inlet().clone();
        match change {
            Change::Replaced(file) => {
                let (path, pipe) = (self.path.clone(), self.pipe.clone());
                *self = Tail::new(path, file, inlet, self.max_line, pipe)?;
            }
            Change::Truncated => {
                let rewound = self.file.rewind();
                rewound.map_err(|source| self.failed(source))?;
                self.position = 0;
                self.open = inlet.ledger().open();
                let partition = self.feed.partition();
                // The file is the same, so no number is given twice.
                let from = Resumed {
                    offset: 0,
                    sequence: self.feed.sequence(),
                };
                self.feed = Feed::resumed(inlet, self.max_line, partition, from);
            }
        }
        Ok(Step::More)
    }

    /// What has become of the path, if it is no longer the file that is read. An error means that
    /// it leads nowhere now, and is looked at again later.
    fn change(&self) -> Option<Change> {
        let there = std::fs::metadata(&self.path).ok()?;
        let here = self.file.metadata().ok()?;
        if identity(&there) != identity(&here) {
            return File::open(&self.path).ok().map(Change::Replaced);
        }
        (here.len() < self.position).then_some(Change::Truncated)
    }

    fn failed(&self, source: io::Error) -> SourceError {
        read_error(&self.path, source)
    }
}

fn read_error(path: &Path, source: io::Error) -> SourceError {
    SourceError::Read {
        input: path.display().to_string(),
        source,
    }
}

#[derive(Debug)]
enum Change {
    Replaced(File),
    Truncated,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Change::Replaced(_) => "rotated",
            Change::Truncated => "truncated",
        })
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}
