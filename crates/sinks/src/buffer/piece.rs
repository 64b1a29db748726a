use super::record::Head;
use crate::Rows;

/// What a record may take up, unless one row alone is more: what is read back at once.
pub(super) const MOST: usize = 256 << 10;

/// A copy of the rows of a parcel as records, and how many of these are on disk.
#[derive(Default)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// Where each record ends, and its rows.
    ends: Vec<(usize, u32)>,
    written: usize,
}

impl Pieces {
    /// Makes them of a parcel's rows, in the memory of `self`.
    pub(super) fn of(mut self, rows: Rows<'_>, head: Head<'_>) -> Self {
        self.bytes.clear();
        self.ends.clear();
        self.written = 0;
        let mut first = 0;
        while first < rows.len() {
            let (count, _) = head.cut(rows, first, MOST);
            head.write(rows, first, count, &mut self.bytes);
            self.ends
                .push((self.bytes.len(), u32::try_from(count).unwrap_or(u32::MAX)));
            first += count;
        }
        self
    }

    /// The records that are not on disk, each with its rows.
    pub(super) fn unwritten(&self) -> impl Iterator<Item = (&[u8], u32)> {
        (self.written..self.ends.len()).map(|at| {
            let begin = at.checked_sub(1).map_or(0, |before| self.ends[before].0);
            let (end, rows) = self.ends[at];
            (&self.bytes[begin..end], rows)
        })
    }

    /// So many more are on disk.
    pub(super) fn wrote(&mut self, records: usize) {
        self.written += records;
    }

    pub(super) fn are_written(&self) -> bool {
        self.written == self.ends.len()
    }

    /// What their memory takes up.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}
