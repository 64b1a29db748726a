//! Measures the pipelines of a configuration with the lines of a file, on one worker.
//!
//! Everything around the pipelines is left out: rows are encoded and thrown away, dead letters go into a directory
//! that is gone afterwards.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, mpsc::RecvTimeoutError};
use std::time::{Duration, Instant};

use async_std::task::block_on;
use millpond_delivery::{Settled, TicketInfo};
use millpond_event::{Chunk, Origin};
use millpond_plan::{Look, Measured};
use millpond_sinks::{DeadLetterConfig, SinkOptions};
use millpond_store::DeadLetters;
use serde_json::json;

use super::Failure;
use crate::codec::unix_micros;
use crate::config::{Config, Sink, Workers};
use crate::error::StartError;
use crate::health::Vitals;
use crate::observe::observed;
use crate::replay::{Door, Replayer};
use crate::status::Status;
use crate::wire::{Input, Seen, wire};

/// The name of the source.
const TRIAL: &str = "trial";
/// Batches that are under way at a time: enough that the worker never has to be woken, few enough that the trial ends
/// soon after its time.
const AHEAD: u64 = 3;
/// How often it is looked whether a wait for the worker is still worth it.
const LOOK: Duration = Duration::from_millis(100);
/// The largest file that is taken.
const MOST: u64 = 1 << 30;

pub(super) fn measure(
    config: &Config,
    sample: &Path,
    batch: u32,
    time: Duration,
) -> Result<Measured, Failure> {
    let lines = Lines::read(sample, batch as usize)?;
    let letters = tempfile::tempdir().map_err(Failure::Scratch)?;
    let config = reduced(config, letters.path());
    let store = DeadLetters::open(letters.path(), config.dead_letters.max.as_u64());
    let store = store.map_err(|error| StartError::open(&config.dead_letters_at, error))?;
    let (tell, happenings) = mpsc::channel();
    let (show, shown) = mpsc::channel();
    let (done, looks) = mpsc::channel();
    let feed = move |replayer: &Replayer| {
        // Looked at while the workers are there. Whoever waits for the looks finds none when something failed.
        let Ok(seen) = shown.recv() else { return };
        let earlier = look(&seen);
        lines.feed(replayer, time);
        let _ = done.send((earlier, look(&seen)));
    };
    let line = block_on(wire(&config, Input::Letters(store, Box::new(feed)), &tell))?;
    // The feed takes it as soon as it runs, which it does below.
    let _ = show.send(line.seen.clone());
    let mut status = Status::new(false, false);
    let drain = config.runtime.drain;
    let code = crate::run::run(line, drain, None, &happenings, &tell, &mut status);
    match (code, looks.try_recv()) {
        (0, Ok((Some(earlier), Some(later)))) => Ok(later.since(&earlier)?),
        _ => Err(Failure::Trial),
    }
}

/// What the pipelines took so far.
fn look(seen: &Arc<Seen>) -> Option<Look> {
    let vitals = Arc::new(Vitals::new(seen.clone()));
    let document = millpond_admin::service(&observed(seen, vitals, None));
    let look: Look = serde_json::from_value(document).ok()?;
    Some(Look {
        closed_loop: true,
        ..look
    })
}

/// The configuration without what is around its pipelines.
fn reduced(config: &Config, letters: &Path) -> Config {
    let mut reduced = config.clone();
    reduced.journal = None;
    reduced.admin = None;
    reduced.tracing = Default::default();
    reduced.runtime.workers = Workers::one();
    reduced.runtime.crashes = letters.join("crashes");
    reduced.dead_letters = DeadLetterConfig {
        path: letters.to_owned(),
        ..reduced.dead_letters
    };
    for Sink { component, options } in &mut reduced.sinks {
        "blackhole".clone_into(&mut component.kind);
        component.params = json!({});
        *options = SinkOptions::default();
    }
    reduced
}

/// The lines of a file, in batches.
struct Lines {
    bytes: Vec<u8>,
    batches: Vec<Range<usize>>,
}

