//! The last letters of a journal, kept in memory for whoever wants to see what goes wrong just now.

use std::collections::VecDeque;

use super::Class;
use super::letter::{Id, Letter};
use super::ranges::Ranges;

/// How many are kept of each class.
pub(super) const KEPT: usize = 16;

/// What is kept of an event, in bytes.
const BEGINNING: usize = 320;

/// A letter as it is shown: what is said of it, and how its event begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glimpse {
    /// Where it is kept.
    pub id: Id,
    /// When it was set aside, in microseconds since the Unix epoch.
    pub time_micros: u64,
    /// The pipeline it was in.
    pub pipeline: String,
    /// The source it came from.
    pub source: String,
    /// Where it failed.
    pub stage: String,
    /// Why, in a word for machines.
    pub reason: String,
    /// Why, for people.
    pub detail: String,
    /// How the event begins.
    pub event: Vec<u8>,
    /// How long all of it is, in bytes.
    pub bytes: u64,
    /// Whether it has been replayed since it is known.
    pub replayed: bool,
}

impl Default for Glimpse {
    fn default() -> Self {
        Glimpse {
            id: Id {
                class: Class::Rejects,
                sequence: 0,
            },
            time_micros: 0,
            pipeline: String::new(),
            source: String::new(),
            stage: String::new(),
            reason: String::new(),
            detail: String::new(),
            event: Vec::new(),
            bytes: 0,
            replayed: false,
        }
    }
}

/// The last letters, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Latest {
    letters: VecDeque<Glimpse>,
}

impl Latest {
    pub(crate) fn add(&mut self, sequence: u64, letter: &Letter<'_>, replayed: bool) {
        // Junk comes by the million: the oldest lends its memory to the newest.
        let mut glimpse = match self.letters.len() {
            KEPT => self.letters.pop_front().unwrap_or_default(),
            _ => Glimpse::default(),
        };
        glimpse.id = Id {
            class: letter.class,
            sequence,
        };
        for (into, text) in [
            (&mut glimpse.pipeline, letter.pipeline),
            (&mut glimpse.source, letter.source),
            (&mut glimpse.stage, letter.stage),
            (&mut glimpse.reason, letter.reason),
            (&mut glimpse.detail, letter.detail),
        ] {
            into.clear();
            into.push_str(text);
        }
        let event = letter.event;
        glimpse.event.clear();
        glimpse
            .event
            .extend_from_slice(&event[..event.len().min(BEGINNING)]);
        glimpse.bytes = letter
            .truncated
            .map_or(event.len() as u64, |whole| whole.length);
        glimpse.time_micros = letter.time_micros;
        glimpse.replayed = replayed;
        self.letters.push_back(glimpse);
    }

    pub(crate) fn mark(&mut self, replayed: &Ranges) {
        for letter in &mut self.letters {
            letter.replayed |= replayed.contains(letter.id.sequence);
        }
    }

    pub(crate) fn forget_below(&mut self, sequence: u64) {
        self.letters.retain(|letter| letter.id.sequence >= sequence);
    }

    pub(crate) fn letters(&self) -> impl Iterator<Item = &Glimpse> {
        self.letters.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(event: &[u8]) -> Letter<'_> {
        Letter {
            class: Class::Accepted,
            reason: "refused",
            event,
            ..Letter::default()
        }
    }

    #[test]
    fn the_last_are_kept_with_how_they_begin_and_memory_is_bounded() {
        let mut latest = Latest::default();
        let long = vec![b'x'; 10 * BEGINNING];
        for sequence in 0..3 * KEPT as u64 {
            latest.add(sequence, &letter(&long), false);
        }
        latest.add(48, &letter(b"{}"), true);
        let kept: Vec<&Glimpse> = latest.letters().collect();
        assert_eq!(kept.len(), KEPT);
        assert_eq!(
            (kept[0].id.sequence, kept[0].event.len(), kept[0].bytes),
            (33, BEGINNING, long.len() as u64)
        );
        let last = kept[KEPT - 1];
        assert_eq!((&last.event[..], last.replayed), (&b"{}"[..], true));
    }

    #[test]
    fn what_was_replayed_is_marked_and_what_was_deleted_is_gone() {
        let mut latest = Latest::default();
        for sequence in 0..4 {
            latest.add(sequence, &letter(b"{}"), false);
        }
        let mut marks = Ranges::default();
        marks.add(1, 3);
        latest.mark(&marks);
        latest.forget_below(2);
        let kept: Vec<_> = latest
            .letters()
            .map(|letter| (letter.id.sequence, letter.replayed))
            .collect();
        assert_eq!(kept, [(2, true), (3, false)]);
    }
}
