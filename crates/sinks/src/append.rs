use std::fs::File;
use std::io::{self, IoSlice, Write};

use crate::rows::{locate, total_bytes, total_rows};
use crate::{Rows, WriteError};

/// What rows are appended to.
pub(crate) trait Handle: Send {
    /// Appends some of the bytes; says how many.
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Takes the last `bytes` bytes back.
    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        let _ = bytes;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Returns when everything is on stable storage.
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Appends whole rows and never leaves part of one behind: a row that an error tore is cut off
/// again, or, where the handle cannot cut, completed by the next write.
pub(crate) struct Appender<H> {
    handle: H,
    len: u64,
    /// What is at the end of a row which is not complete: the next one to be written, unless that was
    /// set aside.
    torn: Vec<u8>,
    unsynced_bytes: u64,
    unsynced_rows: usize,
}

impl<H: Handle> Appender<H> {
    /// Appends to a handle that holds `len` bytes, which end with a whole row.
    pub(crate) fn new(handle: H, len: u64) -> Self {
        Appender {
            handle,
            len,
            torn: Vec::new(),
            unsynced_bytes: 0,
            unsynced_rows: 0,
        }
    }

    /// Bytes in the destination, as far as this appender knows.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// True while part of the next row is stuck at the end.
    pub(crate) fn is_torn(&self) -> bool {
        !self.torn.is_empty()
    }

    /// Rows appended since the last sync.
    pub(crate) fn unsynced_rows(&self) -> usize {
        self.unsynced_rows
    }

    pub(crate) fn write(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        self.end_torn(batches)?;
        let before = self.torn.len();
        let handle = &mut self.handle;
        let (written, failed) = match send(|slices| handle.append(slices), batches, before) {
            Ok(()) => (total_bytes(batches), None),
            Err((written, error)) => (written, Some(error)),
        };
        let (done, torn) = match failed {
            None => (total_rows(batches), 0),
            Some(_) => locate(batches, written),
        };
        self.len += (written - before) as u64;
        self.unsynced_bytes += (written - torn) as u64;
        self.unsynced_rows += done;
        self.torn.clear();
        self.torn.extend_from_slice(&row(batches, done)[..torn]);
        self.cut_torn();
        match failed {
            None => Ok(()),
            Some(error) => Err(WriteError::transient(error).after(done)),
        }
    }

    /// Takes a torn row's bytes back, if the handle lets it.
    pub(crate) fn cut_torn(&mut self) {
        let torn = self.torn.len() as u64;
        if torn > 0 && self.handle.cut(torn).is_ok() {
            self.len -= torn;
            self.torn.clear();
        }
    }

    /// Ends the line of a torn row that was set aside: the row which is next must not complete it.
    fn end_torn(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        if !self.is_torn() || row(batches, 0).starts_with(&self.torn) {
            return Ok(());
        }
        match self.handle.append(&[IoSlice::new(b"\n")]) {
            Ok(0) => Err(WriteError::transient(io::ErrorKind::WriteZero.into())),
            Ok(_) => {
                self.len += 1;
                self.torn.clear();
                Ok(())
            }
            Err(error) => Err(WriteError::transient(error)),
        }
    }

    /// Makes everything durable. After an error nothing since the last sync counts as written: the
    /// system may have thrown the pages away and report success the next time. So it is cut off,
    /// and the caller writes it again.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.settle(true, |_| Ok(()))
    }

    /// Makes everything durable if `sync`, and has the length of the whole rows stored. After an error
    /// nothing since the last time counts as written, as above.
    pub(crate) fn settle(
        &mut self,
        sync: bool,
        store: impl FnOnce(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let synced = if sync { self.handle.sync() } else { Ok(()) };
        let whole = self.len - self.torn.len() as u64;
        let settled = synced.and_then(|()| store(whole));
        if settled.is_err() {
            self.take_back();
        }
        self.unsynced_bytes = 0;
        self.unsynced_rows = 0;
        settled
    }

    /// Takes back what was appended since the last sync. Where that fails the rows stay, and there
    /// will be two of each.
    pub(crate) fn take_back(&mut self) {
        let bytes = self.unsynced_bytes;
        if bytes > 0 && self.torn.is_empty() && self.handle.cut(bytes).is_ok() {
            self.len -= bytes;
        }
        self.unsynced_bytes = 0;
        self.unsynced_rows = 0;
    }
}

/// The row behind the first `index` ones; empty if there is none.
fn row<'a>(batches: &[Rows<'a>], mut index: usize) -> &'a [u8] {
    for rows in batches {
        if index < rows.len() {
            return rows.row(index);
        }
        index -= rows.len();
    }
    &[]
}

