use super::{Broken, reasons};

/// Walks through bytes that may be anything.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Cursor { rest: bytes }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(Broken("it is cut short".to_owned()));
        };
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn number(&mut self) -> Result<u32, Broken> {
        Ok(u32_at(self.take(4)?, 0))
    }

    pub(super) fn long(&mut self) -> Result<u64, Broken> {
        Ok(u64::from(self.number()?) | u64::from(self.number()?) << 32)
    }

    /// A number of things that take at least `least` bytes each: no more than can follow.
    pub(super) fn count(&mut self, least: usize) -> Result<usize, Broken> {
        let count = self.number()? as usize;
        if count > self.rest.len() / least {
            return Err(Broken(format!("{count} entries in too little space")));
        }
        Ok(count)
    }

    /// Numbers behind their count.
    pub(super) fn numbers(&mut self, into: &mut Vec<u32>) -> Result<(), Broken> {
        let count = self.count(4)?;
        let bytes = self.take(count * 4)?;
        into.clear();
        into.extend(bytes.chunks_exact(4).map(|number| u32_at(number, 0)));
        Ok(())
    }

    /// Bytes behind their length.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Broken> {
        let length = self.number()? as usize;
        self.take(length)
    }

    pub(super) fn text(&mut self, most: usize) -> Result<String, Broken> {
        match std::str::from_utf8(self.bytes()?) {
            Ok(text) if text.len() <= most => Ok(text.to_owned()),
            _ => Err(Broken("a text that is none, or too long".to_owned())),
        }
    }

    pub(super) fn name(&mut self) -> Result<String, Broken> {
        let name = self.text(64)?;
        if !reasons::is_name(&name) {
            return Err(Broken(format!("{name:?} is no reason")));
        }
        Ok(name)
    }

    pub(super) fn end(&self) -> Result<(), Broken> {
        match self.rest.len() {
            0 => Ok(()),
            rest => Err(Broken(format!("{rest} bytes behind its end"))),
        }
    }
}

/// The number at a place.
///
/// # Panics
/// If there are no four bytes.
#[inline]
pub(in crate::process) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}
