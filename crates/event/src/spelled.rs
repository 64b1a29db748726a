//! A name as a text spells it, with what stands before and behind it.

use wide::u8x16;

use crate::parse::Node;
use crate::tag;

/// How much of a name is compared at once.
const LANE: usize = 16;
/// The most that is compared: a longer name is looked at anew in each event.
const WIDTH: usize = 2 * LANE;

/// The bytes from the brace or comma before a name to its value: `{"name":` for the first of an object, `, "name": ` for
/// another if that is how the text spells it. Where an event has the same, one comparison finds that the object goes on,
/// where the name begins and ends, and where its value begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelled {
    bytes: [u8; WIDTH],
    len: u32,
    /// A bit for each byte of the first lane that counts.
    mask: u32,
    /// So far before its end, where the value begins, the name begins and ends.
    key_from: u32,
    key_to: u32,
    /// Of the name.
    tag: u16,
}

/// What no text has, for a text is UTF-8. (What lies behind a text may be anything; but no settled shape has this.)
pub(crate) const NOTHING: Spelled = Spelled {
    bytes: [0xff; WIDTH],
    len: 0,
    mask: 1,
    key_from: 0,
    key_to: 0,
    tag: tag::ASK,
};

impl Spelled {
    /// Becomes that of a member whose name follows whatever ends at `from`, if it fits and has no escapes; or
    /// [`NOTHING`].
    pub(crate) fn learn(&mut self, text: &[u8], from: usize, node: &Node) {
        *self = NOTHING;
        let spelled = text
            .get(from..node.value_start as usize)
            .unwrap_or_default();
        if let Some(bytes) = self.bytes.get_mut(..spelled.len())
            && matches!(spelled.first(), Some(b'{' | b','))
            && node.tag != tag::ASK
        {
            bytes.copy_from_slice(spelled);
            self.len = spelled.len() as u32;
            self.mask = ((1_u64 << spelled.len().min(LANE)) - 1) as u32;
            (self.key_from, self.key_to, self.tag) = (node.key_from, node.key_to, node.tag);
        }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

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

    /// Gives `node` this name, and a value that begins at `value`.
    #[inline(always)]
    pub(crate) fn place(&self, value: usize, node: &mut Node) {
        (node.key_from, node.key_to) = (self.key_from, self.key_to);
        node.value_start = value as u32;
        node.tag = self.tag;
    }
}
