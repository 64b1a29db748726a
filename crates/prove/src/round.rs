//! One round: clients send, and meanwhile things go wrong.

use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, Load};
use crate::error::Error;
use crate::faults::{Act, Step, plan, summary};
use crate::pause::{pause, pause_until};
use crate::receiver::Mode;
use crate::rest::Books;
use crate::table::Row;
use crate::trial::Trial;

/// The pace of the load, if the daemon keeps up with it: one event in this time.
const PACE: Duration = Duration::from_micros(150);
/// How long the peer of the sink waits for a connection that it can go away from.
const PARTING: Duration = Duration::from_secs(2);
/// The share of the events that goes to the slow pipeline: what it can just do.
const SLOW_SHARE: u64 = 10;
/// How long a kill waits for a request that it can interrupt, and for how long that then has gone on at most.
const REQUEST: Duration = Duration::from_millis(100);
const WITHIN: Duration = Duration::from_millis(3);
/// How often another process is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// How long the load may take to fill the disk.
const FILLING: Duration = Duration::from_secs(20);
/// How long the journal may take to go on once there is room.
const HEALING: Duration = Duration::from_secs(5);

impl Trial<'_> {
    /// Runs a round, whatever comes of it.
    pub(crate) fn round(&mut self, round: u32, clients: &mut [Client]) -> Result<Row, Error> {
        let over = PACE.mul_f64(self.options.events_per_round as f64);
        let steps = plan(round, &self.options.faults, over, &mut self.random);
        let before = self.issued.counts();
        let starts = self.tally.starts;
        self.recovery = None;
        let loads = loads(self.options.events_per_round, clients.len());
        let loads = loads.into_iter().map(|events| Load { events, over });
        let (door, issued) = (self.door.clone(), self.issued.clone());
        let injected = thread::scope(|scope| {
            let running: Vec<_> = clients
                .iter_mut()
                .zip(loads)
                .map(|(client, load)| {
                    let (door, issued) = (&door, &issued);
                    scope.spawn(move || client.run(load, door, issued))
                })
                .collect();
            let injected =
                self.inject(&steps, || running.iter().all(|client| client.is_finished()));
            if injected.is_err() || self.has_failed() {
                self.door.end();
            }
            for client in running {
                let result = client.join();
                let panicked = |_| Err("a client of the proof panicked".to_owned());
                if let Err(complaint) = result.unwrap_or_else(panicked) {
                    self.complain(complaint);
                }
            }
            injected
        });
        injected?;
        self.look_into_the_books();
        let after = self.issued.counts();
        let seen = self.progress()?;
        Ok(Row {
            round,
            sent: after.sent - before.sent,
            acknowledged: after.acknowledged - before.acknowledged,
            restarts: self.tally.starts - starts,
            faults: summary(&steps),
            recovery: self.recovery,
            delivered: seen.delivered,
            duplicates: seen.duplicates,
        })
    }

    /// Does what the plan says, and then watches the daemon until the clients are done.
    fn inject(&mut self, steps: &[Step], done: impl Fn() -> bool) -> Result<(), Error> {
        let began = Instant::now();
        let mut steps = steps.iter().peekable();
        // When the peer reads again: what else goes wrong meanwhile may take long.
        let mut spell_ends: Option<Instant> = None;
        while !self.is_gone() && !self.is_interrupted() {
            let next = steps.peek().map(|step| began + step.at);
            if let Some(ends) = spell_ends.filter(|ends| next.is_none_or(|next| *ends <= next)) {
                pause_until(ends);
                self.receiver.enter(Mode::Read);
                spell_ends = None;
                continue;
            }
            let Some(step) = steps.next() else {
                break;
            };
            pause_until(began + step.at);
            match step.act {
                Act::Kill { again } => self.kill(again)?,
                Act::Peer { mode, lasting } => {
                    self.change_peer(mode);
                    spell_ends = Some(Instant::now() + lasting);
                }
                Act::Fill { hold, kill } => self.fill(hold, kill)?,
            }
        }
        self.receiver.enter(Mode::Read);
        while !done() {
            if self.is_gone() || self.is_interrupted() {
                self.door.end();
            }
            pause(LOOK);
        }
        Ok(())
    }

    /// The peer of the tcp sink is different from now on; one that goes away has gone.
    fn change_peer(&mut self, mode: Mode) {
        let partings = self.receiver.partings();
        self.receiver.enter(mode);
        let until = Instant::now() + PARTING;
        while mode == Mode::Away && self.receiver.partings() == partings && Instant::now() < until {
            pause(LOOK);
        }
    }

    /// Kills the daemon, as a rule while it works on a request, and starts it again, perhaps twice.
    fn kill(&mut self, again: Option<Duration>) -> Result<(), Error> {
        self.door.wait_for_request(REQUEST);
        pause(WITHIN.mul_f64(self.random.f64()));
        let killed = Instant::now();
        self.crash();
        self.start()?;
        if let Some(after) = again {
            pause(after);
            self.crash();
            self.start()?;
        }
        self.wait_until_ready();
        self.recovery = self.recovery.max(Some(killed.elapsed()));
        Ok(())
    }

    /// Leaves the journal no room, and gives it back.
    fn fill(&mut self, hold: Duration, kill: bool) -> Result<(), Error> {
        self.door.press(true);
        let own_disk = self.place.disk().fill()?;
        if !own_disk {
            // The journal's own bound: it is reached when nothing leaves it.
            self.receiver.enter(Mode::Hold);
        }
        let filled = self.wait_for(FILLING, |books| books.full().is_some());
        if filled.is_some() {
            self.tally.fills += 1;
            pause(hold);
            if kill {
                self.kill(None)?;
            }
        }
        let kept = self.books().map_or(0, |books| books.kept());
        self.place.disk().free()?;
        if !own_disk {
            self.receiver.enter(Mode::Read);
        }
        let healed = self.wait_for(HEALING, |books| {
            books.full().is_none() && books.kept() > kept
        });
        match healed {
            Some(took) => self.tally.healing = self.tally.healing.max(took),
            None if self.is_gone() => {}
            None => self.complain(format!(
                "the disk has had room for {HEALING:?}, and the journal takes nothing: {:?}",
                self.books()
                    .and_then(|books| books.full().map(str::to_owned))
            )),
        }
        self.door.press(false);
        Ok(())
    }

    /// Looks into the books until something is so; how long that took.
    fn wait_for(&mut self, patience: Duration, so: impl Fn(&Books) -> bool) -> Option<Duration> {
        let began = Instant::now();
        while began.elapsed() < patience && !self.is_gone() {
            if self.books().is_some_and(|books| so(&books)) {
                return Some(began.elapsed());
            }
            pause(LOOK);
        }
        None
    }

    /// Events are accounted for at every moment, not only at rest.
    fn look_into_the_books(&mut self) {
        let unaccounted = self.books().map_or(0, |books| books.unaccounted());
        if unaccounted > 0 {
            self.complain(format!(
                "{unaccounted} events are unaccounted for under load"
            ));
        }
    }
}

/// Shares the events of a round out: the first client feeds the slow pipeline.
fn loads(events: u64, clients: usize) -> Vec<u64> {
    let slow = events / SLOW_SHARE;
    let others = clients as u64 - 1;
    let share =
        |client: u64| (events - slow) / others + u64::from(client < (events - slow) % others);
    std::iter::once(slow)
        .chain((0..others).map(share))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_a_round_is_somebodys() {
        for (events, clients) in [(10_000, 4), (7, 5), (0, 2), (101, 3)] {
            let loads = loads(events, clients);
            assert_eq!(loads.len(), clients);
            assert_eq!(loads.iter().sum::<u64>(), events);
        }
    }
}
