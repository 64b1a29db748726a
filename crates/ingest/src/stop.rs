use std::future::Future;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::flag::{Flag, Raised};

/// A handle that tells sources to end, and what they listen to.
pub fn stop() -> (StopHandle, Stop) {
    let stop = Stop::default();
    (StopHandle { stop: stop.clone() }, stop)
}

/// Tells sources to end; see [`stop`]. Dropping it does so too.
pub struct StopHandle {
    stop: Stop,
}

impl StopHandle {
    /// Tells them. Telling them again changes nothing.
    pub fn stop(&self) {
        self.stop.shared.flag.raise();
        self.stop.pipes().clear();
    }
}

impl Drop for StopHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a source listens to, to learn that it should end. A clone listens to the same handle.
#[derive(Clone, Default)]
pub struct Stop {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    flag: Flag,
    /// The write ends of the pipes that blocked threads poll: closed to wake them.
    pipes: Mutex<Vec<PipeWriter>>,
}

impl Stop {
    /// True once the handle has told so.
    pub fn is_stopped(&self) -> bool {
        self.shared.flag.is_raised()
    }

    /// Waits until the handle tells so. Cancel-safe.
    pub fn stopped(&self) -> Stopped {
        Stopped(self.shared.flag.raised())
    }

    /// What a thread blocks on that has to wake up when told to stop.
    ///
    /// # Errors
    /// When the system gives no pipe.
    pub fn pipe(&self) -> io::Result<WakePipe> {
        let (reader, writer) = io::pipe()?;
        let mut pipes = self.pipes();
        // Under the lock: a stop from here on either finds the pipe or is seen here.
        if !self.is_stopped() {
            pipes.push(writer);
        }
        Ok(WakePipe { reader })
    }

    fn pipes(&self) -> MutexGuard<'_, Vec<PipeWriter>> {
        self.shared
            .pipes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wait for a [`StopHandle`]; see [`Stop::stopped`].
pub struct Stopped(Raised);

impl Future for Stopped {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context)
    }
}

/// Lets a thread block until there is something to do or it has to stop; see [`Stop::pipe`].
pub struct WakePipe {
    reader: PipeReader,
}

/// Why a [`WakePipe`] woke up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The handle told so.
    Stopped,
    /// There is something to read, or the input has ended or failed, which a read tells.
    Readable,
    /// The time is over.
    TimedOut,
}

impl WakePipe {
    /// Blocks for this long, or until told to stop.
    ///
    /// # Errors
    /// When the system cannot poll.
    pub fn sleep(&self, time: Duration) -> io::Result<Wake> {
        self.wait(None, Some(time))
    }

    /// Blocks until `input` can be read without blocking, or until told to stop, but no longer than
    /// `at_most`, if that is given.
    ///
    /// # Errors
    /// When the system cannot poll.
    pub fn readable(&self, input: BorrowedFd<'_>, at_most: Option<Duration>) -> io::Result<Wake> {
        self.wait(Some(input), at_most)
    }

    fn wait(&self, input: Option<BorrowedFd<'_>>, at_most: Option<Duration>) -> io::Result<Wake> {
        let timeout = at_most.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(time.subsec_nanos()),
        });
        let mut polled = [
            PollFd::new(&self.reader, PollFlags::IN),
            PollFd::from_borrowed_fd(input.unwrap_or_else(|| self.reader.as_fd()), PollFlags::IN),
        ];
        loop {
            match poll(&mut polled, timeout.as_ref()) {
                Ok(_) => break,
                // Starting the time anew after a signal makes the wait longer, never shorter.
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let woken = |fd: &PollFd<'_>| !fd.revents().is_empty();
        Ok(if woken(&polled[0]) {
            Wake::Stopped
        } else if woken(&polled[1]) {
            Wake::Readable
        } else {
            Wake::TimedOut
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_blocked_thread_wakes_when_told_to_stop() {
        let (handle, stop) = stop();
        let (_silent, _writer) = io::pipe().unwrap();
        let blocked = std::thread::spawn({
            let pipe = stop.pipe().unwrap();
            move || pipe.readable(_silent.as_fd(), None).unwrap()
        });
        let idle = stop.pipe().unwrap();
        assert_eq!(
            idle.sleep(Duration::from_millis(1)).unwrap(),
            Wake::TimedOut
        );
        drop(handle);
        assert_eq!(blocked.join().unwrap(), Wake::Stopped);
        assert!(stop.is_stopped());
        assert_eq!(idle.sleep(Duration::from_secs(60)).unwrap(), Wake::Stopped);
        let late = stop.pipe().unwrap();
        assert_eq!(late.sleep(Duration::from_secs(60)).unwrap(), Wake::Stopped);
        futures_lite::future::block_on(stop.stopped());
    }

    #[test]
    fn input_wakes_a_blocked_thread_and_so_does_its_end() {
        let (_handle, stop) = stop();
        let pipe = stop.pipe().unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        let now = Some(Duration::ZERO);
        assert_eq!(pipe.readable(reader.as_fd(), now).unwrap(), Wake::TimedOut);
        writer.write_all(b"x").unwrap();
        assert_eq!(pipe.readable(reader.as_fd(), None).unwrap(), Wake::Readable);
        let (ended, _) = io::pipe().unwrap();
        assert_eq!(pipe.readable(ended.as_fd(), None).unwrap(), Wake::Readable);
    }
}
