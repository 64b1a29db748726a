use std::sync::OnceLock;

use crate::ledger::{ABANDONED, Ledger};
use crate::prefix::SettledPrefix;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, Mutex, MutexGuard, lock};
use crate::ticket::{Part, Ticket};

/// A record of the journal, and an event in it.
type Mark = (u64, u32);

/// Behind everything: nothing is owed.
const NOTHING: Mark = (u64::MAX, u32::MAX);

/// What one pipeline has still to be given of a journal while the others go on without it.
///
/// A pipeline is *level* with the reader of the journal: it is given each record when its turn comes. When it is
/// paused it *stands*: its shards give back what they have not run, and what comes is withheld. Then it *catches up*:
/// the journal is read a second time for it alone, from where each shard stopped, until it is level again. What is
/// remembered of it is one place for each shard, however much it is behind.
///
/// Whoever commits asks for the [`bound`](Arrears::bound). A clone is the same arrears.
#[derive(Clone)]
pub struct Arrears {
    inner: Arc<Inner>,
}

struct Inner {
    ledger: std::sync::Arc<Ledger>,
    /// Called when something has changed that the reader of the journal waits for; there is one if this is set.
    changed: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// It is not level. A copy for those who hand on, record by record.
    behind: AtomicBool,
    /// It is not level, or something is out that it was given late. A copy for those who end records.
    open: AtomicBool,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Level,
    Stands,
    /// Everything below this record has been read for it.
    CatchesUp(u64),
}

struct State {
    phase: Phase,
    /// By shard, unless it is level: what lies before was given to it and is run, or will be; what lies from here on
    /// was not, or was given back, but for what it was given late since it began to catch up.
    from: std::sync::Arc<Vec<Mark>>,
    /// A record was withheld since it was level, so that each shard has a place.
    withheld_any: bool,
    /// By shard: events that were received, and given back.
    given_back: Vec<u64>,
    /// Events that were withheld, and not received since.
    withheld: u64,
    /// Nothing that is given back will be run in this process.
    left: bool,
    /// What was read for it late and has not ended, oldest first.
    runs: Vec<Run>,
}

struct Run {
    prefix: Arc<SettledPrefix>,
    /// Behind the last record of it, once that is known.
    end: Option<u64>,
}

impl Arrears {
    /// Of a pipeline with so many shards, whose inputs are counted in `ledger`. It is level.
    pub fn new(ledger: std::sync::Arc<Ledger>, shards: usize) -> Self {
        let state = State {
            phase: Phase::Level,
            from: vec![NOTHING; shards].into(),
            withheld_any: false,
            given_back: vec![0; shards],
            withheld: 0,
            left: false,
            runs: Vec::new(),
        };
        let inner = Inner {
            ledger,
            changed: OnceLock::new(),
            behind: AtomicBool::new(false),
            open: AtomicBool::new(false),
            state: Mutex::new(state),
        };
        Arrears {
            inner: Arc::new(inner),
        }
    }

    /// What the pipeline is given comes from a journal, whose reader is told by `changed` to look again.
    pub fn keep(&self, changed: impl Fn() + Send + Sync + 'static) {
        // There is one journal, opened once.
        let _ = self.inner.changed.set(Box::new(changed));
    }

    /// Whether there is a journal that can be read again.
    pub fn is_kept(&self) -> bool {
        self.inner.changed.get().is_some()
    }

    /// Has the reader of the journal look again.
    pub fn rouse(&self) {
        if let Some(changed) = self.inner.changed.get() {
            changed();
        }
    }

    /// Whether these are the arrears of the same pipeline.
    pub fn is(&self, other: &Arrears) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Whether it is not level.
    pub fn is_behind(&self) -> bool {
        self.inner.behind.load(Ordering::Acquire)
    }

    /// Whether it is not level, or something that it was given late has not ended.
    pub fn is_open(&self) -> bool {
        self.inner.open.load(Ordering::Acquire)
    }

    /// Events that it has to be given: those that were given back, and those that were withheld.
    pub fn events(&self) -> u64 {
        let state = self.lock();
        state.given_back.iter().sum::<u64>() + state.withheld
    }

