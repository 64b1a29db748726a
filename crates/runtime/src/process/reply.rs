//! What a child answers: a head of fixed length, then what became of the events and what rows there are,
//! then the bytes of the rows, sink by sink. All numbers are little endian.
//!
//! Nothing of it is trusted: see [`Reply::read`].

mod cursor;
mod write;

use millpond_engine::StageCounts;

use super::reasons;
use cursor::Cursor;
pub(super) use cursor::u32_at;
pub(super) use write::cut;

/// The most that a child may say of one request, rows aside.
const SAID_MAX: u64 = 64 << 20;
/// The most bytes of rows in one reply. A child stops early, so only what one event becomes can come near it.
pub(super) const ROWS_MAX: u64 = 256 << 20;
/// The reason of what panicked.
pub(super) const PANIC: &str = "panic";
/// The longest message of a dead letter.
const MESSAGE_MAX: usize = 4 << 10;
/// No stage has counted as much.
const COUNT_MAX: u64 = 1 << 48;

/// What became of the events of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// How many of the events were run, from the first on: all, or as many as made enough output.
    pub done: u32,
    /// How many of them left the line at its end.
    pub passed: u32,
    /// How many were filtered.
    pub filtered: u32,
    /// How many went into a stage's state.
    pub absorbed: u32,
    /// Which became other events, rising.
    pub consumed: Vec<u32>,
    /// How many were dropped, by reason.
    pub dropped: Vec<(String, u32)>,
    /// What is to be set aside.
    pub notes: Vec<Note>,
    /// The rows, by sink.
    pub exits: Vec<Column>,
    /// What the stages counted, by stage.
    pub stages: Vec<StageCounts>,
}

/// An event that is to be set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// The event of the request; [`u32::MAX`] for what a stage made at a tick or an end.
    pub event: u32,
    /// The stage that failed; [`u32::MAX`] if it could not be read.
    pub stage: u32,
    /// How it failed.
    pub what: What,
    /// A short machine name.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// What failed, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum What {
    /// The stage said no to the event.
    #[default]
    Failed,
    /// The stage panicked on it, in this place of its source; empty where that is not known.
    Panicked(String),
    /// An event failed that a stage had derived from it, with these bytes.
    Derived(Vec<u8>),
    /// Not an event, but a tick or an end.
    Tick,
}

impl Note {
    /// Whether the event itself ended so.
    pub fn is_outcome(&self) -> bool {
        matches!(self.what, What::Failed | What::Panicked(_))
    }
}

/// The rows for one sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// By row: which event it came from; [`u32::MAX`] for none.
    pub inputs: Vec<u32>,
    /// By row: where it ends in the sink's part of the bytes.
    pub ends: Vec<u32>,
}

impl Column {
    /// How many bytes the rows have.
    pub fn bytes(&self) -> u32 {
        self.ends.last().copied().unwrap_or(0)
    }
}

/// What a reply has to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Events of the request.
    pub events: u32,
    /// Sinks of the pipeline.
    pub exits: usize,
    /// Stages of the pipeline.
    pub stages: usize,
}

/// What a reply was found to be instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its reply is broken: {0}")]
pub struct Broken(pub(super) String);

/// What the head of a reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The lines are built.
    Ready,
    /// They could not be; the text says why.
    Refused,
    /// A request was carried out.
    Ran,
    /// It takes too long: where it is.
    Stuck,
}

/// The head of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Bytes that say what became of the events.
    pub(super) said: u32,
    /// Bytes of rows behind them.
    pub(super) rows: u64,
}

pub(super) const HEAD: usize = 16;
const MAGIC: [u8; 3] = *b"mp1";

impl Head {
    pub(super) fn put(self) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[..3].copy_from_slice(&MAGIC);
        head[3] = self.kind as u8;
        head[4..8].copy_from_slice(&self.said.to_le_bytes());
        head[8..].copy_from_slice(&self.rows.to_le_bytes());
        head
    }

    pub(super) fn read(head: &[u8; HEAD]) -> Result<Self, Broken> {
        let kind = match head[3] {
            0 => Kind::Ready,
            1 => Kind::Refused,
            2 => Kind::Ran,
            3 => Kind::Stuck,
            other => return Err(Broken(format!("kind {other} in its head"))),
        };
        if head[..3] != MAGIC {
            return Err(Broken("its head does not begin like one".to_owned()));
        }
        let said = u32_at(head, 4);
        let rows = u64::from(u32_at(head, 8)) | u64::from(u32_at(head, 12)) << 32;
        if u64::from(said) > SAID_MAX || rows > ROWS_MAX {
            return Err(Broken(format!(
                "{said} bytes and {rows} of rows, expected at most {SAID_MAX} and {ROWS_MAX}"
            )));
        }
        Ok(Head { kind, said, rows })
    }
}

impl Reply {
    /// How many bytes of rows there are, all sinks together.
    pub fn rows_bytes(&self) -> u64 {
        self.exits
            .iter()
            .map(|column| u64::from(column.bytes()))
            .sum()
    }

