//! The names that the next event most likely has: those of the last one.

use wide::u8x16;

use crate::memo::Memo;
use crate::parse::Node;
use crate::tag;

/// How much of a name is compared at once.
const LANE: usize = 16;
/// The most that is compared: a longer name is looked at anew in each event.
const WIDTH: usize = 2 * LANE;

/// The names of the last event, in the order of its text, each with what stands before and behind it: `{"name":` for
/// the first of an object, `,"name":` for another. Where the next event has the same, one comparison finds that the
/// object goes on, where the name ends, and where its value begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    names: Vec<Spelled>,
    /// Which of them comes next.
    next: usize,
    /// A name of the event was not expected.
    surprised: bool,
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

/// The bytes from the brace or comma through the colon, if they fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelled {
    bytes: [u8; WIDTH],
    len: u32,
    /// A bit for each byte of the first lane that counts.
    mask: u32,
    /// Of the name.
    pub(crate) tag: u16,
}

/// What no text has, for a text is UTF-8.
const NOTHING: Spelled = Spelled {
    bytes: [0xff; WIDTH],
    len: 0,
    mask: 1,
    tag: tag::ASK,
};

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

impl Spelled {
    /// Its length, if it stands at `text[at]`.
    #[inline(always)]
    pub(crate) fn len_at(&self, text: &[u8], at: usize) -> Option<usize> {
        let here = text.get(at..)?;
        let len = self.len as usize;
        let Some(first) = here.first_chunk::<LANE>() else {
            return self.is_at_end(here).then_some(len);
        };
        let (lanes, _) = self.bytes.as_chunks::<LANE>();
        let same = u8x16::new(*first)
            .simd_eq(u8x16::new(lanes[0]))
            .to_bitmask();
        let is_here = same & self.mask == self.mask
            && (len <= LANE || here[LANE..].starts_with(&self.bytes[LANE..len]));
        is_here.then_some(len)
    }

    /// Whether it stands at the beginning of the last bytes of a text.
    #[inline(never)]
    fn is_at_end(&self, here: &[u8]) -> bool {
        self.len > 0 && here.starts_with(&self.bytes[..self.len as usize])
    }
}

impl Shape {
    /// An event begins.
    #[inline(always)]
    pub(crate) fn begin(&mut self) {
        self.next = 0;
        self.surprised = false;
    }

    /// An event has ended, whose members these are; whether the next one is expected to have the same.
    pub(crate) fn end(&mut self, top: &[Node], sub: &[Node]) -> bool {
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
    pub(crate) fn names(&self) -> impl Iterator<Item = &Spelled> {
        self.names.iter()
    }

    /// The length of `,"name":` at `text[at]` and the name's tag, if it is what was expected there.
    #[inline(always)]
    pub(crate) fn expect(&mut self, text: &[u8], at: usize) -> Option<(usize, u16)> {
        let spelled = self.names.get(self.next)?;
        let len = spelled.len_at(text, at)?;
        self.next += 1;
        Some((len, spelled.tag))
    }

    /// What was not expected: a name without escapes and what stands before and behind it, or `None` for anything else.
    #[cold]
    pub(crate) fn learn(&mut self, spelled: Option<&[u8]>, tag: u16) {
        (self.surprised, self.is_settled) = (true, false);
        if self.names.len() <= self.next {
            self.names.resize(self.next + 1, NOTHING);
        }
        let name = &mut self.names[self.next];
        self.next += 1;
        *name = NOTHING;
        let spelled = spelled.unwrap_or_default();
        if let Some(bytes) = name.bytes.get_mut(..spelled.len())
            && !spelled.is_empty()
        {
            bytes.copy_from_slice(spelled);
            name.len = spelled.len() as u32;
            name.tag = tag;
            name.mask = ((1_u64 << spelled.len().min(LANE)) - 1) as u32;
        }
    }
}
