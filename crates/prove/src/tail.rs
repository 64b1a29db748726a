//! Reads the file that a sink writes, as far as it is written.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;

use crate::arrivals::Arrivals;
use crate::error::Error;
use crate::issued::Issued;

const READ: usize = 1 << 20;

/// How far a file has been read.
pub(crate) struct Tail {
    path: PathBuf,
    /// Behind the last whole line: what a crash left of another may still be cut off.
    offset: u64,
    rest: Vec<u8>,
}

impl Tail {
    pub(crate) fn new(path: PathBuf) -> Self {
        Tail {
            path,
            offset: 0,
            rest: Vec::new(),
        }
    }

    /// Takes the whole lines that are new.
    pub(crate) fn read(&mut self, arrivals: &mut Arrivals, issued: &Issued) -> Result<(), Error> {
        let failed = || Error::io("read", &self.path);
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(failed())?,
        };
        file.seek(SeekFrom::Start(self.offset)).map_err(failed())?;
        self.rest.clear();
        let mut buffer = vec![0; READ];
        loop {
            let bytes = file.read(&mut buffer).map_err(failed())?;
            if bytes == 0 {
                return Ok(());
            }
            self.rest.extend_from_slice(&buffer[..bytes]);
            let before = self.rest.len();
            arrivals.take_lines(&mut self.rest, issued);
            self.offset += (before - self.rest.len()) as u64;
        }
    }

    /// Nothing more comes: what has no end is torn.
    pub(crate) fn finish(self, arrivals: &mut Arrivals) {
        if !self.rest.is_empty() {
            arrivals.take_torn(&self.rest);
        }
    }
}
