//! Runs dead letters through the pipelines they came from, and marks those that came to an end there.

mod tally;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use async_std::task::block_on;
use millpond_delivery::Ledger;
use millpond_event::{Chunk, Origin};
use millpond_ingest::Inlet;
use millpond_store::{DeadLetters, Error, Filter, Found, Id, Letters};

use crate::codec::unix_micros;
use tally::{Tally, Ticked};

/// So many letters are marked together, at most: what a crash lets come again.
const MARKED_TOGETHER: usize = 1_000;

/// Ends of a letter that are the sink's fault: it is not marked then.
const SINK_GONE: [&str; 2] = ["sink_closed", "sink_failed"];

/// The ways into the pipelines beside the sources. A pipeline ends only once its door is closed, too.
#[derive(Clone, Default)]
pub(crate) struct Doors {
    open: Arc<Mutex<BTreeMap<String, Door>>>,
}

/// The way into one pipeline.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) inlet: Inlet,
    pub(crate) ledger: Arc<Ledger>,
}

impl Doors {
    pub(crate) fn new(doors: BTreeMap<String, Door>) -> Self {
        Doors {
            open: Arc::new(Mutex::new(doors)),
        }
    }

    /// Lets nothing more in.
    pub(crate) fn close(&self) {
        self.lock().clear();
    }

    /// All that are open: they stay so until the copy is dropped.
    pub(crate) fn all(&self) -> BTreeMap<String, Door> {
        self.lock().clone()
    }

    /// A map is whole after every change.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Door>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replays letters, one replay at a time.
pub(crate) struct Replayer {
    pub(crate) store: DeadLetters,
    pub(crate) folder: PathBuf,
    pub(crate) doors: Doors,
    pub(crate) busy: Mutex<()>,
}

/// What became of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Came to an end in their pipeline, and are marked.
    pub(crate) replayed: u64,
    /// Were fed and did not come to an end: they are not marked.
    pub(crate) unfinished: u64,
    /// Only their beginning was kept.
    pub(crate) cut_short: u64,
    /// Are no line: nothing, or more than one.
    pub(crate) no_line: u64,
    /// By pipeline: there is none of that name.
    pub(crate) no_pipeline: BTreeMap<String, u64>,
    /// Whether it was told to stop.
    pub(crate) stopped: bool,
}

/// Why letters were not replayed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error(transparent)]
    Store(#[from] Error),
    #[error("a replay or a purge is under way already, expected one at a time")]
    Busy,
    #[error("the daemon is ending, and lets nothing more in")]
    Ending,
}

impl Replayer {
    /// Feeds the letters that `filter` wants, waits until each has come to an end, and marks them.
    ///
    /// Letters that fail again meanwhile are new ones, and not among those.
    pub(crate) fn replay(&self, filter: &Filter) -> Result<Outcome, ReplayError> {
        let _busy = self.claim()?;
        let doors = self.doors.all();
        if doors.is_empty() {
            return Err(ReplayError::Ending);
        }
        let letters = Letters::open(&self.folder)?;
        let mut run = Run {
            store: &self.store,
            doors: doors.values().cloned().collect(),
            gone_before: 0,
            tally: Arc::new(Tally::default()),
            fed: 0,
            outcome: Outcome::default(),
        };
        run.gone_before = run.gone();
        letters.each(filter, |found| {
            let pipeline = found.letter.pipeline;
            match (unfit(found), doors.get(pipeline)) {
                (Some(unfit), _) => *unfit(&mut run.outcome) += 1,
                (None, Some(door)) => return run.feed(door, found),
                (None, None) => {
                    let letters = &mut run.outcome.no_pipeline;
                    *letters.entry(pipeline.to_owned()).or_default() += 1;
                }
            }
            Ok::<_, ReplayError>(true)
        })?;
        run.finish()
    }

    /// Deletes letters.
    pub(crate) fn purge(&self, filter: &Filter) -> Result<u64, ReplayError> {
        let _busy = self.claim()?;
        Ok(self.store.purge(filter)?)
    }

