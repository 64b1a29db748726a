//! Where a peer writes to.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;

/// Large enough for the calls to cost next to nothing, small enough for the cache.
pub(crate) const BUFFER: usize = 256 << 10;

/// The file of the rows, and the one of the lines that could not be read: the daemon keeps its dead letters, too.
pub(crate) struct Outputs {
    pub(crate) rows: BufWriter<Box<dyn Write>>,
    pub(crate) rejected: BufWriter<Box<dyn Write>>,
}

impl Outputs {
    /// Files at `path` and `path.rejected`; nowhere for `-`.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let nowhere = path == Path::new("-");
        let open = |path: &Path| -> anyhow::Result<BufWriter<Box<dyn Write>>> {
            let to: Box<dyn Write> = if nowhere {
                Box::new(io::sink())
            } else {
                let file = File::create(path);
                Box::new(file.with_context(|| format!("cannot create {}", path.display()))?)
            };
            Ok(BufWriter::with_capacity(BUFFER, to))
        };
        let mut rejected = path.as_os_str().to_owned();
        rejected.push(".rejected");
        Ok(Self {
            rows: open(path)?,
            rejected: open(Path::new(&rejected))?,
        })
    }

    pub(crate) fn reject(&mut self, line: &[u8]) -> anyhow::Result<()> {
        let written = self.rejected.write_all(line);
        written
            .and_then(|()| self.rejected.write_all(b"\n"))
            .context("cannot write a rejected line")
    }

    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        self.rows.flush().context("cannot write the rows")?;
        self.rejected
            .flush()
            .context("cannot write the rejected lines")
    }
}
