use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use bytesize::ByteSize;
use futures_lite::future::block_on;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::feed::Feed;
use crate::settings::{default_max_line, max_line};
use crate::{BoxFuture, ConfigError, Inlet, Opened, Source, SourceError, Wake};

/// Standard input, read to its end: `type = "stdin"`.
///
/// ```toml
/// [sources.in]
/// type = "stdin"
/// max_line = "1MiB"     # longer lines are refused
/// ```
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StdinConfig {
    /// The longest line in bytes, its newline not counted.
    #[serde(default = "default_max_line")]
    #[schemars(with = "String")]
    pub max_line: ByteSize,
}

impl StdinConfig {
    pub(crate) fn checked(self) -> Result<Box<dyn Source>, ConfigError> {
        let max_line = max_line(self.max_line)?;
        Ok(Box::new(Stdin { max_line }))
    }
}

struct Stdin {
    max_line: usize,
}

impl Source for Stdin {
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Opened>, SourceError>> {
        Box::pin(async move {
            let input = io::stdin().as_fd().try_clone_to_owned().map_err(failed)?;
            Ok(Box::new(Pump::new(input, self.max_line)) as Box<dyn Opened>)
        })
    }
}

fn failed(source: io::Error) -> SourceError {
    SourceError::Read {
        input: "stdin".into(),
        source,
    }
}

/// Reads a descriptor to its end, on a thread of its own. The descriptor stays in blocking mode, as
/// other processes may share it.
struct Pump {
    input: File,
    max_line: usize,
}

impl Pump {
    fn new(input: OwnedFd, max_line: usize) -> Self {
        let input = File::from(input);
        Pump { input, max_line }
    }

    fn pump(mut self, inlet: Inlet) -> Result<(), SourceError> {
        let _open = inlet.ledger().open();
        let pipe = inlet.stop().pipe().map_err(|source| SourceError::Pipe {
            input: "stdin".into(),
            source,
        })?;
        let mut feed = Feed::new(inlet, self.max_line);
        loop {
            let wake = pipe.readable(self.input.as_fd(), None).map_err(failed)?;
            if wake == Wake::Stopped {
                return Ok(());
            }
            // The permit is taken only now: a source without input holds none.
            let Some(mut lease) = block_on(feed.inlet().lease(feed.need())) else {
                return Ok(());
            };
            let buffer = lease.bytes();
            let mut filled = feed.headroom();
            let mut end = Ok(false);
            while filled < buffer.len() {
                match self.input.read(&mut buffer[filled..]) {
                    Ok(0) => end = Ok(true),
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // Somebody else made it non-blocking.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => end = Err(error),
                }
                let more = || pipe.readable(self.input.as_fd(), Some(Duration::ZERO));
                if !matches!(end, Ok(false)) || !matches!(more(), Ok(Wake::Readable)) {
                    break;
                }
            }
            let read = filled - feed.headroom();
            feed.inlet().ledger().add_bytes(read as u64);
            let over = matches!(end, Ok(true));
            if block_on(feed.take(lease, filled, over)).is_err() {
                return Ok(());
            }
            if end.map_err(failed)? {
                return Ok(());
            }
        }
    }
}

impl Opened for Pump {
    fn run(self: Box<Self>, inlet: Inlet) -> BoxFuture<'static, Result<(), SourceError>> {
        Box::pin(async_std::task::spawn_blocking(move || self.pump(inlet)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;
    use std::time::Instant;

    use millpond_delivery::{Inbound, Ledger, SourceLedger};
    use millpond_event::{BufferPool, Slice};
    use millpond_queue::{Budget, Limits, Mailbox, ReadySet, mailboxes};

    use super::*;
    use crate::{Route, StopHandle, stop};

    fn inlet() -> (Inlet, Mailbox<Inbound<Slice>>, StopHandle) {
        let limits = Limits {
            events: 1 << 30,
            bytes: 1 << 30,
        };
        let (intake, mut boxes) = mailboxes("p", Arc::new(ReadySet::new(1)), 0, 1, 1 << 14, limits);
        let (handle, stop) = stop();
        let route = Route {
            intake,
            ledger: Arc::new(Ledger::new("p")),
            key: None,
            arrears: None,
        };
        let ledger = Arc::new(SourceLedger::new("in"));
        let pool = BufferPool::new(256 << 10, || 0);
        let inlet = Inlet::new(
            "in".into(),
            vec![route],
            Budget::new(64 << 20),
            pool,
            ledger,
            stop,
        );
        (inlet, boxes.remove(0), handle)
    }

    fn lines(mailbox: &mut Mailbox<Inbound<Slice>>) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(parcel) = mailbox.take() {
            let batch = &parcel.item.batch;
            lines.extend(
                (0..batch.len()).map(|i| String::from_utf8(batch.bytes(i).to_vec()).unwrap()),
            );
        }
        lines
    }

    #[test]
    fn a_pipe_is_read_to_its_last_line() {
        let (inlet, mut mailbox, _handle) = inlet();
        let (reader, mut writer) = io::pipe().unwrap();
        let sent: String = (0..100_000).map(|i| format!("{{\"i\":{i}}}\n")).collect();
        let text = sent.clone();
        let writing = std::thread::spawn(move || {
            writer
                .write_all(&text.as_bytes()[..text.len() - 1])
                .unwrap()
        });
        Pump::new(reader.into(), 1 << 20).pump(inlet).unwrap();
        writing.join().unwrap();
        let got: String = lines(&mut mailbox)
            .iter()
            .map(|line| line.clone() + "\n")
            .collect();
        assert!(got == sent);
        assert!(mailbox.is_ended());
    }

    #[test]
    fn a_reader_blocked_on_a_silent_pipe_stops_at_once() {
        let (inlet, mut mailbox, handle) = inlet();
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"{}\n{\"half\":").unwrap();
        let source = inlet.ledger().clone();
        let pumping = std::thread::spawn(move || Pump::new(reader.into(), 1 << 20).pump(inlet));
        while source.totals().events == 0 {
            std::thread::yield_now();
        }
        let began = Instant::now();
        handle.stop();
        pumping.join().unwrap().unwrap();
        assert!(began.elapsed() < Duration::from_secs(10));
        assert_eq!(lines(&mut mailbox), ["{}"]);
        drop(writer);
    }
}
