use std::sync::Arc;

use crate::error::Result;
use crate::reader::Reader;
use crate::shared::Shared;
use crate::storage::Storage;
use crate::writer::Journal;

/// Opens readers without the journal itself, which its writer has to itself. A clone does the same.
pub struct Readers<S: Storage> {
    shared: Arc<Shared<S>>,
}

impl<S: Storage> Clone for Readers<S> {
    fn clone(&self) -> Self {
        Readers {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: Storage> Readers<S> {
    /// A reader of records from `sequence` on.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for what was let go of, or is not durable yet.
    pub fn at(&self, sequence: u64) -> Result<Reader<S>> {
        Reader::new(Arc::clone(&self.shared), sequence)
    }

    /// What the segments take up on disk, in bytes.
    pub fn bytes(&self) -> u64 {
        let state = self.shared.lock();
        state.segments.iter().map(|extent| extent.len).sum()
    }
}

impl<S: Storage> Journal<S> {
    /// What opens readers in another thread.
    pub fn readers(&self) -> Readers<S> {
        Readers {
            shared: Arc::clone(&self.shared),
        }
    }
}
