use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::append::{Appender, Handle};
use crate::{Rows, Sink, SinkError, WriteError, Writer};

/// A sink that writes rows to standard output. It has no settings of its own. When the reader has
/// gone (`| head`) the sink closes, which is no failure.
///
/// ```toml
/// [sinks.out]
/// type = "stdout"
/// ```
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StdoutConfig {}

impl Sink for StdoutConfig {
    fn open(self: Box<Self>, _: &str, _: Option<u64>) -> Result<Box<dyn Writer>, SinkError> {
        // A duplicate of the descriptor: the buffer of `std::io::Stdout` would be in the way.
        let fd = io::stdout()
            .as_fd()
            .try_clone_to_owned()
            .map_err(|error| SinkError::Stdout { error })?;
        Ok(Box::new(PipeWriter::new(File::from(fd))))
    }
}

/// Writes rows to a pipe, a terminal or whatever else standard output is.
pub(crate) struct PipeWriter {
    out: Appender<Pipe>,
}

impl PipeWriter {
    pub(crate) fn new(out: File) -> Self {
        PipeWriter {
            out: Appender::new(Pipe { out }, 0),
        }
    }
}

impl Writer for PipeWriter {
    fn write(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        self.out.write(batches).map_err(|error| match error {
            WriteError::Transient { done, error, .. }
                if error.kind() == io::ErrorKind::BrokenPipe =>
            {
                WriteError::Closed { done }
            }
            other => other,
        })
    }
}

struct Pipe {
    out: File,
}

impl Handle for Pipe {
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            match self.out.write_vectored(slices) {
                // Whoever shares the descriptor made it non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll(&mut [PollFd::new(&self.out, PollFlags::OUT)], None)?;
                }
                other => return other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::testing::records;

    #[test]
    fn a_reader_that_is_gone_closes_the_sink_instead_of_failing_it() {
        let (reader, writer) = io::pipe().expect("a pipe");
        let mut out = PipeWriter::new(File::from(OwnedFd::from(writer)));
        let rows = records(["a"]);
        out.write(&[Rows::whole(&rows)]).expect("somebody reads");
        drop(reader);
        let error = out.write(&[Rows::whole(&rows)]).expect_err("nobody reads");
        assert!(matches!(error, WriteError::Closed { done: 0 }), "{error:?}");
    }

    #[test]
    fn a_non_blocking_output_is_waited_for() {
        let (mut reader, writer) = UnixStream::pair().expect("a pair");
        writer.set_nonblocking(true).expect("an option");
        let mut out = PipeWriter::new(File::from(OwnedFd::from(writer)));
        let long = "x".repeat(1 << 20);
        let rows = records([long.as_str(), "end"]);
        let read = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).expect("readable");
            all
        });
        out.write(&[Rows::whole(&rows)]).expect("written");
        drop(out);
        assert_eq!(read.join().expect("no panic"), rows.bytes());
    }
}