    /// Those of them that are live: they were received, and given back.
    pub fn given_back(&self) -> u64 {
        if !self.is_behind() {
            return 0;
        }
        self.lock().given_back.iter().sum()
    }

    /// It takes nothing from here on. Its shards have to give back what they have not run.
    pub fn stand(&self) {
        let mut state = self.lock();
        match state.phase {
            Phase::Stands => return,
            Phase::Level => {
                let shards = state.from.len();
                state.from = vec![NOTHING; shards].into();
                state.withheld_any = false;
            }
            Phase::CatchesUp(next) => {
                for from in std::sync::Arc::make_mut(&mut state.from) {
                    *from = (*from).max((next, 0));
                }
                state.end_run(next);
            }
        }
        state.phase = Phase::Stands;
        self.inner.open.store(true, Ordering::Release);
        self.inner.behind.store(true, Ordering::Release);
    }

    /// A record of `events` events is about to be handed on. True if the pipeline will be given it later; one that is
    /// level gets it now. Asked with rising sequences, by the one who hands on.
    pub fn withhold(&self, sequence: u64, events: u64) -> bool {
        if !self.is_behind() {
            return false;
        }
        let mut state = self.lock();
        if state.phase == Phase::Level {
            return false;
        }
        if !std::mem::replace(&mut state.withheld_any, true) {
            for from in std::sync::Arc::make_mut(&mut state.from) {
                *from = (*from).min((sequence, 0));
            }
        }
        state.withheld += events;
        true
    }

    /// A shard will not run `events` events from `mark` on, which it was given: they are owed to it. To be called
    /// before the part that answers for them is let go of. False if nothing is to be run any more: then they are not.
    pub fn give_back(&self, shard: usize, mark: (u64, u32), events: u64) -> bool {
        let mut state = self.lock();
        debug_assert!(state.phase == Phase::Stands, "only who stands gives back");
        if state.left {
            return false;
        }
        let from = &mut std::sync::Arc::make_mut(&mut state.from)[shard];
        *from = (*from).min(mark);
        state.given_back[shard] += events;
        true
    }

    /// The pipeline may be given again what it was not: it catches up from now on, or is level at once if that is
    /// nothing. Its shards have given back what they had.
    pub fn catch_up(&self) {
        let mut state = self.lock();
        if state.phase != Phase::Stands {
            return;
        }
        let (next, _) = state.from.iter().copied().min().unwrap_or(NOTHING);
        if next == NOTHING.0 {
            state.phase = Phase::Level;
            self.inner.behind.store(false, Ordering::Release);
            return;
        }
        state.phase = Phase::CatchesUp(next);
        state.runs.push(Run {
            prefix: Arc::new(SettledPrefix::new(next)),
            end: None,
        });
    }

    /// The record that is to be read for it next, if it catches up, and the bytes of those that are out.
    pub fn next(&self) -> Option<(u64, u64)> {
        if !self.is_behind() {
            return None;
        }
        let state = self.lock();
        let Phase::CatchesUp(next) = state.phase else {
            return None;
        };
        let progress = state.runs.last()?.prefix.progress();
        Some((next, progress.begun_bytes - progress.settled_bytes))
    }

    /// Takes a record of `bytes` bytes to hand it on to the pipeline alone; `None` if it does not catch up, or is past
    /// that record.
    pub fn claim(&self, sequence: u64, bytes: u64) -> Option<Owed> {
        let mut state = self.lock();
        let Phase::CatchesUp(next) = state.phase else {
            return None;
        };
        if sequence < next {
            return None;
        }
        let prefix = state.runs.last()?.prefix.clone();
        prefix.begin(sequence, bytes);
        state.phase = Phase::CatchesUp(sequence + 1);
        Some(Owed {
            arrears: self.clone(),
            from: state.from.clone(),
            prefix,
            sequence,
        })
    }

    /// Nothing can be read for it before this record.
    pub fn pass_over(&self, to: u64) {
        let mut state = self.lock();
        if let Phase::CatchesUp(next) = state.phase {
            state.phase = Phase::CatchesUp(next.max(to));
        }
    }

