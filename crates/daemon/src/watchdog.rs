//! Tells a service manager that asked for it (systemd) that the process runs, lives and ends.

use std::env;
use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// Where the service manager listens, and how long it waits for a sign of life: what sd_notify(3) and
/// sd_watchdog_enabled(3) say.
const SOCKET: &str = "NOTIFY_SOCKET";
const WAITS: &str = "WATCHDOG_USEC";
const WHOM: &str = "WATCHDOG_PID";

/// The line to the service manager; it leads nowhere where there is none.
#[derive(Default)]
pub(crate) struct Watchdog {
    line: Option<(UnixDatagram, SocketAddr)>,
    /// How often a sign of life is given, if any is wanted.
    every: Option<Duration>,
    next: Option<Instant>,
}

impl Watchdog {
    /// As the environment says.
    pub(crate) fn from_environment() -> Self {
        let Some(path) = env::var(SOCKET).ok().filter(|path| !path.is_empty()) else {
            return Watchdog::default();
        };
        let line = match open(&path) {
            Ok(line) => line,
            Err(error) => {
                tracing::warn!(path, %error, "the service manager cannot be told anything");
                return Watchdog::default();
            }
        };
        let number = |name| env::var(name).ok()?.parse::<u64>().ok();
        let ours = number(WHOM).is_none_or(|process| process == u64::from(std::process::id()));
        let waits = number(WAITS).filter(|&micros| ours && micros > 0);
        Watchdog {
            line: Some(line),
            every: waits.map(|micros| Duration::from_micros(micros) / 4),
            next: None,
        }
    }

    /// It runs.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// It ends.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// How long whoever calls [`Watchdog::look`] may wait before the next call.
    pub(crate) fn every(&self) -> Option<Duration> {
        self.every
    }

    /// Gives a sign of life when it is time for one and `lives` says that there is something to say.
    pub(crate) fn look(&mut self, now: Instant, lives: impl FnOnce() -> bool) {
        let Some(every) = self.every else { return };
        if self.next.is_none_or(|next| now >= next) && lives() {
            self.tell("WATCHDOG=1");
            self.next = Some(now + every);
        }
    }

    fn tell(&self, what: &str) {
        if let Some((socket, address)) = &self.line
            && let Err(error) = socket.send_to_addr(what.as_bytes(), address)
        {
            tracing::warn!(what, %error, "the service manager could not be told");
        }
    }
}

fn open(path: &str) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match path.strip_prefix('@') {
        Some(name) => abstract_address(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    // Nobody who does not read may hold this process up.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

/// That of a socket without a file, which only Linux has.
#[cfg(target_os = "linux")]
fn abstract_address(name: &str) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &str) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}
