//! Reading the letters without having the store: a daemon may be writing it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use millpond_journal::{ReadOnly, Reader, Snapshot};

use super::ranges::Ranges;
use super::record::{Kept, Record};
use super::{Class, Filter, Found, Id};
use crate::{Error, Result};

/// The letters that a store held at one moment.
pub struct Letters {
    shelves: Vec<Look>,
}

struct Look {
    class: Class,
    folder: PathBuf,
    journal: ReadOnly<Snapshot>,
    /// Letters from here on came later.
    end: u64,
    replayed: Ranges,
    damages: Vec<String>,
}

impl Letters {
    /// Looks into the store in `folder`. Nothing is locked or written; a store that does not exist is an empty one.
    ///
    /// # Errors
    /// When the folder cannot be read, or holds letters of another release.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let look = |class: Class| Look::open(class, folder.as_ref().join(class.as_str()));
        let shelves = Class::ALL.into_iter().map(look).collect::<Result<_>>()?;
        Ok(Letters { shelves })
    }

    /// What is damaged and so not among the letters.
    pub fn damages(&self) -> impl Iterator<Item = &str> {
        let damages = self.shelves.iter().flat_map(|look| &look.damages);
        damages.map(String::as_str)
    }

    /// Hands over the letters that `filter` wants, oldest first, while it is told to go on.
    ///
    /// # Errors
    /// When the files cannot be read, and those of `each`.
    pub fn each<E: From<Error>>(
        &self,
        filter: &Filter,
        mut each: impl FnMut(&Found<'_>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let cursors = self.shelves.iter().map(Cursor::new);
        let mut cursors = cursors.collect::<Result<Vec<_>>>()?;
        loop {
            for cursor in &mut cursors {
                cursor.fill()?;
            }
            let mut oldest = None;
            for (index, cursor) in cursors.iter().enumerate() {
                let time = cursor.waiting.front().map(|waiting| waiting.time_micros);
                if let Some(time) = time
                    && oldest.is_none_or(|(_, other)| time < other)
                {
                    oldest = Some((index, time));
                }
            }
            let Some((index, _)) = oldest else {
                return Ok(());
            };
            let Some(waiting) = cursors[index].waiting.pop_front() else {
                return Ok(());
            };
            let look = &self.shelves[index];
            let Ok(Record::Letter(kept)) = Record::read(&waiting.record) else {
                continue;
            };
            let found = look.found(waiting.sequence, &kept);
            if filter.matches(&found) && !each(&found)? {
                return Ok(());
            }
        }
    }
}

impl Look {
    fn open(class: Class, folder: PathBuf) -> Result<Self> {
        let mut journal = ReadOnly::open(&folder).map_err(Error::journal(&folder))?;
        let damages = journal.damages().iter().map(ToString::to_string).collect();
        journal.accept_damage();
        let mut look = Look {
            class,
            folder,
            end: journal.next_sequence(),
            journal,
            replayed: Ranges::default(),
            damages,
        };
        let mut replayed = Ranges::default();
        let mut cursor = Source::new(&look)?;
        while cursor.next(&look, |_, record| {
            if let Record::Marks(marks) = record {
                marks.iter().for_each(|&(from, to)| replayed.add(from, to));
            }
        })? {}
        look.replayed = replayed;
        Ok(look)
    }

    fn found<'a>(&self, sequence: u64, kept: &Kept<'a>) -> Found<'a> {
        Found {
            id: Id {
                class: self.class,
                sequence,
            },
            letter: kept.letter,
            replayed: kept.replayed || self.replayed.contains(sequence),
        }
    }
}

/// Reads one journal to where it ended at the time of the look.
struct Source {
    reader: Reader<Snapshot>,
    committed: u64,
    end: u64,
}

impl Source {
    fn new(look: &Look) -> Result<Self> {
        let committed = look.journal.committed_sequence();
        let reader = look.journal.reader(committed);
        Ok(Source {
            reader: reader.map_err(Error::journal(&look.folder))?,
            committed,
            end: look.end,
        })
    }

    /// Hands over the next records; false at the end.
    fn next(&mut self, look: &Look, mut each: impl FnMut(u64, &Record<'_>)) -> Result<bool> {
        let at = self.reader.position();
        let failure = match self.reader.next_records() {
            Ok(None) => return Ok(false),
            Ok(Some(records)) => {
                for (sequence, bytes) in records {
                    if sequence >= self.end {
                        return Ok(false);
                    }
                    let record = Record::read(bytes).map_err(|problem| Error::Unreadable {
                        folder: look.folder.clone(),
                        class: look.class,
                        sequence,
                        problem,
                    })?;
                    each(sequence, &record);
                }
                return Ok(true);
            }
            Err(failure) => failure,
        };
        // The writer may have let go of what comes next in the meantime.
        let failed = Error::journal(&look.folder);
        let mut now = ReadOnly::open(&look.folder).map_err(&failed)?;
        let committed = now.committed_sequence();
        if committed <= at {
            return Err(failed(failure));
        }
        now.accept_damage();
        self.reader = now.reader(committed).map_err(&failed)?;
        self.committed = committed;
        Ok(true)
    }
}

/// The letters of one journal, a frame at a time.
struct Cursor<'a> {
    look: &'a Look,
    source: Source,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    time_micros: u64,
    sequence: u64,
    record: Vec<u8>,
}

impl<'a> Cursor<'a> {
    fn new(look: &'a Look) -> Result<Self> {
        Ok(Cursor {
            look,
            source: Source::new(look)?,
            waiting: VecDeque::new(),
        })
    }

    /// Reads on when no letter waits.
    fn fill(&mut self) -> Result<()> {
        let Cursor {
            look,
            source,
            waiting,
        } = self;
        while waiting.is_empty() {
            let committed = source.committed;
            let more = source.next(look, |sequence, record| {
                let Record::Letter(kept) = record else {
                    return;
                };
                if kept.copy_of.is_some_and(|original| original >= committed) {
                    return;
                }
                let mut record = Vec::new();
                kept.write(&mut record);
                waiting.push_back(Waiting {
                    time_micros: kept.letter.time_micros,
                    sequence,
                    record,
                });
            })?;
            if !more {
                break;
            }
        }
        Ok(())
    }
}