    /// It is level if it has been given everything below `reading`, the record that is handed on to the others next.
    pub fn level(&self, reading: u64) -> bool {
        let mut state = self.lock();
        match state.phase {
            Phase::CatchesUp(next) if next >= reading => state.end_run(next),
            _ => return false,
        }
        state.phase = Phase::Level;
        state.withheld = 0;
        self.inner.behind.store(false, Ordering::Release);
        // Nothing, unless it could not be read again.
        self.abandon(state);
        true
    }

    /// The first record that it is owed, or that it was given late and that has not ended: nothing from there on may
    /// be committed. Ask after it is known how far the records have ended that were handed on when their turn came.
    pub fn bound(&self) -> Option<u64> {
        if !self.is_open() {
            return None;
        }
        let mut state = self.lock();
        let under_way = |run: &Run| run.end.is_none_or(|end| run.settled() < end);
        state.runs.retain(under_way);
        if state.phase == Phase::Level && state.runs.is_empty() {
            self.inner.open.store(false, Ordering::Release);
            return None;
        }
        let owed = match state.phase {
            Phase::Stands => state.from.iter().map(|from| from.0).min(),
            Phase::Level | Phase::CatchesUp(_) => None,
        };
        let late = state.runs.iter().map(Run::settled).min();
        let bound = owed.into_iter().chain(late).min();
        bound.filter(|&bound| bound != NOTHING.0)
    }

    /// How many records it was given late wait to be done again.
    pub fn held(&self) -> u64 {
        let state = self.lock();
        let held = state.runs.iter().map(|run| run.prefix.progress().held);
        held.sum()
    }

    /// The process ends without running what was given back, now or later: counts it as abandoned. The journal has it.
    pub fn leave(&self) {
        let mut state = self.lock();
        state.left = true;
        self.abandon(state);
    }

    fn abandon(&self, mut state: MutexGuard<'_, State>) {
        let events = state.given_back.iter_mut().map(std::mem::take).sum();
        drop(state);
        if events > 0 {
            self.inner.ledger.end(events, |totals| {
                *totals.dropped_by.entry(ABANDONED).or_default() += events;
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.inner.state)
    }
}

impl State {
    fn end_run(&mut self, end: u64) {
        if let Some(run) = self.runs.last_mut() {
            run.end.get_or_insert(end);
        }
    }
}

impl Run {
    fn settled(&self) -> u64 {
        self.prefix.progress().settled
    }
}

/// A record that one pipeline is given late.
#[derive(Clone)]
pub struct Owed {
    arrears: Arrears,
    from: std::sync::Arc<Vec<Mark>>,
    prefix: Arc<SettledPrefix>,
    sequence: u64,
}

impl Owed {
    /// Which record it is.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Whether it is owed to the pipeline of these arrears.
    pub fn is_of(&self, arrears: &Arrears) -> bool {
        self.arrears.is(arrears)
    }

    /// The ordinal of the first event of the record that the shard was not given; `None` if it was given all of its
    /// events.
    pub fn from(&self, shard: usize) -> Option<u32> {
        let (sequence, ordinal) = self.from[shard];
        match sequence.cmp(&self.sequence) {
            std::cmp::Ordering::Less => Some(0),
            std::cmp::Ordering::Equal => Some(ordinal),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// Cuts the part of `ticket` for the events that the shard is given now. Those that it gave back come first, and
    /// are not received again.
    pub fn part(&self, ticket: &Ticket, shard: usize, events: u64) -> Part {
        let mut state = self.arrears.lock();
        let again = events.min(state.given_back[shard]);
        state.given_back[shard] -= again;
        state.withheld = state.withheld.saturating_sub(events - again);
        drop(state);
        ticket.part_again(&self.arrears.inner.ledger, events, again)
    }

    /// The record has ended for the pipeline: `retry` if it has to be done again.
    pub fn end(&self, retry: bool) {
        self.prefix.end(self.sequence, retry);
    }
}
