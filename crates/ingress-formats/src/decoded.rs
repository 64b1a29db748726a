//! What a body was.

use millpond_event::ParseError;
use xxhash_rust::xxh3::Xxh3;

use crate::answer::Summary;

/// The most rejects that are listed; all are counted.
pub const MAX_REJECTS: usize = 100;

/// Every reason for which an event is refused, for whoever has to know them from their texts.
pub const REASONS: &[&str] = &[
    "cut_short",
    "bad_syntax",
    "bad_number",
    "bad_escape",
    "control_character",
    "lone_surrogate",
    "invalid_utf8",
    "too_deep",
    "not_an_object",
    "trailing_bytes",
    "too_long",
    "line_too_long",
    "missing_attribute",
    "bad_attribute",
    "bad_data",
    "bad_call",
    "event_too_large",
    "batch_too_large",
    "unreadable_body",
];

/// What a body was.
#[derive(Debug)]
pub struct Decoded {
    /// Where its events are, a line each.
    pub lines: Lines,
    /// How many events it had, those that are no events after all included.
    pub events: u64,
    /// What was wrong with some of them. Those that are not in `refused` are still among the lines: whoever runs the
    /// lines finds the same fault in them and keeps them with it.
    pub rejects: Rejects,
    /// Those that are not among the lines, because their lines would not show what is wrong with them.
    pub refused: Vec<Refused>,
    /// By what an event that is sent again is known: one for each line, in their order; none at all in formats that
    /// have no ids.
    pub ids: Vec<Option<Id>>,
    /// A body without events is fine: an empty array.
    pub may_be_empty: bool,
}

/// Where the events of a body are, one a line, blank lines aside.
#[derive(Debug, PartialEq, Eq)]
pub enum Lines {
    /// In the body itself, which was made into lines where it lay.
    InBody,
    /// Here.
    Built(Vec<u8>),
}

/// An event that never gets among the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// How many-th of the body it was, from 0.
    pub index: u64,
    /// A stable name for machines.
    pub reason: &'static str,
    /// What is wrong, for people.
    pub detail: String,
    /// Its bytes as they came.
    pub original: Vec<u8>,
}

/// What is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// How many-th of the body it was, from 0.
    pub index: u64,
    /// A stable name for machines.
    pub reason: &'static str,
    /// What is wrong, for people.
    pub detail: String,
}

/// Rejects in the order of the body: the first [`MAX_REJECTS`] of them, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejects {
    count: u64,
    listed: Vec<Reject>,
}

impl Rejects {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first of them.
    pub fn listed(&self) -> &[Reject] {
        &self.listed
    }
}

/// The identity of an event: the same for what is the same event, sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(pub u128);

impl Id {
    /// Of the parts that make it up, in their order.
    pub fn of(parts: &[&str]) -> Id {
        let mut hash = Xxh3::new();
        for part in parts {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Id(hash.digest128())
    }
}

/// Why an event cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: &'static str,
    pub(crate) detail: String,
}

impl Fault {
    pub(crate) fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Fault {
            reason,
            detail: detail.into(),
        }
    }

    pub(crate) fn too_long(length: usize, limit: usize) -> Self {
        let detail = format!("line of {length} bytes, expected at most {limit}");
        Fault::new("line_too_long", detail)
    }
}

impl From<ParseError> for Fault {
    fn from(error: ParseError) -> Self {
        Fault::new(error.reason(), error.to_string())
    }
}

impl Decoded {
    pub(crate) fn in_body() -> Self {
        Decoded {
            lines: Lines::InBody,
            events: 0,
            rejects: Rejects::default(),
            refused: Vec::new(),
            ids: Vec::new(),
            may_be_empty: false,
        }
    }

    pub(crate) fn built(lines: Vec<u8>) -> Self {
        Decoded {
            lines: Lines::Built(lines),
            ..Decoded::in_body()
        }
    }

    /// Counts an event that is a line.
    pub(crate) fn line(&mut self) {
        self.events += 1;
    }

    /// Counts an event that is a line, with its id, in a format that has ids.
    pub(crate) fn line_known_by(&mut self, id: Option<Id>) {
        self.events += 1;
        self.ids.push(id);
    }

    /// Counts an event that is a line, and that whoever runs it will find at fault.
    pub(crate) fn reject(&mut self, fault: Fault) {
        self.note(fault);
        self.events += 1;
    }

    /// Counts an event that is no line.
    pub(crate) fn refuse(&mut self, fault: Fault, original: &[u8]) {
        self.refused.push(Refused {
            index: self.events,
            reason: fault.reason,
            detail: fault.detail.clone(),
            original: original.to_vec(),
        });
        self.reject(fault);
    }

    fn note(&mut self, fault: Fault) {
        self.rejects.count += 1;
        if self.rejects.listed.len() < MAX_REJECTS {
            self.rejects.listed.push(Reject {
                index: self.events,
                reason: fault.reason,
                detail: fault.detail,
            });
        }
    }

    /// What its sender is told, unless more is known by then.
    pub fn summary(&self) -> Summary<'_> {
        Summary {
            accepted: self.events - self.rejects.count,
            duplicates: None,
            rejects: &self.rejects,
        }
    }
}
