//! The frame around the saved states of a line: a version byte, then for each stateful stage its
//! name and its state, each behind a length (u64, little endian).

use crate::LoadError;

const VERSION: u8 = 1;

pub(crate) struct Writer<'a>(&'a mut Vec<u8>);

impl<'a> Writer<'a> {
    pub(crate) fn new(into: &'a mut Vec<u8>) -> Self {
        into.push(VERSION);
        Self(into)
    }

    pub(crate) fn frame(&mut self, name: &str, save: impl FnOnce(&mut Vec<u8>)) {
        self.0.extend((name.len() as u64).to_le_bytes());
        self.0.extend(name.as_bytes());
        // In a buffer of its own: a stage can't reach the frames before its own.
        let mut state = Vec::new();
        save(&mut state);
        self.0.extend((state.len() as u64).to_le_bytes());
        self.0.extend(state);
    }
}

/// The frames as (name, state).
pub(crate) fn read(from: &[u8]) -> Result<Vec<(&str, &[u8])>, LoadError> {
    let mut reader = Reader { from, offset: 0 };
    if reader.take(1)? != [VERSION] {
        return Err(reader.damaged(0, "unknown version"));
    }
    let mut frames = Vec::new();
    while reader.offset < from.len() {
        let at = reader.offset;
        let name = reader.block()?;
        let name = std::str::from_utf8(name).map_err(|_| reader.damaged(at, "bad stage name"))?;
        frames.push((name, reader.block()?));
    }
    Ok(frames)
}

struct Reader<'a> {
    from: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn block(&mut self) -> Result<&'a [u8], LoadError> {
        let mut length = [0; 8];
        length.copy_from_slice(self.take(8)?);
        // A length beyond the address space is beyond the bytes at hand, too.
        self.take(usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], LoadError> {
        let rest = &self.from[self.offset..];
        let taken = rest
            .get(..length)
            .ok_or_else(|| self.damaged(self.offset, "cut short"))?;
        self.offset += length;
        Ok(taken)
    }

    fn damaged(&self, offset: usize, problem: &'static str) -> LoadError {
        LoadError::Damaged {
            offset,
            length: self.from.len(),
            problem,
        }
    }
}
