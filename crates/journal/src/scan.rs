//! Reading all segments in order, and judging what does not verify.
//!
//! A group is written only after the one before is synced. So when a bad place is followed by a good
//! frame of a later group, the bad place was once synced: that is damage. When all that follows is of
//! the same group, or nothing, it may be a write that was cut short: a torn tail. A frame says where
//! its group begins, which tells the two apart even if it is the first good one of its group.

use crate::error::Result;
use crate::frame::{ALIGN, HEADER, Header, Home};
use crate::le::is_later;
use crate::recovery::Damage;
use crate::segment::{HEAD, Head, Segment};
use crate::shared::{Extent, Gap};
use crate::storage::Storage;

/// How much is looked at in one go.
const WINDOW: u64 = 256 << 10;

/// The last good group, and the place behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) segment: u64,
    pub(crate) group: u64,
    pub(crate) group_start: u64,
    pub(crate) offset: u64,
    /// The sequence of the first record behind.
    pub(crate) next: u64,
}

impl Stop {
    /// What lies at its offset if the group was written to its end.
    pub(crate) fn end(&self, journal: u64) -> [u8; HEADER] {
        let home = Home {
            journal,
            segment: self.segment,
        };
        Header::end_of_group(home, self.group, self.group_start as u32, self.next).bytes()
    }
}

/// What the segments hold.
pub(crate) struct Scan<'a, S: Storage> {
    storage: &'a S,
    journal: u64,
    /// Where damage begins if not even the first segment says where it does.
    committed: u64,
    /// Whether what comes first may be judged by that.
    trusted: bool,
    payload: Vec<u8>,
    window: Vec<u8>,
    /// The segments scanned so far.
    pub(crate) extents: Vec<Extent>,
    pub(crate) gaps: Vec<Gap>,
    /// Segments whose head is bad though frames in them are good.
    pub(crate) headless: Vec<u64>,
    /// The sequence that comes next, once it is known.
    pub(crate) next: Option<u64>,
    pub(crate) stop: Option<Stop>,
}

impl<'a, S: Storage> Scan<'a, S> {
    pub(crate) fn new(storage: &'a S, journal: u64, committed: u64, trusted: bool) -> Self {
        Self {
            storage,
            journal,
            committed,
            trusted,
            payload: Vec::new(),
            window: Vec::new(),
            extents: Vec::new(),
            gaps: Vec::new(),
            headless: Vec::new(),
            next: None,
            stop: None,
        }
    }

    /// Scans the segment that comes after those before.
    pub(crate) fn segment(&mut self, segment: &Segment<S::File>) -> Result<()> {
        let head = segment.head(self.storage)?;
        if self.next.is_none() {
            self.next = head.map(|head| head.first);
        }
        self.extents.push(Extent {
            number: segment.number,
            first: self.next.unwrap_or(self.committed),
            begin: HEAD as u64,
            len: segment.len,
        });
        let mut offset = HEAD as u64;
        let mut found = false;
        loop {
            let here = segment.fetch(self.storage, self.journal, offset, &mut self.payload)?;
            let here = here.filter(|header| self.continues(segment.number, header));
            let good = match here {
                Some(header) => Some((offset, header)),
                None => self.search(segment, head.as_ref(), offset)?,
            };
            let Some((at, header)) = good else { break };
            self.accept(segment, at, &header);
            found = true;
            offset = at + header.stride();
        }
        if found && head.is_none() {
            self.headless.push(segment.number);
        }
        Ok(())
    }

    /// Whether `header`, read from where the next frame must be, is the next frame.
    fn continues(&self, segment: u64, header: &Header) -> bool {
        self.next.is_none_or(|next| header.first == next) && self.may_follow(segment, header)
    }

    fn may_follow(&self, segment: u64, header: &Header) -> bool {
        self.stop.is_none_or(|stop| {
            let same = header.group == stop.group && segment == stop.segment;
            same || is_later(header.group, stop.group)
        })
    }