/// Writes the batches but for their first `skip` bytes; on an error says how many bytes, with the
/// skipped ones, are written.
pub(crate) fn send(
    mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    batches: &[Rows<'_>],
    skip: usize,
) -> Result<(), (usize, io::Error)> {
    let mut slices: Vec<_> = batches
        .iter()
        .map(|rows| IoSlice::new(rows.bytes()))
        .collect();
    let mut left = slices.as_mut_slice();
    let mut written = skip;
    IoSlice::advance_slices(&mut left, skip);
    while !left.is_empty() {
        match write(left) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(bytes) => {
                written += bytes;
                IoSlice::advance_slices(&mut left, bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

/// An open file in append mode.
pub(crate) struct OpenFile {
    pub(crate) file: File,
    /// Only a regular file can be cut.
    pub(crate) regular: bool,
}

impl Handle for OpenFile {
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.file.write_vectored(slices)
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        // The file's own length is asked for: somebody may have cut it meanwhile.
        let len = self.file.metadata()?.len().checked_sub(bytes);
        match len {
            Some(len) if self.regular => self.file.set_len(len),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    /// A disk that is full, or fails to sync, when told to.
    #[derive(Default)]
    struct Disk {
        bytes: Vec<u8>,
        space: usize,
        can_cut: bool,
        sync_fails: bool,
    }

    impl Handle for &mut Disk {
        fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let first = slices.iter().find(|slice| !slice.is_empty());
            let wanted = first.map_or(&[][..], |slice| slice);
            let fits = wanted.len().min(self.space - self.bytes.len());
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.bytes.extend_from_slice(&wanted[..fits]);
            Ok(fits)
        }

        fn cut(&mut self, bytes: u64) -> io::Result<()> {
            if !self.can_cut {
                return Err(io::ErrorKind::Unsupported.into());
            }
            let keep = self.bytes.len() - bytes as usize;
            self.bytes.truncate(keep);
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            if self.sync_fails {
                return Err(io::Error::other("no sync"));
            }
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_tears_no_row_at_whatever_byte_it_fills_up() {
        let (one, two) = (records(["a", "bb"]), records(["ccc", "d"]));
        let expected = b"a\nbb\nccc\nd\n";
        for can_cut in [true, false] {
            for space in 0..expected.len() {
                let mut disk = Disk {
                    space,
                    can_cut,
                    ..Disk::default()
                };
                let mut appender = Appender::new(&mut disk, 0);
                let mut all = vec![Rows::whole(&one), Rows::whole(&two)];
                let error = appender.write(&all).expect_err("the disk is full");
                // A second attempt on the full disk changes nothing.
                let (_, rest) = crate::rows::split_to_fit(&all, rows_bytes(&all, error.done()));
                let again = appender.write(&rest).expect_err("the disk is still full");
                assert_eq!(again.done(), 0);
                assert_eq!(appender.len(), appender.handle.bytes.len() as u64);
                if can_cut {
                    assert!(
                        appender
                            .handle
                            .bytes
                            .last()
                            .is_none_or(|&last| last == b'\n')
                    );
                    assert!(!appender.is_torn());
                }

                appender.handle.space = usize::MAX;
                all = rest;
                appender.write(&all).expect("there is space again");
                assert_eq!(appender.len(), expected.len() as u64);
                assert_eq!(appender.unsynced_rows(), 4);
                assert_eq!(disk.bytes, expected, "space {space}, cut {can_cut}");
            }
        }
    }

    #[test]
    fn a_torn_row_that_was_set_aside_is_not_completed_by_another() {
        let (first, next) = (records(["abc"]), records(["xyz"]));
        let mut disk = Disk {
            space: 2,
            ..Disk::default()
        };
        let mut appender = Appender::new(&mut disk, 0);
        appender.write(&[Rows::whole(&first)]).expect_err("full");
        appender
            .write(&[Rows::whole(&next)])
            .expect_err("still full");
        appender.handle.space = usize::MAX;
        appender.write(&[Rows::whole(&next)]).expect("space");
        assert_eq!(appender.len(), 7);
        assert_eq!(disk.bytes, b"ab\nxyz\n");
    }

    fn rows_bytes(all: &[Rows<'_>], rows: usize) -> u64 {
        all.iter()
            .flat_map(|batch| (0..batch.len()).map(|row| batch.row(row).len() as u64))
            .take(rows)
            .sum()
    }

    #[test]
    fn rows_behind_a_failed_sync_are_taken_back() {
        let (one, two) = (records(["a"]), records(["b", "c"]));
        let mut disk = Disk {
            space: usize::MAX,
            can_cut: true,
            ..Disk::default()
        };
        let mut appender = Appender::new(&mut disk, 0);
        appender.write(&[Rows::whole(&one)]).expect("space");
        appender.sync().expect("synced");
        appender.write(&[Rows::whole(&two)]).expect("space");
        appender.handle.sync_fails = true;
        appender.sync().expect_err("no sync");
        assert_eq!(appender.handle.bytes, b"a\n");
        assert_eq!((appender.len(), appender.unsynced_rows()), (2, 0));
    }
}
