//! What goes to a child: a head of fixed length, then for a run the times of the batches that the events
//! came in, then where each event ends, then their bytes. All numbers are little endian.

use std::io::{self, Read};

use super::reply::u32_at;

/// What is asked of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Builds its lines from the text that follows.
    Hello,
    /// Runs the events that follow.
    Run,
    /// Tells a line the time.
    Tick,
    /// Tells a line that its input has ended.
    Finish,
}

/// The head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) call: Call,
    /// All events are known to be UTF-8.
    pub(super) utf8: bool,
    pub(super) pipeline: u32,
    pub(super) shard: u32,
    pub(super) events: u32,
    /// Batches that they came in.
    pub(super) batches: u32,
    /// Bytes of the events, or of the text.
    pub(super) bytes: u32,
    /// The time of a tick or an end.
    pub(super) now: u64,
}

pub(super) const HEAD: usize = 32;
/// Bytes of a batch's entry: how many events it has, and its time.
pub(super) const BATCH: usize = 12;

impl Head {
    pub(super) fn put(&self, into: &mut Vec<u8>) {
        into.extend([self.call as u8, u8::from(self.utf8), 0, 0]);
        for number in [
            self.pipeline,
            self.shard,
            self.events,
            self.batches,
            self.bytes,
        ] {
            into.extend(number.to_le_bytes());
        }
        into.extend(self.now.to_le_bytes());
    }

    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; HEAD];
        from.read_exact(&mut head)?;
        let call = match head[0] {
            0 => Call::Hello,
            1 => Call::Run,
            2 => Call::Tick,
            3 => Call::Finish,
            other => return Err(io::Error::other(format!("{other} is no request"))),
        };
        let number = |at: usize| u32_at(&head, at);
        Ok(Head {
            call,
            utf8: head[1] != 0,
            pipeline: number(4),
            shard: number(8),
            events: number(12),
            batches: number(16),
            bytes: number(20),
            now: u64::from(number(24)) | u64::from(number(28)) << 32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        for call in [Call::Hello, Call::Run, Call::Tick, Call::Finish] {
            let head = Head {
                call,
                utf8: call == Call::Run,
                pipeline: 1,
                shard: 2,
                events: 3,
                batches: 4,
                bytes: u32::MAX,
                now: u64::MAX - 1,
            };
            let mut bytes = Vec::new();
            head.put(&mut bytes);
            assert_eq!(bytes.len(), HEAD);
            assert_eq!(Head::read(&mut &bytes[..]).expect("whole"), head);
        }
        assert!(Head::read(&mut &[9; HEAD][..]).is_err());
        assert!(Head::read(&mut &[0; HEAD - 1][..]).is_err());
    }
}