    /// Takes in a good frame; what lies between it and the good one before is lost.
    fn accept(&mut self, segment: &Segment<S::File>, at: u64, header: &Header) {
        let known = self.next.unwrap_or(if at == HEAD as u64 {
            header.first
        } else {
            self.committed.min(header.first)
        });
        // A segment is removed only after the checkpoint that lets it go. What is missing from there
        // on is lost, unless it is the checkpoint that cannot be read.
        let from = match self.stop {
            None if self.trusted => known.min(self.committed),
            _ => known,
        };
        if header.first > from || at > self.expected(segment.number) {
            let begin = self
                .extents
                .first()
                .map_or(segment.number, |first| first.number);
            let (in_segment, offset) = self
                .stop
                .map_or((begin, HEAD as u64), |stop| (stop.segment, stop.offset));
            self.gaps.push(Gap {
                damage: Damage {
                    segment: in_segment,
                    offset,
                    from,
                    to: Some(header.first),
                },
                resume: Some((segment.number, at)),
                cut: None,
                accepted: false,
            });
        }
        if let Some(extent) = self.extents.last_mut()
            && self.stop.is_none_or(|stop| stop.segment != segment.number)
        {
            (extent.first, extent.begin) = (header.first, at);
        }
        self.next = Some(header.end());
        self.stop = Some(Stop {
            segment: segment.number,
            group: header.group,
            group_start: u64::from(header.group_start),
            offset: at + header.stride(),
            next: header.end(),
        });
    }

    /// Where in `segment` the next frame must begin.
    fn expected(&self, segment: u64) -> u64 {
        match self.stop {
            Some(stop) if stop.segment == segment => stop.offset,
            _ => HEAD as u64,
        }
    }

    /// The first good frame at or behind the bad place at `bad` that proves that it was once synced.
    fn search(
        &mut self,
        segment: &Segment<S::File>,
        head: Option<&Head>,
        bad: u64,
    ) -> Result<Option<(u64, Header)>> {
        let mut window = std::mem::take(&mut self.window);
        let found = self.search_in(segment, head, bad, &mut window);
        self.window = window;
        found
    }

    fn search_in(
        &mut self,
        segment: &Segment<S::File>,
        head: Option<&Head>,
        bad: u64,
        window: &mut Vec<u8>,
    ) -> Result<Option<(u64, Header)>> {
        let mut begin = bad;
        while begin + HEADER as u64 <= segment.len {
            // Windows overlap by a header, so that none is cut in two.
            window.resize(
                (segment.len - begin).min(WINDOW + HEADER as u64) as usize,
                0,
            );
            let read = segment.read(self.storage, window, begin)?;
            for place in (0..read.min(WINDOW as usize)).step_by(ALIGN as usize) {
                let Some(bytes) = window[place..read].first_chunk::<HEADER>() else {
                    break;
                };
                let (at, header) = (begin + place as u64, Header::read(bytes));
                let candidate = header.length > 0
                    && header.is_plausible(at, segment.len)
                    && self.may_follow(segment.number, &header)
                    && self.proves(segment.number, head, bad, at, &header);
                if !candidate {
                    continue;
                }
                if let Some(header) =
                    segment.fetch(self.storage, self.journal, at, &mut self.payload)?
                {
                    return Ok(Some((at, header)));
                }
            }
            begin += WINDOW;
        }
        Ok(None)
    }

    /// Whether a good frame at `at` shows that the bad place at `bad` is damage and no torn write.
    fn proves(
        &self,
        segment: u64,
        head: Option<&Head>,
        bad: u64,
        at: u64,
        header: &Header,
    ) -> bool {
        let Some(next) = self.next else {
            return header.group_start > 0;
        };
        if header.first < next {
            return false;
        }
        let continued = self.stop.is_some_and(|stop| stop.segment == segment);
        if continued {
            return u64::from(header.group_start) > bad;
        }
        // What is missing lies in an earlier segment if this one begins with what comes later.
        let begins_later = head.is_some_and(|head| head.first > next);
        header.group_start > 0 || at == HEAD as u64 || begins_later
    }
}
