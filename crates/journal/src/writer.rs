use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::accepted::{self, Accepted};
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::frame::{ALIGN, HEADER, Header, Home, RECORD_PREFIX, stride};
use crate::options::Options;
use crate::prepare::Preparing;
use crate::reader::Reader;
use crate::recovery::{Report, recover};
use crate::segment::{HEAD, Head, Segment};
use crate::shared::{Extent, Shared, State};
use crate::storage::Storage;

/// A frame takes in appends until its payload has this many bytes, or an eighth of a segment: what a
/// reader holds in memory.
const FRAME: u64 = 256 << 10;
/// A group that has this many bytes is synced without being asked, so that memory stays bounded.
const GROUP: usize = 8 << 20;

/// A durable log of byte records: see the [crate's documentation](crate).
///
/// Synchronous, and without a thread of its own: [`append`](Self::append) what has arrived,
/// [`sync`](Self::sync) once for all of it, then acknowledge.
pub struct Journal<S: Storage> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) options: Options,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) checkpoint_file: S::File,
    active: Option<Active<S::File>>,
    pub(crate) preparing: Option<Preparing<S::File>>,
    /// Segments that were let go and lie there to be used again, the oldest first.
    pub(crate) spares: VecDeque<Extent>,
    /// The number of the next segment; none if they are used up.
    pub(crate) number: Option<u64>,
    /// Bytes accepted since the next segment was last worked on.
    unprepared: u64,
    /// The group that is being gathered.
    buffer: Vec<u8>,
    pub(crate) group: u64,
    /// Where in the buffer the frame begins that still takes in records.
    frame: Option<Open>,
    next: u64,
    poison: Option<String>,
    #[cfg(millpond_seed_bug = "acknowledge_before_sync")]
    owes_sync: bool,
}

struct Active<F> {
    segment: Segment<F>,
    /// Where the group that is being gathered will be written.
    offset: u64,
}

#[derive(Clone, Copy)]
struct Open {
    begin: usize,
    first: u64,
}

impl<S: Storage> Journal<S> {
    /// Opens the journal that `storage` holds, or makes one, and says what it found.
    ///
    /// A journal with damage opens, too: it takes new records and serves the old ones up to the damage.
    pub fn open(storage: S, options: Options) -> Result<(Self, Report)> {
        let found = recover(&storage, &options)?;
        let state = State {
            segments: found.extents,
            committed: found.checkpoint.committed,
            durable: found.next,
            gaps: found.gaps,
            cached: true,
        };
        let active = found
            .active
            .map(|(segment, offset)| Active { segment, offset });
        let mut journal = Self {
            shared: Arc::new(Shared::new(storage, found.checkpoint.journal, state)),
            options,
            checkpoint: found.checkpoint,
            checkpoint_file: found.checkpoint_file,
            active,
            preparing: None,
            spares: VecDeque::new(),
            number: found.number,
            unprepared: 0,
            buffer: Vec::new(),
            group: found.group,
            frame: None,
            next: found.next,
            poison: None,
            #[cfg(millpond_seed_bug = "acknowledge_before_sync")]
            owes_sync: false,
        };
        journal.remove_committed()?;
        Ok((journal, found.report))
    }

    /// Takes in `records`, all or none of them, and gives each the next sequence. They are durable
    /// once [`sync`](Self::sync) returns a sequence above theirs.
    ///
    /// Space is allocated before anything is accepted: [`Error::Full`] and [`Error::DiskFull`] mean
    /// that nothing was, and heal. May sync by itself, when a segment or a group is full.
    pub fn append<R: AsRef<[u8]>>(&mut self, records: &[R]) -> Result<Range<u64>> {
        self.check_poison()?;
        let lengths = records
            .iter()
            .map(|record| RECORD_PREFIX + record.as_ref().len());
        let size = lengths.sum::<usize>();
        let bound = self.options.max_append();
        if size as u64 > bound {
            return Err(Error::TooLarge {
                size: size as u64,
                bound,
            });
        }
        let end = self.next.checked_add(records.len() as u64);
        let end = end.ok_or(Error::Exhausted { what: "sequence" })?;
        if records.is_empty() {
            return Ok(self.next..end);
        }
        self.make_room(size)?;
        self.open_frame(size);
        for record in records {
            let record = record.as_ref();
            self.buffer
                .extend_from_slice(&(record.len() as u32).to_le_bytes());
            self.buffer.extend_from_slice(record);
        }
        let range = self.next..end;
        self.next = end;
        if self.buffer.len() >= GROUP {
            self.sync()?;
        }
        Ok(range)
    }

