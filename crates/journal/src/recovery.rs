//! Opening a journal: what is there, what is lost, and what was only half written.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::accepted;
use crate::checkpoint::{self, Checkpoint, Found, NONE};
use crate::error::{Error, Result};
use crate::le::is_later;
use crate::options::Options;
use crate::repair;
use crate::scan::Scan;
use crate::segment::{self, HEAD, Segment};
use crate::shared::{Extent, Gap};
use crate::storage::Storage;
use crate::torn::{TornTail, torn_tail};

/// Records that were once durable and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment whose bytes are bad, or behind which one is missing.
    pub segment: u64,
    /// Where in it.
    pub offset: u64,
    /// The first sequence that is lost.
    pub from: u64,
    /// The first sequence behind it that is there; none if nobody knows how far the lost ones went.
    pub to: Option<u64>,
}

impl Damage {
    /// Whether `sequence` may be among what is lost.
    pub fn covers(&self, sequence: u64) -> bool {
        self.from <= sequence && sequence < self.to.unwrap_or(self.from.saturating_add(1))
    }

    /// Whether anything that is lost was still needed.
    pub(crate) fn matters(&self, committed: u64) -> bool {
        self.to.is_none_or(|to| to > committed.max(self.from))
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = segment::name(self.segment);
        write!(f, "{name} is damaged at byte {}: ", self.offset)?;
        match self.to {
            Some(to) => write!(f, "records {} to {} are lost", self.from, to - 1),
            None => write!(f, "records from {} on are lost", self.from),
        }
    }
}

/// What opening a journal brought to light.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is lost, in order. Readers stop before it until it is accepted.
    pub damages: Vec<Damage>,
    /// What is lost and was accepted at an earlier opening, in order. Readers pass over it.
    pub accepted: Vec<Damage>,
    /// What was cut short in the last group, and has been removed.
    pub torn_tail: Option<TornTail>,
    /// Whether the checkpoint, or the newer or older half of it, could not be read. Records that were
    /// committed may be read again.
    pub checkpoint_unreadable: bool,
    /// Segments whose head was bad while their records are good.
    pub bad_heads: Vec<u64>,
}

/// A journal's parts, ready to go on.
pub(crate) struct Recovered<F> {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) checkpoint_file: F,
    pub(crate) extents: Vec<Extent>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) report: Report,
    /// The sequence that comes next.
    pub(crate) next: u64,
    /// The group that comes next.
    pub(crate) group: u64,
    /// The segment to go on in, and where.
    pub(crate) active: Option<(Segment<F>, u64)>,
    /// The lowest number that no segment has had.
    pub(crate) number: Option<u64>,
}

