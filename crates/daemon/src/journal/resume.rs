use std::collections::HashMap;

use millpond_ingest::{Resume, Resumed, is_file};
use millpond_journal::{Error, Journal, Storage};

use super::record::{self, Record};

/// What the records of a journal say.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// How far files were read, by source.
    pub(super) resume: HashMap<String, Resume>,
    /// Whether there are events to be delivered.
    pub(super) backlog: bool,
}

/// Reads what the journal holds, but not further than damage; and no further than its first events when
/// no `files` are read.
pub(super) fn scan<S: Storage>(journal: &Journal<S>, files: bool) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut reader = match journal.reader(journal.committed_sequence()) {
        Err(Error::Damaged(_)) => return Ok(found),
        reader => reader?,
    };
    loop {
        let records = match reader.next_records() {
            Ok(Some(records)) => records,
            Ok(None) | Err(Error::Damaged(_)) => return Ok(found),
            Err(error) => return Err(error),
        };
        // What cannot be read stays in the journal, and is told when its turn comes.
        for record in records.filter_map(|(_, record)| record::read(record).ok()) {
            found.add(record);
        }
        if found.backlog && !files {
            return Ok(found);
        }
    }
}

impl Found {
    fn add(&mut self, record: Record<'_>) {
        match record {
            Record::Positions(positions) => {
                for (source, partition, offset, sequence) in positions {
                    self.set(source, partition, Resumed { offset, sequence });
                }
            }
            Record::Chunk(kept) => {
                self.backlog = true;
                if is_file(kept.partition) {
                    let (source, partition) = (kept.source, kept.partition);
                    let (offset, first) = (kept.end(), kept.first_sequence);
                    let sequence = first + kept.events();
                    self.set(source, partition, Resumed { offset, sequence });
                }
            }
        }
    }

    fn set(&mut self, source: &str, partition: u64, resumed: Resumed) {
        let partitions = self.resume.entry(source.to_owned()).or_default();
        partitions.insert(partition, resumed);
    }
}
