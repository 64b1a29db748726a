//! The names that the next event most likely has: those of the last one.

use wide::u8x16;

/// As much of a name, its quotes and its colon as is compared at once.
const WIDTH: usize = 16;

/// The names of the last event, in the order of its text, spelled `"name":`. Where the next event has the same name
/// at the same place, one comparison finds the name's end, the colon and the value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    names: Vec<Spelled>,
    /// Which of them comes next.
    next: usize,
}

/// A name with its quotes and its colon, if together they are no longer than [`WIDTH`].
#[derive(Clone, Copy, Debug, Default)]
struct Spelled {
    bytes: [u8; WIDTH],
    /// A bit for each byte that counts.
    mask: u32,
    len: u32,
}

impl Shape {
    /// An event begins.
    #[inline(always)]
    pub(crate) fn begin(&mut self) {
        self.next = 0;
    }

    /// The length of `"name":` at `text[at]`, if it is the name that was expected there. Whatever comes of it, the
    /// next name is expected next.
    #[inline(always)]
    pub(crate) fn expect(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let spelled = self.names.get(self.next);
        self.next += 1;
        let spelled = spelled?;
        let here = text.get(at..)?;
        let len = spelled.len as usize;
        match here.first_chunk::<WIDTH>() {
            Some(here) => {
                let same = u8x16::new(*here).simd_eq(u8x16::new(spelled.bytes));
                (same.to_bitmask() & spelled.mask == spelled.mask && len > 0).then_some(len)
            }
            // The last bytes of a text.
            None => (len > 0 && here.starts_with(&spelled.bytes[..len])).then_some(len),
        }
    }

    /// What stood where [`expect`](Self::expect) was wrong: `spelled` is a name without escapes from its first quote
    /// through its colon.
    #[cold]
    pub(crate) fn learn(&mut self, spelled: &[u8]) {
        let at = self.next - 1;
        if self.names.len() <= at {
            self.names.resize(at + 1, Spelled::default());
        }
        let name = &mut self.names[at];
        *name = Spelled::default();
        if let Some(bytes) = name.bytes.get_mut(..spelled.len()) {
            bytes.copy_from_slice(spelled);
            name.mask = (1 << spelled.len()) - 1;
            name.len = spelled.len() as u32;
        }
    }
}