    /// Makes durable what was appended, and returns the sequence below which everything is.
    ///
    /// Any failure is final: nobody knows what the disk holds, so the journal accepts nothing more
    /// until it is opened anew. What was appended since the last sync may or may not be there then.
    pub fn sync(&mut self) -> Result<u64> {
        self.check_poison()?;
        self.close_frame();
        if let Some(active) = &self.active
            && !self.buffer.is_empty()
        {
            let name = active.segment.name();
            let length = self.buffer.len() as u64;
            if active.offset + length + HEADER as u64 <= active.segment.len {
                let end = Header::end_of_group(
                    self.home(active),
                    self.group,
                    active.offset as u32,
                    self.next,
                );
                self.buffer.extend_from_slice(&end.bytes());
            }
            let written = self.write_group(active);
            self.or_poison(written.map_err(|source| Error::io("write", &name, source)))?;
            if let Some(active) = &mut self.active {
                if !self.shared.lock().cached {
                    let written = active.offset..active.offset + length;
                    self.shared.storage.forget(&active.segment.file, written);
                }
                active.offset += length;
            }
            self.group = self.group.wrapping_add(1);
            self.buffer.clear();
            #[cfg(millpond_seed_bug = "acknowledge_before_sync")]
            {
                self.owes_sync = true;
            }
            self.shared.lock().durable = self.next;
        }
        Ok(self.next)
    }

    /// Whether what is synced from here on will be read again soon, as it is in general. If not, the system
    /// is told that it need not keep it in memory: pages that are used again cost a fraction of new ones.
    pub fn set_cached(&mut self, cached: bool) {
        self.shared.lock().cached = cached;
    }

    /// A reader of records from `sequence` on, for use beside the writer, in another thread if need be.
    pub fn reader(&self, sequence: u64) -> Result<Reader<S>> {
        Reader::new(Arc::clone(&self.shared), sequence)
    }

    /// The operator's word that what is damaged may be passed over. Without it readers stop there, and
    /// the journal is not truncated beyond it. It is stored, and holds for what the opening reported,
    /// from now on; what is damaged later needs another word.
    pub fn accept_damage(&mut self) -> Result<()> {
        let committed = self.checkpoint.committed;
        let gaps = self.shared.lock().gaps.clone();
        let accepted: Vec<_> = gaps
            .iter()
            .filter(|gap| !gap.accepted && gap.damage.matters(committed))
            .map(Accepted::new)
            .collect();
        if accepted.is_empty() {
            return Ok(());
        }
        accepted::add(&self.shared.storage, self.shared.journal, &accepted)?;
        for gap in &mut self.shared.lock().gaps {
            gap.accepted = true;
        }
        Ok(())
    }

    /// Drawn at random when the journal was made: sequences of two journals have nothing to do with each
    /// other, and this tells them apart.
    pub fn id(&self) -> u64 {
        self.checkpoint.journal
    }

    /// The sequence that the next record gets.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Everything below this is synced.
    pub fn durable_sequence(&self) -> u64 {
        self.shared.lock().durable
    }

    /// Everything below this is done with.
    pub fn committed_sequence(&self) -> u64 {
        self.checkpoint.committed
    }

    /// What its segments take up, in bytes.
    pub fn used_bytes(&self) -> u64 {
        self.shared.used_bytes()
    }

    fn write_group(&self, active: &Active<S::File>) -> std::io::Result<()> {
        let (storage, file) = (&self.shared.storage, &active.segment.file);
        #[cfg(millpond_seed_bug = "acknowledge_before_sync")]
        {
            if self.owes_sync {
                storage.sync(file)?;
            }
            storage.write_at(file, &self.buffer, active.offset)
        }
        #[cfg(not(millpond_seed_bug = "acknowledge_before_sync"))]
        {
            storage.write_at(file, &self.buffer, active.offset)?;
            storage.sync(file)
        }
    }

