//! The peer of the tcp sink: reads everything, unless it is told to be slow, to hold, or to go away.
//!
//! TCP has no receipts, so a peer that just closes may throw away what its system has taken. This one goes politely:
//! it says that it will send nothing more, which the sink takes for a farewell, and reads until the sink closes. And
//! it stops listening only while a connection is open and read to its end so far: then the sink, which has one at a
//! time, is not just making another, whose rows would go with the listener.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::arrivals::Arrivals;
use crate::error::Error;
use crate::issued::Issued;
use crate::pause::pause;

/// How often what is to be done is looked at while nothing comes.
const LOOK: Duration = Duration::from_millis(2);
/// Where it listens: below the ports that systems give to whoever connects. Nobody gets its port while it is away, and
/// the sink cannot be connected to itself.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// What is read at a time.
const READ: usize = 256 << 10;
/// How much is read, and how often, when reading slowly: about 1.6 MB/s.
const SLOW_READ: usize = 16 << 10;
const SLOW_PAUSE: Duration = Duration::from_millis(10);

/// What the peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Reads as fast as it can.
    Read,
    /// Reads slowly.
    Slow,
    /// Reads nothing.
    Hold,
    /// Is not there.
    Away,
    /// Reads what is left, and ends.
    End,
}

pub(crate) struct Receiver {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    pub(crate) address: SocketAddr,
}

struct Shared {
    mode: Mutex<Mode>,
    changed: Condvar,
    arrivals: Mutex<Arrivals>,
    issued: Arc<Issued>,
    partings: AtomicU64,
}

impl Receiver {
    pub(crate) fn start(arrivals: Arrivals, issued: Arc<Issued>) -> Result<Self, Error> {
        let listener = listen_somewhere().map_err(Error::Listen)?;
        let address = listener.local_addr().map_err(Error::Listen)?;
        let shared = Arc::new(Shared {
            mode: Mutex::new(Mode::Read),
            changed: Condvar::new(),
            arrivals: Mutex::new(arrivals),
            issued,
            partings: AtomicU64::new(0),
        });
        let peer = Peer {
            shared: shared.clone(),
            address,
            listener: Some(listener),
        };
        let thread = thread::spawn(move || peer.run());
        Ok(Receiver {
            shared,
            thread: Some(thread),
            address,
        })
    }

    pub(crate) fn enter(&self, mode: Mode) {
        *lock(&self.shared.mode) = mode;
        self.shared.changed.notify_all();
    }

    /// What has come so far.
    pub(crate) fn arrivals(&self) -> MutexGuard<'_, Arrivals> {
        lock(&self.shared.arrivals)
    }

    /// How often it went away from an open connection.
    pub(crate) fn partings(&self) -> u64 {
        self.shared.partings.load(Ordering::Relaxed)
    }

    /// The sink is gone: takes what it has sent.
    pub(crate) fn finish(&mut self) {
        self.enter(Mode::End);
        if let Some(thread) = self.thread.take() {
            // A panic there has left rows out, which then are lost.
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen_somewhere() -> io::Result<TcpListener> {
    let mut tried = 0;
    loop {
        let port = fastrand::u16(PORTS);
        match listen(SocketAddr::from(([127, 0, 0, 1], port))) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && tried < 100 => tried += 1,
            result => return result,
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

struct Peer {
    shared: Arc<Shared>,
    address: SocketAddr,
    listener: Option<TcpListener>,
}

impl Peer {
    fn run(mut self) {
        loop {
            let mode = self.come_back();
            let accepted = self.listener.as_ref().map(TcpListener::accept);
            match accepted {
                Some(Ok((stream, _))) => self.read(stream),
                _ if mode == Mode::End => return,
                _ => self.look(),
            }
        }
    }

    /// Lets time pass until there may be something else to do.
    fn look(&self) {
        let mode = lock(&self.shared.mode);
        let waited = self.shared.changed.wait_timeout(mode, LOOK);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Listens again if it is away no longer. What does not work now is tried again at the next look.
    fn come_back(&mut self) -> Mode {
        let mode = *lock(&self.shared.mode);
        if mode != Mode::Away && self.listener.is_none() {
            self.listener = listen(self.address).ok();
        }
        mode
    }

    /// Reads a connection to its end, and only then the next: the order of connections is the order of rows.
    fn read(&mut self, mut stream: TcpStream) {
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        let mut buffer = vec![0; READ];
        let mut rest = Vec::new();
        let mut parted = false;
        loop {
            let mode = self.come_back();
            let most = match mode {
                Mode::Hold => {
                    self.look();
                    continue;
                }
                Mode::Slow => {
                    pause(SLOW_PAUSE);
                    SLOW_READ
                }
                _ => READ,
            };
            match stream.read(&mut buffer[..most]) {
                Ok(0) => break,
                Ok(bytes) => {
                    rest.extend_from_slice(&buffer[..bytes]);
                    lock(&self.shared.arrivals).take_lines(&mut rest, &self.shared.issued);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if mode == Mode::Away && !parted {
                        parted = self.part(&stream);
                    }
                    self.look();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // A crash cut the last row off.
        if !rest.is_empty() {
            lock(&self.shared.arrivals).take_torn(&rest);
        }
    }

    fn part(&mut self, stream: &TcpStream) -> bool {
        self.listener = None;
        self.shared.partings.fetch_add(1, Ordering::Relaxed);
        stream.shutdown(Shutdown::Write).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::event::Event;

    fn rows(events: std::ops::Range<u64>) -> Vec<u8> {
        let mut rows = Vec::new();
        for n in events {
            Event { client: 0, n }.write(1, &mut rows);
            rows.push(b'\n');
        }
        rows
    }

    #[test]
    fn a_peer_that_goes_away_and_comes_back_has_read_all_that_was_sent() {
        let issued = Arc::new(Issued::new(1));
        issued.send(0, 0..3_000);
        issued.acknowledge(0, 0..3_000);
        let mut receiver =
            Receiver::start(Arrivals::new(1, 1), issued.clone()).expect("it listens");
        let address = receiver.address;
        let mut stream = TcpStream::connect(address).expect("there");
        stream.write_all(&rows(0..1_000)).expect("sent");
        receiver.enter(Mode::Away);
        // Its farewell; what is still sent is read.
        assert_eq!(stream.read(&mut [0; 8]).expect("an end"), 0);
        stream.write_all(&rows(1_000..2_000)).expect("sent");
        stream.write_all(&rows(2_000..2_001)[..50]).expect("sent");
        TcpStream::connect(address).expect_err("it is away");
        drop(stream);
        receiver.enter(Mode::Slow);
        let mut again = TcpStream::connect(address);
        while again.is_err() {
            thread::yield_now();
            again = TcpStream::connect(address);
        }
        let mut stream = again.expect("there again");
        receiver.enter(Mode::Read);
        stream.write_all(&rows(2_000..3_000)).expect("sent");
        drop(stream);
        receiver.finish();
        let judgement = receiver.arrivals().judge(&issued);
        assert_eq!((judgement.distinct, judgement.torn), (3_000, 1));
        assert_eq!(
            (judgement.lost, judgement.bad, judgement.inversions),
            (0, 0, 0)
        );
    }
}
