//! Where names were found: in events that have the same members, each is found in the same place.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::path::Name;

/// Names whose numbers leave the same rest push each other out.
const PLACES: usize = 64;

/// What was found, by the name's number. A place holds that number, the parent's, and one more than the found member's,
/// which is 0 where there is none; itself 0, it holds nothing.
///
/// Atomic only because reading an event remembers, and threads may share one: a place is one word, so whatever of them
/// is read was written for its name.
#[derive(Debug)]
pub(crate) struct Memo([AtomicU64; PLACES]);

impl Default for Memo {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }
}

/// A copy starts with nothing.
impl Clone for Memo {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Memo {
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The number of the member of `parent` with that name, or that there is none; `None` if it was not noted.
    #[inline(always)]
    pub(crate) fn recall(&self, parent: u32, name: &Name) -> Option<Option<usize>> {
        let noted = self.place(name).load(Ordering::Relaxed);
        let found = usize::from(noted as u16);
        (noted ^ found as u64 == question(parent, name) && name.id != 0)
            .then(|| found.checked_sub(1))
    }

    /// Notes an answer; members and parents have numbers that fit.
    pub(crate) fn note(&self, parent: u32, name: &Name, found: Option<usize>) {
        let answer = found.map_or(0, |i| i as u64 + 1);
        let noted = question(parent, name) | answer;
        self.place(name).store(noted, Ordering::Relaxed);
    }

    #[inline(always)]
    fn place(&self, name: &Name) -> &AtomicU64 {
        &self.0[name.id as usize % PLACES]
    }
}

#[inline(always)]
fn question(parent: u32, name: &Name) -> u64 {
    u64::from(name.id) << 32 | u64::from(parent as u16) << 16
}