    /// Sees to it that a record of `size` bytes has a place on disk before it is accepted.
    fn make_room(&mut self, size: usize) -> Result<()> {
        self.unprepared += size as u64;
        if self.end_with(size).is_some_and(|(end, len)| end <= len) {
            // Early, and little by little, so that no append waits for a whole segment. If there is
            // no space now, there may be when it is needed.
            if self.unprepared >= self.options.segment_bytes / 8 || self.unprepared >= 1 << 20 {
                self.unprepared = 0;
                match self.prepare_some() {
                    Ok(_) => {}
                    Err(error) if error.refuses() => {}
                    Err(error) => return self.or_poison(Err(error)),
                }
            }
            return Ok(());
        }
        loop {
            match self.prepare_some() {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) if error.refuses() => return Err(error),
                Err(error) => return self.or_poison(Err(error)),
            }
        }
        self.sync()?;
        self.rotate()
    }

    /// Takes the prepared segment into use.
    fn rotate(&mut self) -> Result<()> {
        let Some(prepared) = self.preparing.take() else {
            return Ok(());
        };
        let segment = prepared.segment;
        self.checkpoint = Checkpoint {
            newest: segment.number,
            group: self.group,
            ..self.checkpoint.next()
        };
        let stored = self
            .checkpoint
            .store(&self.shared.storage, &self.checkpoint_file);
        self.or_poison(stored)?;
        self.shared.lock().segments.push(Extent {
            number: segment.number,
            first: self.next,
            begin: HEAD as u64,
            len: segment.len,
        });
        self.active = Some(Active { segment, offset: 0 });
        Ok(())
    }

    /// Where the segment's bytes would end with `size` more, and how long the segment is.
    fn end_with(&self, size: usize) -> Option<(u64, u64)> {
        let active = self.active.as_ref()?;
        let begin = active.offset + self.buffer.len() as u64;
        let end = match self.frame {
            Some(open) if self.joins(open, size) => begin + size as u64,
            _ => begin.max(HEAD as u64).next_multiple_of(ALIGN) + stride(size),
        };
        Some((end.next_multiple_of(ALIGN), active.segment.len))
    }

    fn joins(&self, open: Open, size: usize) -> bool {
        let payload = self.buffer.len() - open.begin - HEADER + size;
        payload as u64 <= FRAME.min(self.options.segment_bytes / 8)
    }

    fn open_frame(&mut self, size: usize) {
        if self.frame.is_some_and(|open| self.joins(open, size)) {
            return;
        }
        self.close_frame();
        if let Some(active) = self.active.as_ref()
            && active.offset == 0
            && self.buffer.is_empty()
        {
            let head = Head {
                home: self.home(active),
                first: self.next,
                capacity: active.segment.len,
            };
            self.buffer.extend_from_slice(&head.bytes());
        }
        self.frame = Some(Open {
            begin: self.buffer.len(),
            first: self.next,
        });
        self.buffer.extend_from_slice(&[0; HEADER]);
    }

    fn close_frame(&mut self) {
        let (Some(open), Some(active)) = (self.frame.take(), &self.active) else {
            return;
        };
        let home = self.home(active);
        let group_start = active.offset as u32;
        let (header, payload) = self.buffer[open.begin..].split_at_mut(HEADER);
        let sealed = Header {
            length: payload.len() as u32,
            checksum: 0,
            group: self.group,
            first: open.first,
            count: (self.next - open.first) as u32,
            group_start,
        };
        header.copy_from_slice(&sealed.sealed(home, payload).bytes());
        let end = self.buffer.len().next_multiple_of(ALIGN as usize);
        self.buffer.resize(end, 0);
    }

    fn home(&self, active: &Active<S::File>) -> Home {
        Home {
            journal: self.shared.journal,
            segment: active.segment.number,
        }
    }

    pub(crate) fn check_poison(&self) -> Result<()> {
        match &self.poison {
            None => Ok(()),
            Some(reason) => Err(Error::Poisoned {
                reason: reason.clone(),
            }),
        }
    }

    /// Remembers a failure after which nobody knows what the disk holds.
    pub(crate) fn or_poison<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result
            && self.poison.is_none()
        {
            self.poison = Some(error.to_string());
        }
        result
    }
}