impl Lines {
    fn read(path: &Path, batch: usize) -> Result<Self, Failure> {
        let wrong = |error| Failure::Sample {
            path: path.to_owned(),
            error,
        };
        let length = fs::metadata(path).map_err(wrong)?.len();
        if length > MOST {
            let message = format!("{length} bytes, expected at most {MOST}");
            return Err(wrong(std::io::Error::other(message)));
        }
        let mut bytes = fs::read(path).map_err(wrong)?;
        if !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        let batches = batches(&bytes, batch);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(Failure::Empty(path.to_owned()));
        }
        Ok(Lines { bytes, batches })
    }

    /// Runs them through every pipeline, again and again, for so long.
    fn feed(&self, replayer: &Replayer, time: Duration) {
        let doors: Vec<Door> = replayer.doors.all().into_values().collect();
        let until = Instant::now() + time;
        // As many as may be under way can be told of without anybody waiting.
        let (tell, ended) = mpsc::sync_channel(AHEAD as usize * doors.len());
        let mut under_way = 0;
        let wait_until = |left: u64, under_way: &mut u64| {
            while *under_way > left {
                if !one_more(&ended, &doors) {
                    return false;
                }
                *under_way -= 1;
            }
            true
        };
        for range in self.batches.iter().cycle() {
            if Instant::now() >= until {
                wait_until(0, &mut under_way);
                return;
            }
            for door in &doors {
                if !submit(door, &self.bytes[range.clone()], &tell) {
                    return;
                }
                under_way += 1;
            }
            if !wait_until((AHEAD - 1) * doors.len() as u64, &mut under_way) {
                return;
            }
        }
    }
}

/// Cuts lines into batches of half as many, as many and half as many more: as many on average, and so that it shows
/// what a batch takes besides its lines.
fn batches(bytes: &[u8], batch: usize) -> Vec<Range<usize>> {
    let sizes = [batch - batch / 2, batch, batch + batch / 2];
    let mut sizes = sizes.iter().copied().cycle();
    let mut batches = Vec::new();
    let (mut begin, mut lines) = (0, 0);
    let mut wanted = sizes.next().unwrap_or(batch);
    for end in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        lines += 1;
        if lines == wanted {
            batches.push(begin..end.0 + 1);
            (begin, lines) = (end.0 + 1, 0);
            wanted = sizes.next().unwrap_or(batch);
        }
    }
    if begin < bytes.len() {
        batches.push(begin..bytes.len());
    }
    batches
}

/// Waits until a batch has come to its end; false when that is over.
fn one_more(ended: &Receiver<()>, doors: &[Door]) -> bool {
    loop {
        match ended.recv_timeout(LOOK) {
            Ok(()) => return true,
            Err(RecvTimeoutError::Timeout) if doors.iter().any(|door| door.inlet.is_ended()) => {
                return false;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

fn submit(door: &Door, lines: &[u8], tell: &SyncSender<()>) -> bool {
    let Some(mut lease) = block_on(door.inlet.lease(lines.len())) else {
        return false;
    };
    lease.bytes()[..lines.len()].copy_from_slice(lines);
    let (buffer, filled, permit) = lease.seal(0..lines.len());
    let origin = Origin {
        source: TRIAL.into(),
        partition: 0,
        first_sequence: 0,
        offset: 0,
        received_micros: unix_micros(),
    };
    let chunk = Chunk::new(buffer, filled, origin);
    door.inlet.ledger().add_bytes(lines.len() as u64);
    let listener = Arc::new(Ended(tell.clone()));
    let submitted = door
        .inlet
        .submit(chunk, Arc::new(permit), Some(listener.clone()));
    match block_on(submitted) {
        // Nobody tells of a chunk without events.
        Ok(0) => {
            listener.tell();
            true
        }
        Ok(_) => true,
        Err(_) => false,
    }
}

/// Tells that a batch has come to its end.
struct Ended(SyncSender<()>);

impl Ended {
    fn tell(&self) {
        // Nobody listens once the time is over.
        let _ = self.0.try_send(());
    }
}

impl Settled for Ended {
    fn settled(&self, _: &TicketInfo, _: bool) {
        self.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_have_as_many_lines_on_average_and_leave_none_out() {
        let text = "{}\n".repeat(1_000);
        let batches = batches(text.as_bytes(), 10);
        let lines: Vec<usize> = batches.iter().map(|range| range.len() / 3).collect();
        assert_eq!(lines[..4], [5, 10, 15, 5]);
        assert_eq!(lines.iter().sum::<usize>(), 1_000);
        assert_eq!(super::batches(b"{}\n{}\n", 1), [0..3, 3..6]);
    }
}
