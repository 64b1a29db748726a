//! Looking at a journal without having it: nothing is locked, repaired or written, so that a look is
//! possible while another process goes on writing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::{self, Checkpoint, NONE};
use crate::error::{Error, Result};
use crate::files::read_at;
use crate::reader::Reader;
use crate::recovery::Damage;
use crate::scan::Scan;
use crate::segment::{self, Segment};
use crate::shared::{Shared, State};
use crate::storage::Storage;

/// A writer that is in the middle of something looks like damage until it is done.
const LOOKS: usize = 16;

/// What a journal held at one moment. Records that were written and not yet synced may be among it.
///
/// While a writer truncates, what a reader has not come to may go away; it then fails as if that were
/// damaged, and a new look tells the two apart: its [`committed_sequence`](Self::committed_sequence) has moved on.
pub struct ReadOnly<S: Storage> {
    shared: Arc<Shared<S>>,
    damages: Vec<Damage>,
}

impl ReadOnly<Snapshot> {
    /// Looks at the journal in `folder`. One that does not exist yet is an empty one.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        Self::look(|| {
            Snapshot::take(folder)
                .map_err(|source| Error::io("look into", &folder.display().to_string(), source))
        })
    }
}

impl<S: Storage> ReadOnly<S> {
    /// Looks at what `storage` gives until two looks in a row see the same gaps: those are damage.
    fn look(storage: impl Fn() -> Result<S>) -> Result<Self> {
        let mut before = None;
        for _ in 0..LOOKS {
            let found = Self::once(storage()?)?;
            if found.damages.is_empty() || before.as_ref() == Some(&found.damages) {
                return Ok(found);
            }
            before = Some(found.damages);
        }
        Self::once(storage()?)
    }

    fn once(storage: S) -> Result<Self> {
        let names = storage
            .list()
            .map_err(|source| Error::io("list", "the journal's folder", source))?;
        let mut numbers: Vec<u64> = names
            .iter()
            .filter_map(|name| segment::number(name))
            .collect();
        numbers.sort_unstable();
        let segments = numbers
            .iter()
            .map(|&number| Segment::open(&storage, number))
            .collect::<Result<Vec<_>>>()?;
        let (start, trusted) = start(&storage, &names, &segments)?;
        let mut scan = Scan::new(&storage, start.journal, start.committed, trusted);
        for segment in &segments {
            scan.segment(segment)?;
        }
        let Scan {
            mut extents,
            gaps,
            next,
            stop,
            ..
        } = scan;
        extents.retain(|extent| stop.is_some_and(|stop| extent.number <= stop.segment));
        let committed = match extents.first() {
            Some(first) if !trusted => start.committed.max(first.first),
            _ => start.committed,
        };
        let damages = gaps.iter().map(|gap| &gap.damage);
        let damages = damages.filter(|damage| damage.matters(committed));
        let damages = damages.cloned().collect();
        let state = State {
            segments: extents,
            committed,
            durable: next
                .filter(|_| stop.is_some())
                .unwrap_or(committed)
                .max(committed),
            gaps,
            cached: true,
        };
        Ok(Self {
            shared: Arc::new(Shared::new(storage, start.journal, state)),
            damages,
        })
    }

    /// A reader of records from `sequence` on, up to the moment of this look.
    pub fn reader(&self, sequence: u64) -> Result<Reader<S>> {
        Reader::new(Arc::clone(&self.shared), sequence)
    }

    /// What is lost, in order. Readers stop before it.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// Lets the readers of this look pass over what is damaged.
    pub fn accept_damage(&mut self) {
        let mut state = self.shared.lock();
        state.gaps.iter_mut().for_each(|gap| gap.accepted = true);
    }

    /// Everything below this is done with.
    pub fn committed_sequence(&self) -> u64 {
        self.shared.lock().committed
    }

    /// The sequence after the last record that was there.
    pub fn next_sequence(&self) -> u64 {
        self.shared.lock().durable
    }
}

/// Where the records begin, and whether the checkpoint says so: otherwise the oldest segment does.
fn start<S: Storage>(
    storage: &S,
    names: &[String],
    segments: &[Segment<S::File>],
) -> Result<(Checkpoint, bool)> {
    if names.iter().any(|name| name == checkpoint::NAME) {
        let file = storage
            .open(checkpoint::NAME)
            .map_err(|source| Error::io("open", checkpoint::NAME, source))?;
        let found = checkpoint::load(storage, &file)?;
        if let Some(newest) = found.newest {
            return Ok((newest, !found.unreadable));
        }
    }
    let mut nothing = Checkpoint {
        journal: 0,
        counter: 0,
        committed: 0,
        newest: NONE,
        group: 0,
    };
    for segment in segments {
        if let Some(head) = segment.head(storage)? {
            (nothing.journal, nothing.committed) = (head.home.journal, head.first);
            return Ok((nothing, false));
        }
    }
    match segments {
        [] => Ok((nothing, false)),
        _ => Err(Error::Unreadable),
    }
}

/// The files that a folder had at one moment. They stay readable after their names are removed.
#[derive(Debug)]
pub struct Snapshot {
    files: BTreeMap<String, File>,
}

impl Snapshot {
    fn take(folder: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { files }),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name != checkpoint::NAME && segment::number(&name).is_none() {
                continue;
            }
            match File::open(entry.path()) {
                Ok(file) => drop(files.insert(name, file)),
                // The writer has let go of it since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { files })
    }
}

impl Storage for Snapshot {
    type File = File;

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<File> {
        Err(refused(name))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        let file = self.files.get(name);
        file.ok_or(io::ErrorKind::NotFound)?.try_clone()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Err(refused(name))
    }

    fn rename(&self, from: &str, _to: &str) -> io::Result<()> {
        Err(refused(from))
    }

    fn sync_names(&self) -> io::Result<()> {
        Err(refused("the folder"))
    }

    fn len(&self, file: &File) -> io::Result<u64> {
        Ok(file.metadata()?.len())
    }

    fn read_at(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_at(file, buffer, offset)
    }

    fn write_at(&self, _file: &File, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Err(refused("a file"))
    }

    fn sync(&self, _file: &File) -> io::Result<()> {
        Err(refused("a file"))
    }
}

fn refused(name: &str) -> io::Error {
    let message = format!("{name} is only looked at, and nothing is written");
    io::Error::new(io::ErrorKind::ReadOnlyFilesystem, message)
}
