//! The shapes that events have had lately.

use std::sync::Arc;

use crate::parse::Node;
use crate::shape::Shape;
use crate::spelled::Spelled;

/// So many are known at a time, beside the one that the last event had.
const MOST: usize = 15;
/// A shape becomes known that is seen twice among so many events of no known shape.
const RECENT: usize = 8;
/// While the most are known, so many events of none pass before one may put its own in the place of another.
const PATIENCE: u32 = 64;

/// An odd number with as many ones as zeros, by which bits are spread.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// The shapes of a stream's events but the one that the last event had, learned from events that had none of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shapes {
    known: Vec<Arc<Shape>>,
    /// What stands for the names of the last events of no known shape, and which of them is the oldest.
    recent: [u64; RECENT],
    oldest: usize,
    /// Events of no known shape since the last one became known.
    since: u32,
    /// The next to be forgotten.
    next: usize,
}

impl Shapes {
    /// The numbers of those, a bit for each, that an event may have which has only `names` of the names of `last`, and
    /// goes on with `rest`.
    pub(crate) fn others(&self, last: &Shape, names: usize, rest: &[u8]) -> u32 {
        let may_follow = |(_, shape): &(usize, &Arc<Shape>)| shape.may_follow(last, names, rest);
        let found = self.known.iter().enumerate().filter(may_follow);
        found.fold(0, |all, (number, _)| all | 1 << number)
    }

    /// Takes `last` in, and gives the shape of that number instead.
    pub(crate) fn swap(&mut self, number: usize, last: &mut Arc<Shape>) {
        std::mem::swap(&mut self.known[number], last);
    }

    /// Takes `last` in, where another is to take its place.
    pub(crate) fn keep(&mut self, last: Arc<Shape>) {
        if last.names().is_empty() {
            // That of no event: what there is in the beginning.
        } else if self.known.len() < MOST {
            self.known.push(last);
        } else {
            self.known[self.next] = last;
            self.next = (self.next + 1) % MOST;
        }
    }

    /// Looks at an event of no known shape; its shape, if that is to be known now.
    pub(crate) fn learn(
        &mut self,
        text: &[u8],
        start: usize,
        top: &[Node],
        sub: &[Node],
    ) -> Option<Shape> {
        self.since = self.since.saturating_add(1);
        // Where the members of objects end tells which names are whose.
        let names = top.iter().chain(sub).fold(0, |names: u64, node| {
            let name = u64::from(node.tag) ^ u64::from(node.child_end) << 16;
            (names ^ name).wrapping_mul(MIX).rotate_left(29)
        });
        if !self.recent.contains(&names) {
            self.recent[self.oldest] = names;
            self.oldest = (self.oldest + 1) % RECENT;
            return None;
        }
        if top.is_empty() || (self.known.len() == MOST && self.since < PATIENCE) {
            return None;
        }
        self.since = 0;
        Shape::of(text, start, top, sub)
    }
}

/// The names of the last event of no known shape, in the order of its text: where the next such one has the same, they
/// need not be taken apart again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    names: Vec<Option<Spelled>>,
    /// Which of them comes next.
    next: usize,
}

impl Expected {
    /// An event begins.
    #[inline(always)]
    pub(crate) fn begin(&mut self) {
        self.next = 0;
    }

    /// What is expected at `text[at]`, if it stands there, and its length.
    #[inline(always)]
    pub(crate) fn at(&mut self, text: &[u8], at: usize) -> Option<(usize, &Spelled)> {
        let spelled = self.names.get(self.next)?.as_ref()?;
        let len = spelled.len_at(text, at)?;
        self.next += 1;
        Some((len, spelled))
    }

    /// What stood there instead, if it can be expected.
    #[cold]
    pub(crate) fn learn(&mut self, spelled: Option<Spelled>) {
        if self.names.len() <= self.next {
            self.names.resize(self.next + 1, None);
        }
        self.names[self.next] = spelled;
        self.next += 1;
    }
}
