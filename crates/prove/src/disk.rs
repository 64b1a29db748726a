//! The disk under the journal, which can be filled.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::options::Settings;

/// The size of a disk of our own, beside a segment that cannot be let go of yet.
const BYTES: u64 = 60 << 20;
/// The segments of a journal whose own bound is to be reached.
const SMALL: u64 = 4 << 20;
/// Enough memory for what such a journal holds, and for the output of it to each sink.
const MEMORY: u64 = 32 << 20;
/// What is written at a time to fill it.
const BLOCK: usize = 256 << 10;

/// Where the journal lies.
pub(crate) enum Disk {
    /// On a small disk of its own, in memory: it can be filled by a file beside the journal.
    Own(PathBuf),
    /// In an ordinary directory, because only root can mount another: there the journal's own bound is what runs out.
    Shared(PathBuf),
}

impl Disk {
    /// A place for the journal at `path`, on a disk of its own where that is wanted and can be had.
    pub(crate) fn at(path: PathBuf, wanted: bool, segment: u64) -> Result<Self, Error> {
        fs::create_dir(&path).map_err(Error::io("make", &path))?;
        if wanted && mount(&path, BYTES + segment).is_ok() {
            Ok(Disk::Own(path))
        } else {
            Ok(Disk::Shared(path))
        }
    }

    /// The journal's directory.
    pub(crate) fn journal(&self) -> PathBuf {
        match self {
            Disk::Own(path) | Disk::Shared(path) => path.join("journal"),
        }
    }

    /// Changes the settings so that, where it is to be filled, the disk fills and not the journal's own bound; or the
    /// other way round, and before the memory.
    pub(crate) fn adapt(&self, settings: &mut Settings, to_be_filled: bool) {
        match self {
            Disk::Own(_) => {
                let disk = BYTES + settings.segment;
                settings.journal_max = settings.journal_max.max(2 * disk);
            }
            Disk::Shared(_) if to_be_filled => {
                settings.segment = SMALL;
                settings.journal_max = 2 * SMALL;
                settings.memory = settings.memory.max(MEMORY);
            }
            Disk::Shared(_) => {}
        }
    }

    /// Leaves no room on it; false where it is not ours to fill.
    pub(crate) fn fill(&self) -> Result<bool, Error> {
        let Disk::Own(path) = self else {
            return Ok(false);
        };
        let ballast = path.join("ballast");
        let mut file = File::create(&ballast).map_err(Error::io("make", &ballast))?;
        let mut block = vec![0; BLOCK];
        // What is left in the end is less than a page.
        while !block.is_empty() {
            match file.write(&block) {
                Ok(written) if written > 0 => {}
                Ok(_) => block.truncate(block.len() / 2),
                Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                    block.truncate(block.len() / 2);
                }
                Err(error) => return Err(Error::io("fill", &ballast)(error)),
            }
        }
        Ok(true)
    }

    /// Gives the room back.
    pub(crate) fn free(&self) -> Result<(), Error> {
        let Disk::Own(path) = self else {
            return Ok(());
        };
        let ballast = path.join("ballast");
        match fs::remove_file(&ballast) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", &ballast)(error))
            }
            _ => Ok(()),
        }
    }

    /// Copies the journal to where it outlives a disk of its own.
    pub(crate) fn keep_journal(&self, to: &Path) -> Result<(), Error> {
        let Disk::Own(_) = self else {
            return Ok(());
        };
        let from = self.journal();
        if !from.exists() {
            return Ok(());
        }
        fs::create_dir(to).map_err(Error::io("make", to))?;
        for entry in fs::read_dir(&from).map_err(Error::io("list", &from))? {
            let path = entry.map_err(Error::io("list", &from))?.path();
            let name = path.file_name().unwrap_or_default();
            fs::copy(&path, to.join(name)).map_err(Error::io("copy", &path))?;
        }
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Disk::Own(path) = self {
            unmount(path);
        }
    }
}

#[cfg(target_os = "linux")]
fn mount(path: &Path, bytes: u64) -> io::Result<()> {
    use rustix::mount::MountFlags;
    let size = std::ffi::CString::new(format!("size={bytes}"))?;
    rustix::mount::mount(
        "millpond-prove",
        path,
        "tmpfs",
        MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC,
        size.as_c_str(),
    )?;
    Ok(())
}

#[cfg(target_os = "linux")]
fn unmount(path: &Path) {
    // Whoever still has something open there keeps it until then. Nothing is left to do when it fails.
    let _ = rustix::mount::unmount(path, rustix::mount::UnmountFlags::DETACH);
}

#[cfg(not(target_os = "linux"))]
fn mount(_: &Path, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn unmount(_: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_of_its_own_is_full_when_filled_has_room_when_freed_and_is_gone_when_dropped() {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = Disk::at(dir.path().join("disk"), true, 4 << 20).expect("a place");
        if matches!(disk, Disk::Shared(_)) {
            assert!(!disk.fill().expect("nothing to fill"));
            return;
        }
        let file = dir.path().join("disk/file");
        for _ in 0..2 {
            assert!(disk.fill().expect("filled"));
            let error = fs::write(&file, [1; 8192]).expect_err("no room");
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            disk.free().expect("freed");
            fs::write(&file, [1; 8192]).expect("room");
            fs::remove_file(&file).expect("there");
        }
        fs::write(&file, [1]).expect("room");
        drop(disk);
        assert!(!file.exists());
    }
}
