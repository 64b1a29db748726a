use std::sync::Arc;

use crate::error::{Error, Result};
use crate::frame::Records;
use crate::recovery::Damage;
use crate::segment::Segment;
use crate::shared::{Extent, Shared, State};
use crate::storage::Storage;

/// Reads records in order, a frame at a time, up to what is durable.
pub struct Reader<S: Storage> {
    shared: Arc<Shared<S>>,
    segment: Option<Segment<S::File>>,
    offset: u64,
    /// The sequence of the frame that lies at `offset`.
    at: u64,
    /// Records below this are passed over.
    from: u64,
    payload: Vec<u8>,
}

/// What is to be done next.
enum Step {
    Wait,
    Enter {
        segment: u64,
        offset: u64,
        first: u64,
    },
    Read,
}

impl<S: Storage> Reader<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>, from: u64) -> Result<Self> {
        let state = shared.lock();
        let (committed, durable) = (state.committed, state.durable);
        drop(state);
        if from < committed || from > durable {
            return Err(Error::OutOfRange {
                sequence: from,
                from: committed,
                to: durable,
            });
        }
        Ok(Self {
            shared,
            segment: None,
            offset: 0,
            at: from,
            from,
            payload: Vec::new(),
        })
    }

    /// The next records, each with its sequence; `None` if there are none yet, so ask again after a
    /// sync. Fails with [`Error::Damaged`] at damage, as often as it is asked, until an operator
    /// accepts the loss, and with [`Error::OutOfRange`] when what comes next has been truncated.
    pub fn next_records(&mut self) -> Result<Option<impl Iterator<Item = (u64, &[u8])>>> {
        loop {
            match self.step()? {
                Step::Wait => return Ok(None),
                Step::Enter {
                    segment,
                    offset,
                    first,
                } => self.enter(segment, offset, first)?,
                Step::Read => {
                    if let Some((first, from)) = self.fetch()? {
                        let records = Records::new(&self.payload, first);
                        return Ok(Some(records.filter(move |(sequence, _)| *sequence >= from)));
                    }
                }
            }
        }
    }

    /// The sequence of the next record that will be read.
    pub fn position(&self) -> u64 {
        self.at.max(self.from)
    }

    fn step(&self) -> Result<Step> {
        let state = self.shared.lock();
        let wanted = self.position();
        if let Some(damage) = state.blocking(wanted) {
            return Err(Error::Damaged(damage.clone()));
        }
        if wanted >= state.durable {
            return Ok(Step::Wait);
        }
        let here = self.segment.as_ref();
        let here = here.map(|segment| (segment.number, self.offset));
        let gap = state.gaps.iter().find(|gap| match here {
            Some(here) => (gap.damage.segment, gap.damage.offset) == here,
            None => gap.damage.covers(wanted),
        });
        if let Some((segment, offset)) = gap.and_then(|gap| gap.resume)
            && Some((segment, offset)) != here
        {
            let first = gap.and_then(|gap| gap.damage.to).unwrap_or(self.at);
            return Ok(Step::Enter {
                segment,
                offset,
                first,
            });
        }
        let Some(segment) = &self.segment else {
            let entered = first_of(&state, wanted);
            return Ok(entered.map_or(Step::Wait, |extent| enter(&extent)));
        };
        let mut later = state
            .segments
            .iter()
            .filter(|extent| extent.number > segment.number);
        match later.next() {
            Some(next) if next.first <= self.at => Ok(enter(next)),
            _ => Ok(Step::Read),
        }
    }

    fn enter(&mut self, number: u64, offset: u64, first: u64) -> Result<()> {
        if self
            .segment
            .as_ref()
            .is_none_or(|segment| segment.number != number)
        {
            let opened = Segment::open(&self.shared.storage, number);
            self.segment = Some(opened.map_err(|error| self.if_held(number, error))?);
        }
        (self.offset, self.at) = (offset, first);
        Ok(())
    }

    /// Reads the frame at hand, and returns what its records count from and which of them are wanted;
    /// `None` if none is.
    fn fetch(&mut self) -> Result<Option<(u64, u64)>> {
        let Some(segment) = &self.segment else {
            return Ok(None);
        };
        let (storage, journal) = (&self.shared.storage, self.shared.journal);
        let header = segment.fetch(storage, journal, self.offset, &mut self.payload)?;
        let Some(header) = header.filter(|header| header.first == self.at) else {
            let damage = Error::Damaged(self.fresh_damage(segment.number));
            return Err(self.if_held(segment.number, damage));
        };
        if !self.shared.lock().cached {
            let read = self.offset..self.offset + header.stride();
            storage.forget(&segment.file, read);
        }
        self.offset += header.stride();
        self.at = header.end();
        Ok((self.at > self.from).then_some((header.first, self.from)))
    }

    /// The error, unless it comes from a segment that has been let go: its name or its file may be
    /// another segment's by now.
    fn if_held(&self, segment: u64, error: Error) -> Error {
        let state = self.shared.lock();
        if state.segments.iter().any(|extent| extent.number == segment) {
            return error;
        }
        Error::OutOfRange {
            sequence: self.position(),
            from: state.committed,
            to: state.durable,
        }
    }

    /// Damage that came after the journal was opened: how far it goes, the next segment says.
    fn fresh_damage(&self, segment: u64) -> Damage {
        let state = self.shared.lock();
        let mut later = state
            .segments
            .iter()
            .filter(|extent| extent.number > segment);
        let to = later.next().map_or(state.durable, |extent| extent.first);
        Damage {
            segment,
            offset: self.offset,
            from: self.at,
            to: Some(to),
        }
    }
}

fn enter(extent: &Extent) -> Step {
    Step::Enter {
        segment: extent.number,
        offset: extent.begin,
        first: extent.first,
    }
}

/// The segment in which `sequence` lies.
fn first_of(state: &State, sequence: u64) -> Option<Extent> {
    let mut before = state
        .segments
        .iter()
        .rev()
        .filter(|extent| extent.first <= sequence);
    before.next().or(state.segments.first()).copied()
}
