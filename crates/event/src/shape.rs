//! The names that the next event most likely has: those of the last one, or of the last two that had the same.

use crate::memo::Memo;
use crate::parse::Node;
use crate::spelled::{NOTHING, Spelled};

/// The names of the last event, in the order of its text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    names: Vec<Spelled>,
    /// Which of them comes next.
    next: usize,
    /// A name of the event was not expected.
    surprised: bool,
    /// The event is taken for a stray: nothing is learnt from it.
    is_stray: bool,
    /// How many events more were not what the settled shape expects than were, of late.
    strays: u32,
    /// How many names the last event had.
    count: usize,
    /// The last two events had the same names: `top` and `sub` are members with all of them, in the order of the text
    /// if those of a value are put behind its own name.
    is_settled: bool,
    top: Vec<Node>,
    sub: Vec<Node>,
    /// No two members of one parent have a name in common.
    is_unique: bool,
    memo: Memo,
}

/// By so many, those unlike the settled shape may outnumber those like it before another is learnt. In most streams some
/// events have a member more, or are no JSON: to learn from each would make three of one that take the long way.
const PATIENCE: u32 = 4;

/// Events with more names are not worth it to compare each with each.
const MOST_UNIQUE: usize = 64;

/// Whether no two members of one parent have the same tag, and so the same name.
fn are_unique(top: &[Node], sub: &[Node]) -> bool {
    let differ = |nodes: &[Node]| {
        let others = |(i, node): (usize, &Node)| nodes[..i].iter().all(|one| one.tag != node.tag);
        nodes.iter().enumerate().all(others)
    };
    let children = |node: &Node| &sub[node.child_start as usize..node.child_end as usize];
    top.len() + sub.len() <= MOST_UNIQUE
        && differ(top)
        && top.iter().all(|node| differ(children(node)))
}

impl Shape {
    /// An event begins that is not as the settled shape expects, if there is one.
    #[inline(always)]
    pub(crate) fn begin(&mut self) {
        self.next = 0;
        self.surprised = false;
        self.is_stray = self.is_settled && self.strays < PATIENCE;
        self.strays += u32::from(self.is_stray);
    }

    /// An event was as the settled shape expects.
    #[inline(always)]
    pub(crate) fn confirm(&mut self) {
        self.strays = self.strays.saturating_sub(1);
    }

    /// An event has ended, whose members these are; whether the next one is expected to have the same.
    pub(crate) fn end(&mut self, top: &[Node], sub: &[Node]) -> bool {
        if self.is_stray {
            return false;
        }
        self.strays = 0;
        self.is_settled = !self.surprised && self.next == self.count && self.next > 0;
        self.count = self.next;
        if self.is_settled {
            top.clone_into(&mut self.top);
            sub.clone_into(&mut self.sub);
            self.is_unique = are_unique(top, sub);
            self.memo.forget();
        }
        self.is_settled
    }

    /// Whether all members of the next event are expected.
    #[inline(always)]
    pub(crate) fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Where the names of a settled shape are found, if that is always the same place.
    #[inline(always)]
    pub(crate) fn is_unique(&self) -> bool {
        self.is_unique
    }

    #[inline(always)]
    pub(crate) fn memo(&self) -> &Memo {
        &self.memo
    }

    /// Members such as are expected, of the event and of its members' values.
    pub(crate) fn members(&self) -> (&[Node], &[Node]) {
        (&self.top, &self.sub)
    }

    /// What is expected before the value of each of them: of a top-level one first, then of those in its value.
    #[inline(always)]
    pub(crate) fn names(&self) -> std::slice::Iter<'_, Spelled> {
        self.names.iter()
    }

    /// What is expected at `text[at]`, if it stands there, and its length.
    #[inline(always)]
    pub(crate) fn expect(&mut self, text: &[u8], at: usize) -> Option<(usize, &Spelled)> {
        match self.names.get(self.next)?.len_at(text, at) {
            Some(_) => self.next += 1,
            // A stray may lack a member.
            None if self.is_stray => {
                self.names.get(self.next + 1)?.len_at(text, at)?;
                self.next += 2;
            }
            None => return None,
        }
        let found = &self.names[self.next - 1];
        Some((found.len(), found))
    }

    /// What stood there instead: the name of `node`, behind whatever ends at `from`.
    #[cold]
    pub(crate) fn learn(&mut self, text: &[u8], from: usize, node: &Node) {
        if self.is_stray {
            return;
        }
        if self.names.len() <= self.next {
            self.names.resize(self.next + 1, NOTHING);
        }
        self.next += 1;
        self.correct(text, from, node);
    }

    /// What was found last stood there with more behind it.
    #[cold]
    pub(crate) fn correct(&mut self, text: &[u8], from: usize, node: &Node) {
        if self.is_stray {
            return;
        }
        (self.surprised, self.is_settled) = (true, false);
        if let Some(last) = self.next.checked_sub(1)
            && let Some(name) = self.names.get_mut(last)
        {
            name.learn(text, from, node);
        }
    }
}
