//! A segment: its name, its head, and how a frame is fetched from it.

use crate::error::{Error, Result};
use crate::frame::{HEADER, Header, Home};
use crate::le::{u32_at, u64_at};
use crate::storage::Storage;

/// Where frames begin.
pub(crate) const HEAD: usize = 48;
/// The last byte is the version of the format.
const MAGIC: [u8; 8] = *b"mpjseg\0\x01";
const EXTENSION: &str = ".segment";

/// The name of segment `number`; names sort as numbers do.
pub(crate) fn name(number: u64) -> String {
    format!("{number:016x}{EXTENSION}")
}

/// The number of the segment that is named `name`, if it is one.
pub(crate) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION)?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    (self::name(number) == name).then_some(number)
}

/// What a segment says of itself in its first bytes. It is written and synced with its first group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) home: Home,
    /// The sequence of its first record.
    pub(crate) first: u64,
    /// How long the file was made: a shorter one has been cut.
    pub(crate) capacity: u64,
}

impl Head {
    pub(crate) fn bytes(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.home.journal.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.home.segment.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.capacity.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..40]);
        bytes[40..44].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The head in `bytes`, if it is a good one of segment `segment`.
    pub(crate) fn read(bytes: &[u8; HEAD], segment: u64) -> Option<Self> {
        Self::of_any(bytes).filter(|head| head.home.segment == segment)
    }

    /// The head in `bytes`, if it is a good one of whatever segment.
    pub(crate) fn of_any(bytes: &[u8; HEAD]) -> Option<Self> {
        let head = Self {
            home: Home {
                journal: u64_at(bytes, 8),
                segment: u64_at(bytes, 16),
            },
            first: u64_at(bytes, 24),
            capacity: u64_at(bytes, 32),
        };
        let good = bytes[..8] == MAGIC && u32_at(bytes, 40) == crc32fast::hash(&bytes[..40]);
        good.then_some(head)
    }
}

/// An open segment.
pub(crate) struct Segment<F> {
    pub(crate) number: u64,
    pub(crate) file: F,
    pub(crate) len: u64,
}

impl<F: Send + Sync> Segment<F> {
    pub(crate) fn open<S: Storage<File = F>>(storage: &S, number: u64) -> Result<Self> {
        let name = name(number);
        let file = storage
            .open(&name)
            .map_err(|source| Error::io("open", &name, source))?;
        let len = storage
            .len(&file)
            .map_err(|source| Error::io("measure", &name, source))?;
        Ok(Self { number, file, len })
    }

    pub(crate) fn name(&self) -> String {
        name(self.number)
    }

    /// Fills `buffer` from `offset`, and says how much of it there was.
    pub(crate) fn read<S: Storage<File = F>>(
        &self,
        storage: &S,
        buffer: &mut [u8],
        offset: u64,
    ) -> Result<usize> {
        storage
            .read_at(&self.file, buffer, offset)
            .map_err(|source| Error::io("read", &self.name(), source))
    }

    /// The head, if it is a good one.
    pub(crate) fn head<S: Storage<File = F>>(&self, storage: &S) -> Result<Option<Head>> {
        let mut bytes = [0; HEAD];
        let read = self.read(storage, &mut bytes, 0)?;
        Ok((read == HEAD)
            .then(|| Head::read(&bytes, self.number))
            .flatten())
    }

    /// The good frame at `offset`, if there is one, its payload in `payload`.
    pub(crate) fn fetch<S: Storage<File = F>>(
        &self,
        storage: &S,
        journal: u64,
        offset: u64,
        payload: &mut Vec<u8>,
    ) -> Result<Option<Header>> {
        let mut bytes = [0; HEADER];
        if self.read(storage, &mut bytes, offset)? < HEADER {
            return Ok(None);
        }
        let header = Header::read(&bytes);
        if !header.is_plausible(offset, self.len) {
            return Ok(None);
        }
        payload.resize(header.length as usize, 0);
        let read = self.read(storage, payload, offset + HEADER as u64)?;
        let home = Home {
            journal,
            segment: self.number,
        };
        Ok((read == payload.len() && header.verifies(home, payload)).then_some(header))
    }
}
