//! Frames: how records lie in a segment, to the byte.

use crate::le::{u32_at, u64_at};

/// The bytes before a payload.
pub(crate) const HEADER: usize = 32;
/// Frames begin at multiples of this, so that a search for the next good one looks at fewer places.
pub(crate) const ALIGN: u64 = 8;
/// The longest payload: what a reader may have to hold in memory.
pub(crate) const MAX_PAYLOAD: usize = 16 << 20;
/// The length that comes before each record.
pub(crate) const RECORD_PREFIX: usize = 4;

/// Where a frame belongs. It is part of the checksum and not of the frame, so that a frame of another
/// journal, or of another segment, never verifies; nor can a client that sends bytes shaped like a
/// frame forge one, as it does not know the journal's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    /// The random number of the journal.
    pub journal: u64,
    /// The number of the segment.
    pub segment: u64,
}

/// The fixed part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The bytes of the payload.
    pub length: u32,
    /// CRC-32/ISO-HDLC over home, the rest of this header, and the payload.
    pub checksum: u32,
    /// The group that the frame was synced with.
    pub group: u64,
    /// The sequence of its first record.
    pub first: u64,
    /// How many records there are.
    pub count: u32,
    /// Where in the segment its group begins: what lies before that was synced earlier.
    pub group_start: u32,
}

impl Header {
    /// Reads the fields, whatever they say.
    pub fn read(bytes: &[u8; HEADER]) -> Self {
        Self {
            length: u32_at(bytes, 0),
            checksum: u32_at(bytes, 4),
            group: u64_at(bytes, 8),
            first: u64_at(bytes, 16),
            count: u32_at(bytes, 24),
            group_start: u32_at(bytes, 28),
        }
    }

    /// The fields as they are stored.
    pub fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.checksum.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.group.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.count.to_le_bytes());
        bytes[28..].copy_from_slice(&self.group_start.to_le_bytes());
        bytes
    }

    /// This header with the checksum that belongs to `payload`.
    pub fn sealed(mut self, home: Home, payload: &[u8]) -> Self {
        self.checksum = self.expected(home, payload);
        self
    }

    /// What lies behind the last frame of a group, so that nobody takes what an earlier use of the
    /// file left there for a write that was cut short. It has no records, so it is no frame.
    pub(crate) fn end_of_group(home: Home, group: u64, group_start: u32, next: u64) -> Self {
        let end = Self {
            length: 0,
            checksum: 0,
            group,
            first: next,
            count: 0,
            group_start,
        };
        end.sealed(home, &[])
    }

    /// Whether a frame with this header could lie at `offset` of a segment of `end` bytes. Asked
    /// before anything is allocated or read for it.
    pub fn is_plausible(&self, offset: u64, end: u64) -> bool {
        let length = u64::from(self.length);
        let room = end.saturating_sub(offset).saturating_sub(HEADER as u64);
        length <= room
            && length <= MAX_PAYLOAD as u64
            && self.count > 0
            && u64::from(self.count) * RECORD_PREFIX as u64 <= length
            && self.first.checked_add(u64::from(self.count)).is_some()
            && u64::from(self.group_start) <= offset
    }

    /// Whether `payload` is what this header was sealed with, and is made of records.
    pub fn verifies(&self, home: Home, payload: &[u8]) -> bool {
        payload.len() == self.length as usize
            && self.checksum == self.expected(home, payload)
            && Records::new(payload, self.first).check(self.count)
    }

    /// The bytes from the beginning of this frame to that of the next.
    pub fn stride(&self) -> u64 {
        stride(self.length as usize)
    }

    /// The sequence after its last record.
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }

    fn expected(&self, home: Home, payload: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&home.journal.to_le_bytes());
        hasher.update(&home.segment.to_le_bytes());
        let mut header = self.bytes();
        header[4..8].fill(0);
        hasher.update(&header);
        hasher.update(payload);
        hasher.finalize()
    }
}

/// The bytes that a frame with a payload of `length` takes up, padding included.
pub(crate) fn stride(length: usize) -> u64 {
    ((HEADER + length) as u64).next_multiple_of(ALIGN)
}

/// The frame at the beginning of `bytes`, if there is a good one.
pub fn decode(home: Home, bytes: &[u8]) -> Option<(Header, Records<'_>)> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
    let header = Header::read(header);
    let offset = u64::from(header.group_start);
    if !header.is_plausible(offset, offset + bytes.len() as u64) {
        return None;
    }
    let payload = rest.get(..header.length as usize)?;
    header
        .verifies(home, payload)
        .then(|| (header, Records::new(payload, header.first)))
}

/// The records of a frame, each with its sequence.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    next: u64,
}

impl<'a> Records<'a> {
    pub(crate) fn new(payload: &'a [u8], first: u64) -> Self {
        Self {
            rest: payload,
            next: first,
        }
    }

    /// Whether the payload is exactly `count` records.
    fn check(mut self, count: u32) -> bool {
        (0..count).all(|_| self.next().is_some()) && self.rest.is_empty()
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.rest.split_first_chunk::<RECORD_PREFIX>()?;
        let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let sequence = self.next;
        self.rest = rest;
        self.next += 1;
        Some((sequence, record))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(home: Home, group: u64, first: u64, records: &[Vec<u8>]) -> Vec<u8> {
        let mut payload = Vec::new();
        for record in records {
            payload.extend_from_slice(&(record.len() as u32).to_le_bytes());
            payload.extend_from_slice(record);
        }
        let header = Header {
            length: payload.len() as u32,
            checksum: 0,
            group,
            first,
            count: records.len() as u32,
            group_start: 0,
        };
        let mut bytes = header.sealed(home, &payload).bytes().to_vec();
        bytes.extend_from_slice(&payload);
        bytes
    }

    proptest! {
        #[test]
        fn a_frame_reads_back_as_written_and_nowhere_else(
            journal: u64, segment: u64, group: u64, first in 0..u64::MAX - 64, flip: usize,
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20),
        ) {
            let home = Home { journal, segment };
            let mut bytes = frame(home, group, first, &records);
            let (header, read) = decode(home, &bytes).expect("it was just written");
            prop_assert_eq!((header.group, header.first), (group, first));
            let expected: Vec<_> = (first..).zip(records.iter().map(Vec::as_slice)).collect();
            prop_assert_eq!(read.collect::<Vec<_>>(), expected);

            prop_assert!(decode(Home { segment: segment ^ 1, ..home }, &bytes).is_none(), "another segment");
            prop_assert!(decode(Home { journal: journal ^ 1, ..home }, &bytes).is_none(), "another journal");
            prop_assert!(decode(home, &bytes[..bytes.len() - 1]).is_none(), "cut");
            let bit = flip % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode(home, &bytes).is_none(), "bit {} flipped", bit);
        }

        #[test]
        fn any_bytes_are_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(Home { journal: 0, segment: 0 }, &bytes);
        }
    }

    #[test]
    fn a_good_checksum_over_a_bad_structure_is_refused() {
        let home = Home {
            journal: 1,
            segment: 2,
        };
        for (count, payload) in [
            (1, &b"\x05\0\0\0four"[..]),
            (1, b"\x03\0\0\0four"),
            (2, b"\x04\0\0\0four"),
            (0, b""),
        ] {
            let header = Header {
                length: payload.len() as u32,
                checksum: 0,
                group: 1,
                first: 0,
                count,
                group_start: 0,
            };
            let mut bytes = header.sealed(home, payload).bytes().to_vec();
            bytes.extend_from_slice(payload);
            assert!(decode(home, &bytes).is_none(), "{count} {payload:?}");
        }
    }
}
