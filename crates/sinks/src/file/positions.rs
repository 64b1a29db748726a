//! What a file knows of the rows in it, beside it: `out.ndjson.positions`.
//!
//! A line is a checksum and an [`Entry`]. The first line tells everything, each one behind it what has
//! changed; once they have grown long, one line that tells everything takes their place. An entry is
//! written after the rows that it tells of and before these are confirmed. So what the file holds beyond
//! the length in the last entry was never confirmed, and comes again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use millpond_delivery::Lane;
use millpond_event::Position;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::open::{Identity, sync_dir};
use crate::{Marks, Place, Reached};

/// Longer than this, the lines are made one.
const MOST_BYTES: u64 = 1 << 20;

/// Where a file stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    /// The journal that the places of its rows mean; none if no journal ever kept them.
    journal: Option<u64>,
    /// Which file it is that the length is of.
    inode: u64,
    length: u64,
    /// Until when this holds if it is not synced: another boot may know an older length of a newer file.
    #[serde(skip_serializing_if = "Option::is_none")]
    boot: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    head: Head,
    lanes: Vec<LaneEntry>,
}

/// Pipeline, shard, the end of what is there, and the gaps in it.
type LaneEntry = (String, u32, At, Vec<(At, At)>);

/// Sequence, ordinal and output of a [`Place`].
type At = (u64, u32, u32);

/// What was found beside a file.
enum Found {
    /// Nothing that holds here.
    Nothing,
    /// The length up to which the file's rows are confirmed.
    Length(u64),
    /// Lanes, but of another file.
    AnotherFile,
}

/// The positions of a file that is open.
pub(crate) struct Positions {
    path: PathBuf,
    pub(super) log: File,
    bytes: u64,
    sync: bool,
    head: Head,
    pub(crate) marks: Marks,
}

/// The positions that were found, before they are gone on from.
pub(crate) struct Before {
    path: PathBuf,
    journal: Option<u64>,
    marks: Marks,
    found: Found,
}

fn side_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".positions");
    name.into()
}

