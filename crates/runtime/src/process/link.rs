//! One child and the socket to it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::child::{period, write_all};
use super::death::{Death, How};
use super::reply::{self, Broken, Kind, cut};
use super::request::{Call, Head};

/// How much of what a child wrote to its standard error is kept.
const SAID: u64 = 2 << 10;
/// How long a child may take to build its lines.
const START: Duration = Duration::from_secs(30);

/// A child that runs.
pub(super) struct Link {
    child: Child,
    stream: UnixStream,
    /// Its standard error: a file without a name, so that nobody has to read it meanwhile.
    said: File,
    /// How long an answer may take, in which the child may say that it hangs.
    patience: Duration,
    /// What it wants to be logged.
    notice: String,
    ended: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The socket is closed or fails: the child is gone.
    Gone,
    /// The time is over; where the child says that it is.
    Late(Option<u32>),
    /// The answer does not fit.
    Broken(Broken),
    /// It cannot build its lines, and says why.
    Refused(String),
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Failure::Broken(broken)
    }
}

impl Link {
    /// Starts a child and waits until it has built its lines.
    ///
    /// # Errors
    /// The system starts none, or it ended or said no.
    pub(super) fn start(
        mut command: Command,
        hello: &[u8],
        deadline: Duration,
        output_bytes: u64,
    ) -> io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        let said = scratch_file()?;
        let program = command.get_program().to_owned();
        let not_started = |error: io::Error| {
            let program = program.display();
            io::Error::new(error.kind(), format!("{program} does not start: {error}"))
        };
        let child = command
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(said.try_clone()?)
            // Signals of a terminal are for the parent alone.
            .process_group(0)
            .spawn()
            .map_err(not_started)?;
        // The command holds the child's end of the socket, which would keep it from closing.
        drop(command);
        let mut link = Link {
            child,
            stream,
            said,
            patience: START,
            notice: String::new(),
            ended: false,
        };
        link.set_patience(START)?;
        let mut head = Vec::new();
        Head {
            call: Call::Hello,
            utf8: true,
            pipeline: 0,
            shard: 0,
            events: u32::try_from(output_bytes).unwrap_or(u32::MAX),
            batches: 0,
            bytes: u32::try_from(hello.len()).map_err(io::Error::other)?,
            now: u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX),
        }
        .put(&mut head);
        if let Err(failure) = link.greet(&head, hello) {
            return Err(io::Error::other(link.bury(failure).to_string()));
        }
        link.set_patience(deadline + 2 * period(deadline) + Duration::from_millis(200))?;
        Ok(link)
    }

    fn greet(&mut self, head: &[u8], hello: &[u8]) -> Result<(), Failure> {
        self.send(&[head, hello])?;
        let until = self.until();
        let head = self.head(until)?;
        let mut text = vec![0; head.said as usize];
        self.fill(&mut text, until)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        match head.kind {
            Kind::Ready => self.notice = text,
            _ => return Err(Failure::Refused(text)),
        }
        Ok(())
    }

    fn set_patience(&mut self, patience: Duration) -> io::Result<()> {
        self.patience = patience;
        self.stream.set_read_timeout(Some(patience))?;
        self.stream.set_write_timeout(Some(patience))
    }

    pub(super) fn notice(&self) -> &str {
        &self.notice
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// When an answer that is asked for now is late.
    pub(super) fn until(&self) -> Instant {
        Instant::now() + self.patience
    }

    pub(super) fn send(&mut self, pieces: &[&[u8]]) -> Result<(), Failure> {
        write_all(&self.stream, pieces).map_err(|error| failure(&error))
    }

    /// The head of an answer.
    pub(super) fn head(&mut self, until: Instant) -> Result<reply::Head, Failure> {
        let mut head = [0; reply::HEAD];
        self.fill(&mut head, until)?;
        let head = reply::Head::read(&head)?;
        if head.kind == Kind::Stuck {
            let mut event = [0; 4];
            self.fill(&mut event, until)?;
            return Err(Failure::Late(Some(u32::from_le_bytes(event))));
        }
        Ok(head)
    }

    /// Fills `bytes`.
    pub(super) fn fill(&mut self, mut bytes: &mut [u8], until: Instant) -> Result<(), Failure> {
        while !bytes.is_empty() {
            match (&self.stream).read(bytes) {
                Ok(0) => return Err(Failure::Gone),
                Ok(read) => bytes = &mut bytes[read..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failure(&error)),
            }
            // A child that sends byte by byte is late, too.
            if !bytes.is_empty() && Instant::now() > until {
                return Err(Failure::Late(None));
            }
        }
        Ok(())
    }

    /// Ends the child, if it has not ended, and says how it died.
    pub(super) fn bury(mut self, failure: Failure) -> Death {
        // Who is dying already dies of what it was dying of.
        let _ = self.child.kill();
        let status = self.child.wait().ok();
        self.ended = true;
        let said = self.last_words();
        match failure {
            Failure::Gone => Death::ended(status, said),
            Failure::Refused(why) => Death::killed(How::Exit, format!("said: {why}"), said),
            Failure::Broken(broken) => Death::killed(How::Protocol, broken.to_string(), said),
            Failure::Late(hint) => Death {
                hint,
                ..Death::killed(How::Deadline, "took longer than stage_timeout", said)
            },
        }
    }

    fn last_words(&self) -> String {
        let length = self.said.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = vec![0; length.min(SAID) as usize];
        let from = length.saturating_sub(SAID);
        match self.said.read_exact_at(&mut bytes, from) {
            Ok(()) => cut(String::from_utf8_lossy(&bytes).trim(), SAID as usize).to_owned(),
            Err(_) => String::new(),
        }
    }
}

impl Drop for Link {
    /// A child that is not needed any more has nothing to finish.
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Failure::Late(None),
        _ => Failure::Gone,
    }
}

#[cfg(target_os = "linux")]
fn scratch_file() -> io::Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    Ok(memfd_create("worker", MemfdFlags::CLOEXEC)?.into())
}

#[cfg(not(target_os = "linux"))]
fn scratch_file() -> io::Result<File> {
    let message = "workers in processes of their own need Linux";
    Err(io::Error::new(io::ErrorKind::Unsupported, message))
}
