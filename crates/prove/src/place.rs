//! The directory of a trial, and the configuration of the daemon in it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use crate::client::{BODY_MAX, QUICK, SLOW};
use crate::disk::Disk;
use crate::error::Error;
use crate::options::{Fault, Options};

/// Where everything of a trial lies.
pub(crate) struct Place {
    /// Unmounted before the directory is removed.
    disk: Disk,
    path: PathBuf,
    keep: bool,
    /// Removed with everything in it when dropped.
    _scratch: Option<TempDir>,
}

impl Place {
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let (path, scratch) = match &options.keep {
            Some(path) => (empty(path)?, None),
            None => {
                let parent = options.scratch_in.clone();
                let parent = parent.unwrap_or_else(std::env::temp_dir);
                let scratch = tempfile::Builder::new()
                    .prefix("millpond-prove-")
                    .tempdir_in(&parent)
                    .map_err(Error::io("make a directory in", &parent))?;
                (scratch.path().to_owned(), Some(scratch))
            }
        };
        let fills = options.faults.contains(&Fault::DiskFull);
        Ok(Place {
            disk: Disk::at(path.join("disk"), fills, options.settings.segment)?,
            keep: scratch.is_none(),
            path,
            _scratch: scratch,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The options as they can be had here.
    pub(crate) fn adapt(&self, options: &Options) -> Options {
        let mut options = options.clone();
        let fills = options.faults.contains(&Fault::DiskFull);
        self.disk.adapt(&mut options.settings, fills);
        options
    }

    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path.join("trial.yaml")
    }

    /// What the file sink writes.
    pub(crate) fn rows(&self) -> PathBuf {
        self.path.join("out.ndjson")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("daemon.log")
    }

    /// Writes the configuration: two doors, behind one journal, to two sinks. One pipeline is much slower than the
    /// other, so that at any moment much is done with that came after something that is not.
    pub(crate) fn configure(&self, options: &Options, peer: SocketAddr) -> Result<(), Error> {
        let settings = &options.settings;
        let door = json!({
            "type": "http", "listen": "127.0.0.1:0", "ack": "durable", "timeout": "2s",
            "max_body": BODY_MAX, "max_line": "64KiB",
        });
        let drain = humantime::format_duration(settings.drain);
        let config = json!({
            "sources": { QUICK: door, SLOW: door },
            "pipelines": {
                QUICK: { "from": [QUICK], "key": "key", "stages": [] },
                SLOW: { "from": [SLOW], "key": "key", "stages": [
                    { "type": "delay", "time": "0s", "max": "2ms", "seed": options.seed },
                ] },
            },
            "sinks": {
                "file": { "type": "file", "path": self.rows() },
                "tcp": { "type": "tcp", "address": peer, "connect_timeout": "1s" },
            },
            "dead_letters": { "path": self.path.join("dead-letters"), "max": "64MiB" },
            "journal": { "dir": self.disk.journal(), "max": settings.journal_max, "segment": settings.segment },
            "runtime": {
                "workers": settings.workers, "shards": settings.shards, "memory": settings.memory,
                "drain": drain.to_string(),
            },
            "admin": { "listen": "127.0.0.1:0" },
        });
        let path = self.config();
        // JSON is YAML.
        fs::write(&path, format!("{config:#}\n")).map_err(Error::io("write", &path))
    }

    /// What is tried, in a line.
    pub(crate) fn describe(&self, options: &Options) -> String {
        let fills = options.faults.contains(&Fault::DiskFull);
        let journal = match (&self.disk, fills) {
            (Disk::Own(_), _) => "on a small disk of its own, which is filled",
            (Disk::Shared(_), true) => "small and filled up, for no disk can be mounted",
            (Disk::Shared(_), false) => "on the disk of the scratch directory",
        };
        format!(
            "seed {}, {} rounds of {} events from {} clients, journal {journal}, in {}",
            options.seed,
            options.rounds,
            options.events_per_round,
            options.clients,
            self.path.display()
        )
    }

    /// Leaves the evidence behind, if it is to be kept.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        if self.keep {
            self.disk.keep_journal(&self.path.join("journal"))
        } else {
            Ok(())
        }
    }
}

/// A directory to keep, which must not hold anything yet.
fn empty(path: &Path) -> Result<PathBuf, Error> {
    fs::create_dir_all(path).map_err(Error::io("make", path))?;
    let path = path.canonicalize().map_err(Error::io("find", path))?;
    let mut entries = fs::read_dir(&path).map_err(Error::io("list", &path))?;
    if entries.next().is_some() {
        return Err(Error::NotEmpty(path));
    }
    Ok(path)
}