    /// Reads what a child said of its events, and checks that it fits the request: that each event that was
    /// run has one outcome, that what is named exists, and that rows follow each other.
    ///
    /// # Errors
    /// [`Broken`] when it does not fit; what is in the reply then is of no use.
    pub fn read(&mut self, said: &[u8], expected: &Expected) -> Result<(), Broken> {
        let mut from = Cursor::new(said);
        self.done = from.number()?;
        self.passed = from.number()?;
        self.filtered = from.number()?;
        self.absorbed = from.number()?;
        if self.done > expected.events || (self.done == 0) != (expected.events == 0) {
            let wanted = expected.events;
            return Err(Broken(format!("{} events of {wanted} were run", self.done)));
        }
        from.numbers(&mut self.consumed)?;
        rises(&self.consumed, self.done)?;
        self.read_dropped(&mut from)?;
        self.read_notes(&mut from, expected)?;
        self.check_outcomes()?;
        self.read_exits(&mut from, expected)?;
        self.stages.clear();
        for _ in 0..expected.stages {
            let mut counts = [0; StageCounts::LEN];
            for count in &mut counts {
                *count = from.long()?;
                if *count > COUNT_MAX {
                    return Err(Broken(format!("a stage counted {count}")));
                }
            }
            self.stages.push(StageCounts::from_array(counts));
        }
        from.end()
    }

    fn read_dropped(&mut self, from: &mut Cursor<'_>) -> Result<(), Broken> {
        self.dropped.clear();
        for _ in 0..from.count(6)? {
            let events = from.number()?;
            self.dropped.push((from.name()?, events));
        }
        Ok(())
    }

    fn read_notes(&mut self, from: &mut Cursor<'_>, expected: &Expected) -> Result<(), Broken> {
        self.notes.clear();
        for _ in 0..from.count(18)? {
            let (event, stage) = (from.number()?, from.number()?);
            let what = match from.number()? {
                0 => What::Failed,
                1 => What::Panicked(from.text(MESSAGE_MAX)?),
                2 => What::Derived(from.bytes()?.to_vec()),
                3 => What::Tick,
                other => return Err(Broken(format!("an event failed in way {other}"))),
            };
            let note = Note {
                event,
                stage,
                what,
                reason: from.name()?,
                message: from.text(MESSAGE_MAX)?,
            };
            let known = stage == u32::MAX || (stage as usize) < expected.stages;
            if !known || !is_input(event, self.done) {
                return Err(Broken(format!("stage {stage} failed on event {event}")));
            }
            self.notes.push(note);
        }
        Ok(())
    }

    /// Each event that was run has one outcome.
    fn check_outcomes(&self) -> Result<(), Broken> {
        let mut last = None;
        let mut failed = 0_u64;
        for note in self.notes.iter().filter(|note| note.is_outcome()) {
            if note.event == u32::MAX || last.is_some_and(|last| note.event <= last) {
                return Err(Broken(format!("event {} failed out of turn", note.event)));
            }
            if self.consumed.binary_search(&note.event).is_ok() {
                return Err(Broken(format!("event {} ended twice", note.event)));
            }
            last = Some(note.event);
            failed += 1;
        }
        let dropped = self.dropped.iter().map(|(_, events)| u64::from(*events));
        let counts = [self.passed, self.filtered, self.absorbed].map(u64::from);
        let ended = counts.iter().sum::<u64>() + dropped.sum::<u64>();
        let ended = ended + self.consumed.len() as u64 + failed;
        if ended != u64::from(self.done) {
            let done = self.done;
            return Err(Broken(format!("{ended} outcomes of {done} events")));
        }
        Ok(())
    }

    fn read_exits(&mut self, from: &mut Cursor<'_>, expected: &Expected) -> Result<(), Broken> {
        self.exits.resize_with(expected.exits, Column::default);
        for column in &mut self.exits {
            from.numbers(&mut column.inputs)?;
            from.numbers(&mut column.ends)?;
            let (inputs, ends) = (&column.inputs, &column.ends);
            if inputs.len() != ends.len() {
                let (inputs, ends) = (inputs.len(), ends.len());
                return Err(Broken(format!("{ends} rows of {inputs} events")));
            }
            let done = self.done;
            let known = inputs.iter().all(|input| is_input(*input, done));
            if !known || !inputs.is_sorted() || !ends.is_sorted() {
                return Err(Broken("its rows are out of order".to_owned()));
            }
        }
        Ok(())
    }
}

/// Whether this names an event of a request of which `done` were run, or none where none were.
fn is_input(event: u32, done: u32) -> bool {
    event < done || (done == 0 && event == u32::MAX)
}

fn rises(events: &[u32], done: u32) -> Result<(), Broken> {
    let rises = events.windows(2).all(|pair| pair[0] < pair[1]);
    if !rises || events.last().is_some_and(|last| *last >= done) {
        return Err(Broken("events ended out of turn".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
#[path = "reply/tests.rs"]
mod tests;
