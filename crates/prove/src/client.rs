//! A client: sends its numbered events in order over one connection at a time, and notes what it is told.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::door::Door;
use crate::event::Event;
use crate::http::Connection;
use crate::issued::Issued;
use crate::pause::{pause, pause_until};

/// The door to the quick pipeline.
pub(crate) const QUICK: &str = "quick";
/// The door to the slow one.
pub(crate) const SLOW: &str = "slow";
/// No body is larger.
pub(crate) const BODY_MAX: u64 = 1 << 20;

/// The most events of a request.
const BATCH: u64 = 300;
/// How long a client waits for a daemon that takes its events.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it waits before it tries again.
const AGAIN: Duration = Duration::from_millis(20);

pub(crate) struct Client {
    number: usize,
    seed: u64,
    random: Rng,
    next: u64,
    connection: Option<(SocketAddr, Connection)>,
    body: Vec<u8>,
}

/// What a client sends in a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) events: u64,
    /// Over how long.
    pub(crate) over: Duration,
}

/// What a client has seen the daemon do that it must not do.
pub(crate) type Complaint = String;

impl Client {
    pub(crate) fn new(number: usize, seed: u64) -> Self {
        Client {
            number,
            seed,
            random: Rng::with_seed(seed.wrapping_add(number as u64)),
            next: 0,
            connection: None,
            body: Vec::new(),
        }
    }

    fn source(&self) -> &'static str {
        if self.number == 0 { SLOW } else { QUICK }
    }

    /// Sends its share of a round, evenly paced, and more while the door asks for it.
    pub(crate) fn run(
        &mut self,
        load: Load,
        door: &Door,
        issued: &Issued,
    ) -> Result<(), Complaint> {
        let began = Instant::now();
        let mut sent = 0;
        // What the slow pipeline is given beyond its share would keep it busy for rounds to come.
        let may_press = self.number > 0;
        while !door.is_over() && (sent < load.events || may_press && door.is_pressed()) {
            if sent < load.events {
                pause_until(began + load.over.mul_f64(sent as f64 / load.events as f64));
            }
            let most = if sent < load.events {
                BATCH.min(load.events - sent)
            } else {
                BATCH
            };
            let events = self.random.u64(1..=most);
            self.send(events, door, issued)?;
            sent += events;
        }
        Ok(())
    }

    /// Sends the next events until they are acknowledged, or nobody can say what became of them.
    fn send(&mut self, count: u64, door: &Door, issued: &Issued) -> Result<(), Complaint> {
        let events = self.next..self.next + count;
        self.next = events.end;
        self.body.clear();
        for n in events.clone() {
            let client = self.number;
            Event { client, n }.write(self.seed, &mut self.body);
            self.body.push(b'\n');
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Some((address, mut connection)) = self.connect(door, left) else {
                if door.is_over() {
                    return Ok(());
                }
                return Err(format!(
                    "client {}: nobody took events at door {} for {PATIENCE:?}",
                    self.number,
                    self.source()
                ));
            };
            issued.send(self.number, events.clone());
            let asked = door.ask();
            let answer = connection.post(&self.body);
            drop(asked);
            // An answer that does not come leaves them unanswered: they may come out or not.
            let Ok(answer) = answer else {
                return Ok(());
            };
            if !answer.closes {
                self.connection = Some((address, connection));
            }
            match answer.status {
                200 if accepted(&answer.body) == Some(count) => {
                    issued.acknowledge(self.number, events);
                    return Ok(());
                }
                // Not now: the same again. What was taken in all the same comes twice then.
                503 if !left.is_zero() => pause(AGAIN),
                status => {
                    return Err(format!(
                        "client {}: {count} good events were answered with {status} {}",
                        self.number,
                        answer.body.trim()
                    ));
                }
            }
        }
    }

    /// The connection there is, as long as its daemon is, or another one.
    fn connect(&mut self, door: &Door, patience: Duration) -> Option<(SocketAddr, Connection)> {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let address = door.wait(self.source(), left)?;
            match self.connection.take() {
                Some(open) if open.0 == address => return Some(open),
                _ => {}
            }
            match Connection::open(address) {
                Ok(connection) => return Some((address, connection)),
                // It has just gone: nothing was sent.
                Err(_) if !left.is_zero() => pause(AGAIN),
                Err(_) => return None,
            }
        }
    }
}

fn accepted(body: &str) -> Option<u64> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let all = body["rejected"] == 0 && body["ack"] == "durable";
    body["accepted"].as_u64().filter(|_| all)
}
