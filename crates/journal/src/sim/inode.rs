/// What survives or not on its own: half a sector.
const UNIT: usize = 256;

/// The bytes of a file as a program sees them, and as the disk has them.
#[derive(Debug, Default)]
pub(super) struct Inode {
    seen: Vec<u8>,
    disk: Vec<u8>,
    /// Units written since they were last synced.
    dirty: Vec<bool>,
    /// Whether the length changed since it was last synced.
    dirty_len: bool,
}

impl Inode {
    pub(super) fn durable(bytes: &[u8]) -> Self {
        Self {
            seen: bytes.to_vec(),
            disk: bytes.to_vec(),
            dirty: vec![false; bytes.len().div_ceil(UNIT)],
            dirty_len: false,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.seen
    }

    pub(super) fn flip(&mut self, offset: usize, mask: u8) {
        self.seen[offset] ^= mask;
        if let Some(byte) = self.disk.get_mut(offset) {
            *byte ^= mask;
        }
    }

    pub(super) fn write(&mut self, random: &mut fastrand::Rng, bytes: &[u8], offset: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        if self.seen.len() < end {
            self.seen.resize(end, 0);
            self.dirty.resize(end.div_ceil(UNIT), false);
            self.dirty_len = true;
        }
        self.seen[offset..end].copy_from_slice(bytes);
        self.dirty[offset / UNIT..end.div_ceil(UNIT)].fill(true);
        // The system may write back what it likes when it likes, so that the disk can hold a state
        // that was overwritten before it was ever synced.
        if random.u8(..) < 32 {
            self.write_back(|_| true);
        }
    }

    pub(super) fn sync(&mut self) {
        self.write_back(|_| true);
        self.disk.resize(self.seen.len(), 0);
        self.dirty_len = false;
    }

    /// Some of it reaches the disk; the rest is taken for written, and is not.
    pub(super) fn fail_sync(&mut self, random: &mut fastrand::Rng) {
        let mut luck = random.fork();
        self.write_back(|_| luck.bool());
        self.dirty.fill(false);
        self.dirty_len = false;
    }

    pub(super) fn cut_power(&mut self, random: &mut fastrand::Rng) {
        let mut luck = random.fork();
        self.write_back(|_| luck.bool());
        if self.dirty_len && random.bool() {
            self.disk.resize(self.seen.len(), 0);
        }
        *self = Self::durable(&self.disk);
    }

    /// Carries the dirty units that `keep` chooses to the disk, as far as its length goes or, as
    /// lengths may be written on their own, beyond.
    fn write_back(&mut self, mut keep: impl FnMut(usize) -> bool) {
        for unit in 0..self.dirty.len() {
            if !self.dirty[unit] || !keep(unit) {
                continue;
            }
            let begin = unit * UNIT;
            let end = self.seen.len().min(begin + UNIT);
            if self.disk.len() < end {
                self.disk.resize(end, 0);
            }
            self.disk[begin..end].copy_from_slice(&self.seen[begin..end]);
            self.dirty[unit] = false;
        }
    }
}
