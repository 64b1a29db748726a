use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More are not remembered: those that come first in the journal go, which are most likely done with.
const MOST: usize = 1_024;
/// What the file begins with, before the number of the journal.
const TITLE: &str = "millpond attempts 1";

/// Remembers, beyond the life of the daemon, which events were alone with a process when it died, or when
/// the daemon did: an event that takes the daemon with it is set aside like one that takes its process.
///
/// Events are known by their place in a journal. Where this cannot be written, that is logged, and the events
/// are tried all the same.
pub struct Suspects {
    path: PathBuf,
    journal: u64,
    known: Mutex<BTreeMap<Suspect, u32>>,
}

/// An event: its place in the journal, and the pipeline that ran it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Suspect {
    sequence: u64,
    ordinal: u32,
    pipeline: String,
}

impl Suspects {
    /// Reads what is remembered in the file `path` about the journal with this number.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn open(path: &Path, journal: u64) -> io::Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut lines = text.lines();
        // Places in another journal mean other events.
        let known = match lines.next() {
            Some(first) if first == title(journal) => lines.filter_map(parse).collect(),
            _ => BTreeMap::new(),
        };
        Ok(Suspects {
            path: path.to_owned(),
            journal,
            known: Mutex::new(known),
        })
    }

    /// Whether none is known.
    pub(super) fn is_empty(&self) -> bool {
        self.known().is_empty()
    }

    /// How often the event at this place was alone with a process that did not end well.
    pub(super) fn attempts(&self, pipeline: &str, (sequence, ordinal): (u64, u32)) -> u32 {
        let suspect = Suspect {
            sequence,
            ordinal,
            pipeline: pipeline.to_owned(),
        };
        self.known().get(&suspect).copied().unwrap_or(0)
    }

    /// The event at this place is about to be tried alone, the how many-th time.
    pub(super) fn begin(&self, pipeline: &str, (sequence, ordinal): (u64, u32), attempts: u32) {
        let suspect = Suspect {
            sequence,
            ordinal,
            pipeline: pipeline.to_owned(),
        };
        let mut known = self.known();
        known.insert(suspect, attempts);
        if known.len() > MOST {
            known.pop_first();
        }
        self.store(&known);
    }

    /// The event at this place has gone through.
    pub(super) fn forget(&self, pipeline: &str, (sequence, ordinal): (u64, u32)) {
        let suspect = Suspect {
            sequence,
            ordinal,
            pipeline: pipeline.to_owned(),
        };
        let mut known = self.known();
        if known.remove(&suspect).is_some() {
            self.store(&known);
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Suspect, u32>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, known: &BTreeMap<Suspect, u32>) {
        if let Err(error) = self.try_store(known) {
            let path = self.path.display();
            tracing::error!(%path, %error, "attempts to run an event alone cannot be remembered");
        }
    }

    /// Written beside, synced and renamed: a crash leaves the old one or the new one.
    fn try_store(&self, known: &BTreeMap<Suspect, u32>) -> io::Result<()> {
        let mut text = title(self.journal) + "\n";
        for (suspect, attempts) in known {
            let Suspect {
                sequence,
                ordinal,
                pipeline,
            } = suspect;
            text.push_str(&format!("{sequence} {ordinal} {attempts} {pipeline}\n"));
        }
        let beside = self.path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

fn title(journal: u64) -> String {
    format!("{TITLE} {journal:016x}")
}

fn parse(line: &str) -> Option<(Suspect, u32)> {
    let mut words = line.splitn(4, ' ');
    let sequence = words.next()?.parse().ok()?;
    let ordinal = words.next()?.parse().ok()?;
    let attempts = words.next()?.parse().ok()?;
    let pipeline = words.next()?.to_owned();
    let suspect = Suspect {
        sequence,
        ordinal,
        pipeline,
    };
    Some((suspect, attempts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_is_known_in_the_next_life_and_in_no_other_journal() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("attempts");
        let suspects = Suspects::open(&path, 7).expect("nothing is there yet");
        assert!(suspects.is_empty());
        suspects.begin("a b", (5, 1), 1);
        suspects.begin("a b", (5, 1), 2);
        suspects.begin("c", (6, 0), 1);
        suspects.forget("c", (6, 0));
        suspects.forget("c", (6, 0));
        let next = Suspects::open(&path, 7).expect("readable");
        assert_eq!(next.attempts("a b", (5, 1)), 2);
        assert_eq!(next.attempts("c", (6, 0)), 0);
        assert_eq!(next.attempts("a b", (5, 2)), 0);
        assert!(Suspects::open(&path, 8).expect("readable").is_empty());
        std::fs::write(&path, "something else").expect("written");
        assert!(Suspects::open(&path, 7).expect("readable").is_empty());
    }

    #[test]
    fn no_more_are_remembered_than_a_few() {
        let folder = tempfile::tempdir().expect("a folder");
        let suspects = Suspects::open(&folder.path().join("attempts"), 7).expect("nothing");
        {
            let mut known = suspects.known();
            for sequence in 0..MOST as u64 {
                let pipeline = "p".to_owned();
                let suspect = Suspect {
                    sequence,
                    ordinal: 0,
                    pipeline,
                };
                known.insert(suspect, 1);
            }
        }
        suspects.begin("p", (MOST as u64, 0), 1);
        assert_eq!(suspects.known().len(), MOST);
        assert_eq!(suspects.attempts("p", (0, 0)), 0);
        assert_eq!(suspects.attempts("p", (MOST as u64, 0)), 1);
    }
}
