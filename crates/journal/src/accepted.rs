//! The operator's word that damage may be passed over, kept so that it holds after a restart. It names
//! what is lost, so that it never covers what is lost later.

use crate::error::{Error, Result};
use crate::le::{u32_at, u64_at};
use crate::shared::Gap;
use crate::storage::Storage;

/// The file's name.
const NAME: &str = "accepted";
/// The last byte is the version of the format.
const MAGIC: [u8; 8] = *b"mpjacc\0\x01";
const ENTRY: usize = 48;
/// In place of a number: there is none.
const NONE: u64 = u64::MAX;

/// Records that the operator has given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    from: u64,
    /// [`NONE`] if nobody knew how far they went; then `cut` says where they were.
    to: u64,
    /// The segment that is missing or was cut short.
    cut: u64,
}

impl Accepted {
    pub(crate) fn new(gap: &Gap) -> Self {
        Self {
            from: gap.damage.from,
            to: gap.damage.to.unwrap_or(NONE),
            cut: gap.cut.unwrap_or(NONE),
        }
    }

    /// Whether all that is lost in `gap` was given up: it becomes less as records are committed.
    pub(crate) fn covers(&self, gap: &Gap) -> bool {
        let lost = Self::new(gap);
        self.from <= lost.from
            && lost.to <= self.to
            && (lost.to == NONE) == (self.to == NONE)
            && lost.cut == self.cut
    }

    fn bytes(&self, journal: u64) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&journal.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.from.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.to.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.cut.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..40]);
        bytes[40..44].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8], journal: u64) -> Option<Self> {
        let good = bytes.len() == ENTRY
            && bytes[..8] == MAGIC
            && u64_at(bytes, 8) == journal
            && u32_at(bytes, 40) == crc32fast::hash(&bytes[..40]);
        good.then(|| Self {
            from: u64_at(bytes, 16),
            to: u64_at(bytes, 24),
            cut: u64_at(bytes, 32),
        })
    }
}

/// What was accepted so far. What cannot be read was not: the operator is asked again.
pub(crate) fn load<S: Storage>(
    storage: &S,
    names: &[String],
    journal: u64,
) -> Result<Vec<Accepted>> {
    if !names.iter().any(|name| name == NAME) {
        return Ok(Vec::new());
    }
    let file = storage.open(NAME).map_err(failed("open"))?;
    let length = storage.len(&file).map_err(failed("measure"))?;
    let mut accepted = Vec::new();
    for offset in (0..length).step_by(ENTRY) {
        let mut bytes = [0; ENTRY];
        let read = storage
            .read_at(&file, &mut bytes, offset)
            .map_err(failed("read"))?;
        accepted.extend(Accepted::read(&bytes[..read], journal));
    }
    Ok(accepted)
}

/// Adds to what was accepted, durably; what was before is not touched.
pub(crate) fn add<S: Storage>(storage: &S, journal: u64, accepted: &[Accepted]) -> Result<()> {
    let names = storage.list().map_err(failed("look for"))?;
    let file = if names.iter().any(|name| name == NAME) {
        storage.open(NAME).map_err(failed("open"))?
    } else {
        storage.create(NAME).map_err(failed("create"))?
    };
    let length = storage.len(&file).map_err(failed("measure"))?;
    let entries: Vec<_> = accepted.iter().map(|entry| entry.bytes(journal)).collect();
    storage
        .write_at(
            &file,
            entries.as_flattened(),
            length.next_multiple_of(ENTRY as u64),
        )
        .and_then(|()| storage.sync(&file))
        .and_then(|()| storage.sync_names())
        .map_err(failed("write"))
}

fn failed(doing: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::io(doing, NAME, source)
}