    fn claim(&self) -> Result<MutexGuard<'_, ()>, ReplayError> {
        match self.busy.try_lock() {
            Ok(busy) => Ok(busy),
            Err(TryLockError::Poisoned(busy)) => Ok(busy.into_inner()),
            Err(TryLockError::WouldBlock) => Err(ReplayError::Busy),
        }
    }
}

/// Where a letter counts that cannot be fed.
pub(crate) fn unfit(found: &Found<'_>) -> Option<fn(&mut Outcome) -> &mut u64> {
    let event = found.letter.event;
    let blank = event
        .iter()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
    if found.letter.truncated.is_some() {
        Some(|outcome| &mut outcome.cut_short)
    } else if blank || event.contains(&b'\n') {
        Some(|outcome| &mut outcome.no_line)
    } else {
        None
    }
}

/// A replay under way.
struct Run<'a> {
    store: &'a DeadLetters,
    doors: Vec<Door>,
    /// Events that sinks could not take before it began.
    gone_before: u64,
    tally: Arc<Tally>,
    fed: u64,
    outcome: Outcome,
}

impl Run<'_> {
    /// Feeds one letter, from where it came; false when nothing more can be.
    fn feed(&mut self, door: &Door, found: &Found<'_>) -> Result<bool, ReplayError> {
        let letter = &found.letter;
        let Some(mut lease) = block_on(door.inlet.lease(letter.event.len())) else {
            self.outcome.stopped = true;
            return Ok(false);
        };
        lease.bytes()[..letter.event.len()].copy_from_slice(letter.event);
        let (buffer, filled, permit) = lease.seal(0..letter.event.len());
        let origin = Origin {
            source: letter.source.into(),
            partition: letter.partition,
            first_sequence: letter.sequence,
            offset: letter.offset,
            received_micros: unix_micros(),
        };
        let chunk = Chunk::new(buffer, filled, origin);
        let ticked = Ticked::new(&self.tally, found.id);
        self.fed += 1;
        let submitted = door
            .inlet
            .submit(chunk, Arc::new(permit), Some(Arc::new(ticked)));
        if block_on(submitted).is_err() {
            self.outcome.stopped = true;
            return Ok(false);
        }
        let ended = self.tally.take_if(MARKED_TOGETHER);
        self.mark(&ended)?;
        Ok(true)
    }

    /// Waits for what is under way, and marks the rest.
    fn finish(mut self) -> Result<Outcome, ReplayError> {
        let is_ended = || self.doors.iter().any(|door| door.inlet.is_ended());
        self.outcome.stopped |= !self.tally.wait_for(self.fed, is_ended);
        let ended = self.tally.take_if(1);
        self.mark(&ended)?;
        self.outcome.unfinished = self.fed - self.outcome.replayed;
        Ok(self.outcome)
    }

    fn mark(&mut self, ended: &[Id]) -> Result<(), ReplayError> {
        // Nobody says whose event it was that a sink could not take: none of these is marked then.
        if ended.is_empty() || self.gone() > self.gone_before {
            return Ok(());
        }
        self.store.mark_replayed(ended)?;
        self.outcome.replayed += ended.len() as u64;
        Ok(())
    }

    /// Events that sinks could not take.
    fn gone(&self) -> u64 {
        let doors = self.doors.iter();
        let dropped = doors.map(|door| door.ledger.totals().dropped_by);
        dropped
            .flat_map(|dropped| SINK_GONE.map(|reason| dropped.get(reason).copied().unwrap_or(0)))
            .sum()
    }
}

impl Outcome {
    /// Whether every letter that could be fed came to an end.
    pub(crate) fn is_whole(&self) -> bool {
        self.unfinished == 0 && !self.stopped
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} letters replayed", self.replayed)?;
        for (letters, what) in [
            (self.unfinished, "did not come to an end and are not marked"),
            (self.cut_short, "passed over: only their beginning was kept"),
            (self.no_line, "passed over: they are not one line"),
        ] {
            if letters > 0 {
                writeln!(f, "{letters} {what}")?;
            }
        }
        for (pipeline, letters) in &self.no_pipeline {
            writeln!(
                f,
                "{letters} passed over: there is no pipeline {pipeline:?}"
            )?;
        }
        if self.stopped {
            writeln!(f, "stopped before the end")?;
        }
        Ok(())
    }
}
