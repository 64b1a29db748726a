use crate::error::{Error, Result};
use crate::frame::{ALIGN, HEADER, MAX_PAYLOAD, stride};
use crate::segment::HEAD;

/// How large a journal is and how it is cut up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The length of a segment; it may differ from that of segments that exist.
    pub segment_bytes: u64,
    /// What all segments together may take up, the one that is being prepared included.
    pub max_bytes: u64,
    /// What a new journal counts from.
    pub origin: Origin,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            max_bytes: 10 << 30,
            origin: Origin::default(),
        }
    }
}

/// What a new journal counts from. One that exists goes on from where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The journal's own number; drawn at random if there is none here.
    pub journal: Option<u64>,
    /// The first record's sequence.
    pub sequence: u64,
    /// The first segment's number.
    pub segment: u64,
    /// The first group's number, which wraps.
    pub group: u64,
    /// The first checkpoint's counter, which wraps.
    pub checkpoint: u64,
}

impl Options {
    pub(crate) fn check(&self) -> Result<()> {
        // A frame says in 32 bits where its group begins.
        let (least, most) = (1 << 10, 1 << 30);
        if !(least..=most).contains(&self.segment_bytes)
            || !self.segment_bytes.is_multiple_of(ALIGN)
        {
            return Err(Error::Option {
                name: "segment_bytes",
                value: self.segment_bytes,
                expected: format!("a multiple of {ALIGN} from {least} to {most}"),
            });
        }
        if self.max_bytes < 2 * self.segment_bytes {
            return Err(Error::Option {
                name: "max_bytes",
                value: self.max_bytes,
                expected: format!(
                    "at least two segments of {} bytes: one in use and the next",
                    self.segment_bytes
                ),
            });
        }
        Ok(())
    }

    /// What the records of one append may take up.
    pub(crate) fn max_append(&self) -> u64 {
        let room = self.segment_bytes - HEAD as u64 - HEADER as u64;
        debug_assert!(stride(room as usize) + HEAD as u64 <= self.segment_bytes);
        room.min(MAX_PAYLOAD as u64)
    }
}
