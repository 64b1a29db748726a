use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_std::net::TcpStream;
use async_std::task;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionread;

/// How often it is looked whether a sender is still there that waits.
const GLANCE: Duration = Duration::from_millis(200);
/// How many bytes of a connection TLS may hold that were read from the socket and not handed on.
const IN_TLS: u64 = 64 << 10;
/// What is owed where nobody can say how much.
const SOMETHING: u64 = u64::MAX;

/// Whether the sender of a request is still there, while its body is not read because there is no room for it.
///
/// Who has closed its connection has sent its last byte; it may still wait for an answer, as many simple clients do. It is
/// gone if it owes more of a request than lies in the socket, or if it takes no answer.
pub(crate) struct Presence {
    stream: TcpStream,
    /// How much may have been read from the socket without having been seen here.
    hidden: u64,
    /// How much of the latest request has not been seen.
    owed: AtomicU64,
}

impl Presence {
    pub(crate) fn new(stream: TcpStream, is_tls: bool) -> Presence {
        Presence {
            stream,
            hidden: if is_tls { IN_TLS } else { 0 },
            owed: AtomicU64::new(0),
        }
    }

    /// So many bytes of a request are still to come; none if nobody can say how many.
    pub(crate) fn owes(&self, bytes: Option<u64>) {
        self.owed
            .store(bytes.unwrap_or(SOMETHING), Ordering::Relaxed);
    }

    /// Waits until the sender is gone.
    pub(crate) async fn left(&self) {
        loop {
            task::sleep(GLANCE).await;
            // Who cannot be asked is there.
            if self.is_gone().unwrap_or(false) {
                return;
            }
        }
    }

    fn is_gone(&self) -> io::Result<bool> {
        let mut asked = [PollFd::new(&self.stream, PollFlags::RDHUP)];
        poll(&mut asked, Some(&Timespec::default()))?;
        let said = asked[0].revents();
        if said.intersects(PollFlags::ERR | PollFlags::HUP) {
            return Ok(true);
        }
        if !said.contains(PollFlags::RDHUP) {
            return Ok(false);
        }
        let there = ioctl_fionread(&self.stream)? + self.hidden;
        Ok(match self.owed.load(Ordering::Relaxed) {
            SOMETHING => there == 0,
            owed => owed > there,
        })
    }
}