pub(crate) fn recover<S: Storage>(storage: &S, options: &Options) -> Result<Recovered<S::File>> {
    options.check()?;
    let names = storage
        .list()
        .map_err(|source| Error::io("list", "the journal's folder", source))?;
    let mut numbers: Vec<u64> = names
        .iter()
        .filter_map(|name| segment::number(name))
        .collect();
    numbers.sort_unstable();
    let exists = names.iter().any(|name| name == checkpoint::NAME);
    let (checkpoint_file, found) = open_checkpoint(storage, exists, numbers.is_empty())?;
    let segments = numbers
        .iter()
        .map(|&number| Segment::open(storage, number))
        .collect::<Result<Vec<_>>>()?;
    let start = match found.newest {
        Some(newest) => newest,
        None => begin(storage, options, &segments)?,
    };

    let trusted = found.newest.is_some() && !found.unreadable;
    let mut scan = Scan::new(storage, start.journal, start.committed, trusted);
    for segment in &segments {
        scan.segment(segment)?;
    }
    let Scan {
        mut extents,
        mut gaps,
        headless,
        next: scanned,
        stop,
        ..
    } = scan;
    let first = stop.and(extents.first().copied());
    let committed = match first {
        Some(first) if !trusted => start.committed.max(first.first),
        _ => start.committed,
    };
    let next = scanned.unwrap_or(committed).max(committed);
    let begin = (first.map_or(0, |first| first.number), HEAD as u64);
    let (segment, offset) = stop.map_or(begin, |stop| (stop.segment, stop.offset));
    // What is damaged is kept, and told again at the next opening.
    let cut = cut_short(storage, &segments, &start, trusted, segment)?;
    gaps.extend(cut.map(|cut| Gap {
        damage: Damage {
            segment,
            offset,
            from: next,
            to: None,
        },
        resume: None,
        cut: Some(cut),
        accepted: false,
    }));
    let words = accepted::load(storage, &names, start.journal)?;
    for gap in &mut gaps {
        gap.damage.from = gap.damage.from.max(committed);
        gap.accepted = words.iter().any(|word| word.covers(gap));
    }
    let lost = gaps.iter().filter(|gap| gap.damage.matters(committed));
    let (given_up, damaged): (Vec<&Gap>, Vec<&Gap>) = lost.partition(|gap| gap.accepted);
    let damages = |gaps: Vec<&Gap>| gaps.iter().map(|gap| gap.damage.clone()).collect();
    let (accepted, damages) = (damages(given_up), damages(damaged));

    let sealed = !gaps.is_empty() || scanned.is_some_and(|scanned| scanned != next);
    let torn = torn_tail(storage, &start, &segments, stop, next)?;
    let report = Report {
        damages,
        accepted,
        torn_tail: torn,
        checkpoint_unreadable: found.unreadable || (found.newest.is_none() && first.is_some()),
        bad_heads: headless,
    };

    storage
        .sync_names()
        .map_err(|source| Error::io("sync", "the journal's folder", source))?;
    let last = stop.map(|stop| stop.segment);
    if let Some(stop) = stop
        && let Some(segment) = segments
            .iter()
            .find(|segment| segment.number == stop.segment)
    {
        repair::renew(storage, segment, stop)?;
        if !sealed {
            let first = extents.iter().find(|extent| extent.number == stop.segment);
            let head = first.filter(|_| report.bad_heads.contains(&stop.segment));
            repair::end(storage, segment, stop, start.journal, head)?;
        }
        repair::sync(storage, segment)?;
    }
    extents.retain(|extent| last.is_some_and(|last| extent.number <= last));
    let group = stop.map_or(start.group, |stop| stop.group.wrapping_add(1));
    let group = if is_later(start.group, group) {
        start.group
    } else {
        group
    };
    let mut checkpoint = Checkpoint {
        committed,
        group,
        newest: cut.or(last).unwrap_or(NONE),
        ..start
    };
    if let Some(newest) = found.newest {
        // It may have been read from memory alone, like the last group. Until it is surely on disk,
        // the slot that the next one goes to may hold the only one that is.
        newest.store(storage, &checkpoint_file)?;
        checkpoint = checkpoint.next();
    }
    checkpoint.store(storage, &checkpoint_file)?;
    let spare = numbers
        .iter()
        .filter(|&&number| last.is_none_or(|last| number > last) && cut != Some(number));
    repair::remove(storage, spare.copied())?;

    let highest = numbers
        .last()
        .copied()
        .max(Some(start.newest).filter(|&n| n != NONE));
    let number = highest.map_or(Some(options.origin.segment), |highest| {
        highest.checked_add(1)
    });
    let active = stop.filter(|_| !sealed).and_then(|stop| {
        let segment = segments
            .into_iter()
            .find(|segment| segment.number == stop.segment)?;
        Some((segment, stop.offset))
    });
    Ok(Recovered {
        checkpoint,
        checkpoint_file,
        extents,
        gaps,
        report,
        next,
        group,
        active,
        number,
    })
}

/// Opens the checkpoint, or makes one.
fn open_checkpoint<S: Storage>(
    storage: &S,
    exists: bool,
    is_new: bool,
) -> Result<(S::File, Found)> {
    let failed = |doing| move |source| Error::io(doing, checkpoint::NAME, source);
    if exists {
        let file = storage.open(checkpoint::NAME).map_err(failed("open"))?;
        let found = checkpoint::load(storage, &file)?;
        if found.newest.is_some() || !is_new {
            return Ok((file, found));
        }
        // A beginning that was cut short. If a sync of names failed then, this name may be there only
        // in memory, and no later sync would make it last: it has to be made anew.
        storage.remove(checkpoint::NAME).map_err(failed("remove"))?;
    }
    let file = storage.create(checkpoint::NAME).map_err(failed("create"))?;
    Ok((file, Found::default()))
}

/// What a journal without a readable checkpoint starts from: its oldest segment, or nothing at all.
fn begin<S: Storage>(
    storage: &S,
    options: &Options,
    segments: &[Segment<S::File>],
) -> Result<Checkpoint> {
    let mut checkpoint = Checkpoint {
        journal: options.origin.journal.unwrap_or_else(random),
        counter: options.origin.checkpoint,
        committed: options.origin.sequence,
        newest: NONE,
        group: options.origin.group,
    };
    for segment in segments {
        if let Some(head) = segment.head(storage)? {
            checkpoint.journal = head.home.journal;
            checkpoint.committed = head.first;
            return Ok(checkpoint);
        }
    }
    // A checkpoint is stored before the first segment is made, so these are not a beginning cut short.
    if !segments.is_empty() {
        return Err(Error::Unreadable);
    }
    Ok(checkpoint)
}

/// A number that no client can guess.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The segment among the last ones in use that is missing, or shorter than it was made.
fn cut_short<S: Storage>(
    storage: &S,
    segments: &[Segment<S::File>],
    checkpoint: &Checkpoint,
    trusted: bool,
    last: u64,
) -> Result<Option<u64>> {
    let newest = segments
        .iter()
        .find(|segment| segment.number == checkpoint.newest);
    let missing = newest.is_none_or(|newest| newest.len < HEAD as u64);
    if trusted && checkpoint.newest != NONE && missing {
        return Ok(Some(checkpoint.newest));
    }
    for segment in segments.iter().filter(|segment| segment.number >= last) {
        let head = segment.head(storage)?;
        if head.is_some_and(|head| segment.len < head.capacity) {
            return Ok(Some(segment.number));
        }
    }
    Ok(None)
}
