//! The names that the next event most likely has: those of the last one.

use wide::u8x16;

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
}

/// The bytes from the brace or comma through the colon, if they fit.
#[derive(Clone, Copy, Debug)]
struct Spelled {
    bytes: [u8; WIDTH],
    len: u32,
    /// A bit for each byte of the first lane that counts.
    mask: u32,
    /// Of the name.
    tag: u16,
}

/// What no text has, for a text is UTF-8.
const NOTHING: Spelled = Spelled {
    bytes: [0xff; WIDTH],
    len: 0,
    mask: 1,
    tag: tag::ASK,
};

impl Shape {
    /// An event begins.
    #[inline(always)]
    pub(crate) fn begin(&mut self) {
        self.next = 0;
    }

    /// The length of `,"name":` at `text[at]` and the name's tag, if it is what was expected there.
    #[inline(always)]
    pub(crate) fn expect(&mut self, text: &[u8], at: usize) -> Option<(usize, u16)> {
        let spelled = self.names.get(self.next)?;
        let here = text.get(at..)?;
        let len = spelled.len as usize;
        let Some(first) = here.first_chunk::<LANE>() else {
            return self.expect_at_end(here);
        };
        let (lanes, _) = spelled.bytes.as_chunks::<LANE>();
        let same = u8x16::new(*first)
            .simd_eq(u8x16::new(lanes[0]))
            .to_bitmask();
        if same & spelled.mask != spelled.mask
            || (len > LANE && !here[LANE..].starts_with(&spelled.bytes[LANE..len]))
        {
            return None;
        }
        self.next += 1;
        Some((len, spelled.tag))
    }

    /// [`expect`](Self::expect) in the last bytes of a text.
    #[inline(never)]
    fn expect_at_end(&mut self, here: &[u8]) -> Option<(usize, u16)> {
        let spelled = self.names.get(self.next)?;
        let len = spelled.len as usize;
        if len == 0 || !here.starts_with(&spelled.bytes[..len]) {
            return None;
        }
        self.next += 1;
        Some((len, spelled.tag))
    }

    /// What was not expected: a name without escapes and what stands before and behind it, or `None` for anything else.
    #[cold]
    pub(crate) fn learn(&mut self, spelled: Option<&[u8]>, tag: u16) {
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
