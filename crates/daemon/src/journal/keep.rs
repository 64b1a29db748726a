use std::collections::HashMap;
use std::sync::Arc;

use millpond_event::Slice;
use millpond_ingest::{Resume, Resumed, is_file};
use millpond_runtime::admission::Keep;

use super::record;

/// The most files whose positions are kept: the ones that were read longest ago go first.
const MOST_FILES: usize = 10_000;

/// Writes chunks as records, and remembers how far files were read.
pub(crate) struct Keeper {
    files: HashMap<(Arc<str>, u64), Known>,
    news: bool,
}

struct Known {
    resumed: Resumed,
    /// The record that moved it last.
    at: u64,
}

impl Keeper {
    /// Goes on from what the journal remembered.
    pub(crate) fn new(resume: &HashMap<String, Resume>) -> Self {
        let known = |resumed: &Resumed| Known {
            resumed: *resumed,
            at: 0,
        };
        let files = resume.iter().flat_map(|(source, partitions)| {
            let source: Arc<str> = source.as_str().into();
            let partitions = partitions.iter();
            partitions
                .map(move |(&partition, resumed)| ((source.clone(), partition), known(resumed)))
        });
        let files: HashMap<_, _> = files.collect();
        Keeper {
            news: !files.is_empty(),
            files,
        }
    }
}

impl Keep for Keeper {
    type Batch = Slice;

    fn write(&mut self, slice: &Slice, record: &mut Vec<u8>) {
        record::write_chunk(slice.chunk(), record);
    }

    fn kept(&mut self, slice: &Slice, sequence: u64) {
        let chunk = slice.chunk();
        chunk.set_kept(sequence);
        let origin = chunk.origin();
        if !is_file(origin.partition) {
            return;
        }
        let resumed = Resumed {
            offset: record::end(origin.offset, chunk.bytes().len(), chunk.refusal()),
            sequence: origin.first_sequence + slice.len() as u64,
        };
        let key = (origin.source.clone(), origin.partition);
        let known = Known {
            resumed,
            at: sequence,
        };
        self.files.insert(key, known);
        self.news = true;
        if self.files.len() > MOST_FILES
            && let Some(oldest) = self.files.iter().min_by_key(|(_, known)| known.at)
        {
            let oldest = oldest.0.clone();
            self.files.remove(&oldest);
        }
    }

    fn remembers(&self) -> bool {
        !self.files.is_empty()
    }

    fn summary(&mut self, record: &mut Vec<u8>) -> bool {
        if !std::mem::take(&mut self.news) {
            return false;
        }
        let files = self.files.iter();
        let positions = files.map(|((source, partition), known)| {
            let Resumed { offset, sequence } = known.resumed;
            (&**source, *partition, offset, sequence)
        });
        record::write_positions(positions, record);
        true
    }
}
