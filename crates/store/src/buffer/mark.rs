/// How much was ever put into a buffer up to some place. Each record begins with the mark before it, so
/// that what lies between two places is known without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Rows.
    pub rows: u64,
    /// Bytes of their records.
    pub bytes: u64,
}

impl Mark {
    /// The mark behind `more`.
    pub(super) fn after(self, more: Mark) -> Mark {
        Mark {
            rows: self.rows.saturating_add(more.rows),
            bytes: self.bytes.saturating_add(more.bytes),
        }
    }

    /// What lies between `earlier` and this one.
    pub fn since(self, earlier: Mark) -> Mark {
        Mark {
            rows: self.rows.saturating_sub(earlier.rows),
            bytes: self.bytes.saturating_sub(earlier.bytes),
        }
    }

    /// Frames a record of `rows` rows that comes behind this mark, in place of what `framed` holds.
    pub(super) fn frame(self, rows: u32, framed: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        framed.clear();
        framed.extend_from_slice(&self.rows.to_le_bytes());
        framed.extend_from_slice(&self.bytes.to_le_bytes());
        framed.extend_from_slice(&rows.to_le_bytes());
        write(framed);
    }

    /// The mark that a framed record begins with, its rows, and the rest of it.
    pub(super) fn read(framed: &[u8]) -> Option<(Mark, u64, &[u8])> {
        let (rows, rest) = framed.split_first_chunk()?;
        let (bytes, rest) = rest.split_first_chunk()?;
        let (own, record) = rest.split_first_chunk()?;
        let mark = Mark {
            rows: u64::from_le_bytes(*rows),
            bytes: u64::from_le_bytes(*bytes),
        };
        Some((mark, u64::from(u32::from_le_bytes(*own)), record))
    }
}
