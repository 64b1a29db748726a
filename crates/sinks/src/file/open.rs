use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use crate::SinkError;
use crate::append::{Appender, OpenFile};

/// A file of rows, open at its end.
pub(crate) struct Opened {
    pub(crate) rows: Appender<OpenFile>,
    /// What tells whether a path still leads to this file; none for what is not a regular file.
    pub(crate) identity: Option<Identity>,
}

/// The file itself, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    pub(crate) inode: u64,
}

impl Identity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// Opens a file for rows, creates it and the directories above it if need be, and locks it against
/// other writers. A last line without an end is ended.
pub(crate) fn open_rows(sink: &str, path: &Path) -> Result<Opened, SinkError> {
    lock_rows(sink, path)?.begin(path, None)
}

/// A file that is open and locked, as it was found.
pub(crate) struct Locked {
    file: File,
    len: u64,
    /// As in [`Opened`].
    pub(crate) identity: Option<Identity>,
}

/// The first half of [`open_rows`].
pub(crate) fn lock_rows(sink: &str, path: &Path) -> Result<Locked, SinkError> {
    let failed = |action| move |error| SinkError::io(action, path, error);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)
            .map_err(|error| SinkError::io("create directory", parent, error))?;
    }
    // Looked at before it is opened: to open a pipe waits for its reader.
    match fs::metadata(path) {
        Ok(metadata) => refuse_what_is_no_file(path, &metadata)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("open")(error)),
    }
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map_err(failed("open"))?;
    let metadata = file.metadata().map_err(failed("open"))?;
    if !metadata.is_file() {
        return Ok(Locked {
            file,
            len: 0,
            identity: None,
        });
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(SinkError::InUse { path: path.into() }),
        // Not every file system can lock; a file there is trusted to be ours.
        Err(TryLockError::Error(error)) => {
            tracing::warn!(sink, path = %path.display(), %error, "cannot lock the file");
        }
    }
    Ok(Locked {
        // Again, now that nobody else writes.
        len: file.metadata().map_err(failed("open"))?.len(),
        identity: Some(Identity::of(&metadata)),
        file,
    })
}

impl Locked {
    /// Bytes in the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Begins behind the first `keep` bytes, or behind all, and ends a last line without an end.
    pub(crate) fn begin(self, path: &Path, keep: Option<u64>) -> Result<Opened, SinkError> {
        let failed = |action| move |error| SinkError::io(action, path, error);
        let Locked {
            mut file,
            mut len,
            identity,
        } = self;
        let regular = identity.is_some();
        if let Some(keep) = keep.filter(|&keep| regular && keep < len) {
            file.set_len(keep).map_err(failed("cut"))?;
            len = keep;
        }
        if len > 0 && last_byte(path).is_ok_and(|last| last != b'\n') {
            file.write_all(b"\n").map_err(failed("write to"))?;
            len += 1;
        }
        Ok(Opened {
            rows: Appender::new(OpenFile { file, regular }, len),
            identity,
        })
    }
}

fn refuse_what_is_no_file(path: &Path, metadata: &Metadata) -> Result<(), SinkError> {
    let kind = metadata.file_type();
    let found = if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() {
        "a block device"
    } else {
        return Ok(());
    };
    Err(SinkError::NotAFile {
        path: path.into(),
        found,
    })
}

fn last_byte(path: &Path) -> io::Result<u8> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last[0])
}

/// Makes the names in the directory of `path` durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}
