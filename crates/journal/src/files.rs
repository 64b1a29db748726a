use std::fs::{self, File, TryLockError};
use std::io;
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::storage::Storage;

/// Never removed: a lock on a file that others may unlink is a lock on nothing.
const LOCK: &str = "lock";

/// Real files in one folder, which this value has to itself until it is dropped.
///
/// Nothing is mapped and nothing is preallocated behind the journal's back: a journal reserves space
/// by writing zeros, which works on every file system, and keeps what it has reserved.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    /// For syncing names.
    handle: File,
    _lock: File,
}

impl Files {
    /// Takes `folder`, making it if need be. Fails with [`Error::Locked`] if another process (or
    /// another value in this one) has it.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let name = folder.display().to_string();
        make(folder).map_err(|source| Error::io("make the folder", &name, source))?;
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(LOCK))
            .map_err(|source| Error::io("open the lock in", &name, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { folder: name }),
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", &name, source)),
        }
        let handle = File::open(folder).map_err(|source| Error::io("open", &name, source))?;
        Ok(Self {
            folder: folder.to_owned(),
            handle,
            _lock: lock,
        })
    }
}

/// Makes a folder whose own name is durable, or what is synced inside it could vanish with it.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    make(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(parent)?.sync_all()
}

impl Storage for Files {
    type File = File;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<File> {
        File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(self.folder.join(name))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        File::options()
            .read(true)
            .write(true)
            .open(self.folder.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn len(&self, file: &File) -> io::Result<u64> {
        Ok(file.metadata()?.len())
    }

    fn read_at(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_at(file, buffer, offset)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    #[cfg(target_os = "linux")]
    fn forget(&self, file: &File, bytes: Range<u64>) {
        use rustix::fs::{Advice, fadvise};
        if let Some(length) = NonZeroU64::new(bytes.end.saturating_sub(bytes.start)) {
            // A cache that keeps it costs speed, and nothing else.
            let _ = fadvise(file, bytes.start, Some(length), Advice::DontNeed);
        }
    }
}

/// Fills `buffer` from `offset`, and says how much of it: less than all only at the file's end.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