/// Reads what is known of the file at `path`, which is locked; none if nothing needs to be. Without a
/// journal nothing comes again, but what a journal left here has to be carried on for its sake.
pub(crate) fn look(
    sink: &str,
    path: &Path,
    identity: Identity,
    journal: Option<u64>,
    anew: bool,
) -> io::Result<Option<Before>> {
    let side = side_path(path);
    let known = match fs::read(&side) {
        Ok(bytes) => Some(read(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if known.is_none() && journal.is_none() {
        return Ok(None);
    }
    let mut before = Before {
        path: side,
        journal,
        marks: Marks::default(),
        found: Found::Nothing,
    };
    let path = path.display();
    match known {
        None => {}
        Some(_) if anew => {}
        Some(None) => {
            tracing::error!(sink, %path, "the positions of the file cannot be read: rows that the journal brings again may come twice");
        }
        Some(Some((head, _))) if journal.is_some() && head.journal != journal => {
            tracing::warn!(sink, %path, "the positions of the file are of another journal: they begin anew");
        }
        Some(Some((head, _))) if head.boot.as_ref().is_some_and(|of| *of != boot()) => {
            tracing::warn!(sink, %path, "the machine was restarted and the file is not synced: rows that the journal brings again may come twice");
        }
        Some(Some((head, lanes))) => {
            before.journal = head.journal;
            before.marks = Marks::found(lanes);
            before.found = if head.inode == identity.inode {
                Found::Length(head.length)
            } else {
                Found::AnotherFile
            };
        }
    }
    Ok(Some(before))
}

impl Before {
    /// The bytes that count of a file of `length` bytes; none for all. What is behind them was never
    /// confirmed and comes again.
    pub(crate) fn confirmed(&self, sink: &str, path: &Path, length: u64) -> Option<u64> {
        let path = path.display();
        match self.found {
            Found::Nothing => None,
            Found::AnotherFile => {
                tracing::warn!(sink, %path, "the file is not the one that was written last: it stays as it is");
                None
            }
            Found::Length(stored) if length < stored => {
                tracing::warn!(sink, %path, length, stored, "somebody cut the file: what is gone does not come again");
                None
            }
            Found::Length(stored) => {
                if stored < length {
                    let bytes = length - stored;
                    tracing::info!(sink, %path, bytes, "the end of the file was never confirmed: it is cut off, and comes again");
                }
                Some(stored)
            }
        }
    }

    /// Goes on from here with the file, which is `length` long now.
    pub(crate) fn begin(
        self,
        identity: Identity,
        length: u64,
        sync: bool,
    ) -> io::Result<Positions> {
        let head = Head {
            journal: self.journal,
            inode: identity.inode,
            length,
            boot: (!sync).then(boot),
        };
        let (log, bytes) = write_whole(&self.path, &head, &self.marks, sync)?;
        Ok(Positions {
            path: self.path,
            log,
            bytes,
            sync,
            head,
            marks: self.marks,
        })
    }
}

impl Positions {
    /// Whether there is something to store when the file is `length` long.
    pub(crate) fn differ(&self, length: u64) -> bool {
        self.head.length != length || self.marks.moved().len() > 0
    }

    /// Stores that the rows that were written are there. After an error they are not.
    pub(crate) fn store(&mut self, identity: Identity, length: u64) -> io::Result<()> {
        // It tells nothing new: if this fails, nothing is stored that will be taken back.
        if self.bytes > MOST_BYTES {
            (self.log, self.bytes) = write_whole(&self.path, &self.head, &self.marks, self.sync)?;
        }
        let head = Head {
            inode: identity.inode,
            length,
            ..self.head.clone()
        };
        let line = line(&head, self.marks.moved())?;
        let stored = self.log.write_all(&line).and_then(|()| match self.sync {
            true => self.log.sync_data(),
            false => Ok(()),
        });
        if let Err(error) = stored {
            // A reader stops at what is torn: nothing may be written behind it.
            if self.log.set_len(self.bytes).is_err() {
                self.bytes = u64::MAX;
            }
            return Err(error);
        }
        self.bytes += line.len() as u64;
        self.head = head;
        self.marks.store();
        Ok(())
    }
}

/// Puts a file with one line in place of what is there.
fn write_whole(path: &Path, head: &Head, marks: &Marks, sync: bool) -> io::Result<(File, u64)> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let line = line(head, marks.stored())?;
    fs::write(&beside, &line)?;
    let log = OpenOptions::new().append(true).open(&beside)?;
    if sync {
        log.sync_all()?;
    }
    fs::rename(&beside, path)?;
    if sync {
        sync_dir(path)?;
    }
    Ok((log, line.len() as u64))
}

fn line<'a>(
    head: &Head,
    lanes: impl Iterator<Item = (&'a Lane, &'a Reached)>,
) -> io::Result<Vec<u8>> {
    let at = |place: Place| {
        let Place { position, output } = place;
        (position.sequence, position.ordinal, output)
    };
    let lanes = lanes.map(|(lane, reached)| {
        let gaps = reached.gaps.iter();
        let gaps = gaps.map(|&(from, until)| (at(from), at(until))).collect();
        (
            lane.pipeline.to_string(),
            lane.shard,
            at(reached.until),
            gaps,
        )
    });
    let entry = Entry {
        head: head.clone(),
        lanes: lanes.collect(),
    };
    let text = serde_json::to_string(&entry)?;
    Ok(format!("{:016x} {text}\n", xxh3_64(text.as_bytes())).into_bytes())
}

/// What the lines say, up to the first that is torn; none if that is the very first.
fn read(bytes: &[u8]) -> Option<(Head, Vec<(Lane, Reached)>)> {
    let mut lanes = std::collections::HashMap::new();
    let mut head = None;
    for entry in bytes
        .split_inclusive(|&byte| byte == b'\n')
        .map_while(parse)
    {
        head = Some(entry.head);
        for (pipeline, shard, until, gaps) in entry.lanes {
            let gaps = gaps.into_iter();
            let reached = Reached {
                until: place(until),
                gaps: gaps
                    .map(|(from, until)| (place(from), place(until)))
                    .collect(),
            };
            let pipeline = pipeline.into();
            lanes.insert(Lane { pipeline, shard }, reached);
        }
    }
    Some((head?, lanes.into_iter().collect()))
}

fn parse(line: &[u8]) -> Option<Entry> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (checksum, text) = text.split_once(' ')?;
    let good = u64::from_str_radix(checksum, 16).ok()? == xxh3_64(text.as_bytes());
    good.then(|| serde_json::from_str(text).ok()).flatten()
}

fn place((sequence, ordinal, output): At) -> Place {
    Place {
        position: Position { sequence, ordinal },
        output,
    }
}

/// What the kernel drew at its start; where there is no such thing, all starts look the same.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.map_or_else(|_| "unknown".to_owned(), |id| id.trim().to_owned())
}

#[cfg(test)]
#[path = "positions_tests.rs"]
mod tests;
