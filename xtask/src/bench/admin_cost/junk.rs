//! Requests that nobody could mean, at a steady rate.

use std::collections::VecDeque;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::bench::cores;

/// So many half requests lie open at a time: more than the daemon has room for.
const OPEN: usize = 128;
/// A head of this size is more than the daemon reads.
const HUGE: usize = 64 << 10;

pub(super) struct Junk {
    over: Arc<AtomicBool>,
    sender: JoinHandle<anyhow::Result<Sent>>,
}

/// What was sent.
#[derive(Default)]
pub(super) struct Sent {
    requests: u64,
    connections: u64,
    refused: u64,
    time: Duration,
}

impl Junk {
    pub(super) fn begin(admin: u16, rate: u32, cores: &[usize]) -> anyhow::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let (until, cores) = (over.clone(), cores.to_vec());
        let sender = thread::spawn(move || {
            cores::bind(&cores)?;
            Ok(send(admin, rate, &until))
        });
        Ok(Junk { over, sender })
    }

    pub(super) fn end(self) -> anyhow::Result<Sent> {
        self.over.store(true, Ordering::Relaxed);
        let sent = self.sender.join();
        sent.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = |count: u64| count as f64 / self.time.as_secs_f64();
        write!(
            f,
            "{:.0} requests a second over {:.0} new connections, {} not sent",
            second(self.requests),
            second(self.connections),
            self.refused
        )
    }
}

/// Half of them over one connection, the others each over one of its own.
fn send(admin: u16, rate: u32, over: &AtomicBool) -> Sent {
    let mut sent = Sent::default();
    let mut kept = None;
    let mut half = VecDeque::new();
    let begun = Instant::now();
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        let due = begun + Duration::from_secs(1) * number / rate;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        number += 1;
        let text = match number % 6 {
            0 => "GET /nowhere?with=what HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            1 => "GET /api/v1/over".to_owned(),
            2 => "BREW /api/v1/overview HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            3 => format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\nx: {}\r\n\r\n",
                "y".repeat(HUGE)
            ),
            4 => "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(),
            _ => "\u{16}\u{3}\u{1} this is no HTTP\r\n\r\n".to_owned(),
        };
        let done = match number % 2 {
            0 => over_one(admin, &mut kept, &text, &mut sent),
            _ => connect(admin, &mut sent).and_then(|mut stream| {
                let done = write(&mut stream, &text);
                half.push_back(stream);
                done
            }),
        };
        if half.len() > OPEN {
            half.pop_front();
        }
        match done {
            Some(()) => sent.requests += 1,
            None => sent.refused += 1,
        }
    }
    sent.time = begun.elapsed();
    sent
}

/// Over a connection that stays open for as long as the daemon likes.
fn over_one(admin: u16, kept: &mut Option<TcpStream>, text: &str, sent: &mut Sent) -> Option<()> {
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => connect(admin, sent)?,
    };
    let mut answers = [0; 16 << 10];
    let open = loop {
        match stream.read(&mut answers) {
            Ok(0) => break false,
            Ok(_) => {}
            Err(error) => break error.kind() == ErrorKind::WouldBlock,
        }
    };
    if !open {
        stream = connect(admin, sent)?;
    }
    write(&mut stream, text)?;
    *kept = Some(stream);
    Some(())
}

fn connect(admin: u16, sent: &mut Sent) -> Option<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, admin)).ok()?;
    stream.set_nonblocking(true).ok()?;
    sent.connections += 1;
    Some(stream)
}

/// As much of it as the connection takes without waiting.
fn write(stream: &mut TcpStream, text: &str) -> Option<()> {
    match stream.write(text.as_bytes()) {
        Ok(_) => Some(()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(()),
        Err(_) => None,
    }
}
