//! Letters that follow each other, gathered so that a shelf takes them in at once.

use millpond_journal::Storage;

use super::record::{Kept, Record};
use super::shelf::{FRAMING, Shelf};
use crate::{Error, NotTaken};

/// A letter with its record.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) record: &'a [u8],
    pub(crate) kept: Kept<'a>,
}

impl Entry<'_> {
    /// What it takes up, at most.
    pub(crate) fn held(&self) -> u64 {
        self.record.len() as u64 + FRAMING
    }
}

impl AsRef<[u8]> for Entry<'_> {
    fn as_ref(&self) -> &[u8] {
        self.record
    }
}

/// Letters of one class that follow each other, on their way to its shelf.
pub(super) struct Batch<'s, 'a, S: Storage> {
    shelves: &'s mut [Shelf<S>; 2],
    letters: Vec<Entry<'a>>,
    /// What they take up.
    bytes: u64,
    /// Records before them.
    taken: usize,
}

impl<'s, 'a, S: Storage> Batch<'s, 'a, S> {
    pub(super) fn new(shelves: &'s mut [Shelf<S>; 2]) -> Self {
        Batch {
            shelves,
            letters: Vec::new(),
            bytes: 0,
            taken: 0,
        }
    }

    /// Takes in the next record, or keeps it to take it in with those that follow.
    pub(super) fn push(&mut self, record: &'a [u8]) -> Result<(), NotTaken> {
        match Record::read(record) {
            Ok(Record::Letter(kept)) => {
                let letter = Entry { record, kept };
                let (class, held) = (kept.letter.class, letter.held());
                let most = self.shelves[class as usize].batch();
                let other = self
                    .letters
                    .last()
                    .is_some_and(|before| before.kept.letter.class != class);
                if other || self.bytes + held > most {
                    self.finish()?;
                }
                self.bytes += held;
                self.letters.push(letter);
                Ok(())
            }
            Ok(Record::Marks(_)) => {
                self.finish()?;
                self.taken += 1;
                Ok(())
            }
            Err(problem) => {
                self.finish()?;
                Err(NotTaken::after(self.taken, Error::NotALetter { problem }))
            }
        }
    }

    /// Takes in those that are kept.
    pub(super) fn finish(&mut self) -> Result<(), NotTaken> {
        let Some(first) = self.letters.first() else {
            return Ok(());
        };
        let shelf = &mut self.shelves[first.kept.letter.class as usize];
        let appended = shelf.append_all(&self.letters);
        let before = self.taken;
        self.taken += self.letters.len();
        self.letters.clear();
        self.bytes = 0;
        appended.map_err(|refused| NotTaken::after(before + refused.taken, refused.error))
    }
}
