//! Pipelines that were paused are given what they have missed, from disk, while the others go on.

use std::sync::Arc;
use std::time::Duration;

use millpond_delivery::{Arrears, Owed, Settled, Ticket, TicketInfo};
use millpond_journal::{Error, Storage};
use millpond_queue::monotonic_nanos;

use super::keep::{Dispatch, DispatchError};
use super::reader::{LEAST, Reader};
use super::state::Shared;
use crate::brake::Brake;

/// How often a pipeline is asked that was resumed whether its shards have come to rest.
const SOON: Duration = Duration::from_millis(5);

/// The pipelines, and where each is read that catches up.
pub(super) struct LateOnes<S: Storage> {
    pipelines: Vec<LateOne<S>>,
    /// Which of them had a record last.
    last: usize,
    /// It was later than the last record that all had.
    had_its_turn: bool,
}

struct LateOne<S: Storage> {
    brake: Brake,
    disk: Option<millpond_journal::Reader<S>>,
}

/// How the pipelines stand.
#[derive(Default)]
pub(super) struct Look {
    /// Some are not level.
    pub(super) behind: bool,
    /// There is a record that this one may have now.
    pub(super) ready: Option<usize>,
    /// When to look again, because one is about to catch up.
    pub(super) soon: Option<Duration>,
}

impl<S: Storage> LateOnes<S> {
    pub(super) fn new(brakes: &[Brake]) -> Self {
        let pipelines = brakes.iter().cloned();
        let pipelines = pipelines.map(|brake| LateOne { brake, disk: None });
        LateOnes {
            pipelines: pipelines.collect(),
            last: 0,
            had_its_turn: false,
        }
    }

    /// Whether the last record was for one of them alone; asked before each record.
    pub(super) fn had_its_turn(&mut self) -> bool {
        std::mem::take(&mut self.had_its_turn)
    }

    pub(super) fn take_turn(&mut self, pipeline: usize) -> usize {
        (self.last, self.had_its_turn) = (pipeline, true);
        pipeline
    }

    fn any_behind(&self) -> bool {
        let mut brakes = self.pipelines.iter().map(|late| &late.brake);
        brakes.any(|brake| brake.arrears().is_behind())
    }
}

impl<D: Dispatch, S: Storage> Reader<D, S> {
    /// Looks at the pipelines that are not level, and lets those go on that can.
    pub(super) fn look_at_late_ones(&mut self) -> Look {
        let mut look = Look::default();
        if !self.late.any_behind() {
            return look;
        }
        // Nobody else moves it.
        let reading = self.shared.lock().reading;
        let count = self.late.pipelines.len();
        let mut level = false;
        for step in 1..=count {
            let at = (self.late.last + step) % count;
            let one = &mut self.late.pipelines[at];
            let arrears = one.brake.arrears();
            if !arrears.is_behind() {
                continue;
            }
            if one.brake.waits_to_catch_up() && !one.brake.catch_up() {
                look.soon = Some(SOON);
            }
            match arrears.next() {
                Some((next, _)) if next >= reading => {
                    one.disk = None;
                    arrears.level(reading);
                }
                Some((_, out)) if out < self.window => {
                    look.ready.get_or_insert(at);
                }
                _ => {}
            }
            match arrears.is_behind() {
                true => look.behind = true,
                false => level = true,
            }
        }
        if level {
            self.shared.ended_late();
        }
        look
    }

    /// Hands the next records on to a pipeline that catches up: those that lie in one frame.
    pub(super) fn pass_late(&mut self, pipeline: usize) -> Result<(), ()> {
        let one = &mut self.late.pipelines[pipeline];
        let arrears = one.brake.arrears().clone();
        let Some((next, _)) = arrears.next() else {
            return Ok(());
        };
        let reading = self.shared.lock().reading;
        if one.disk.as_ref().is_none_or(|disk| disk.position() != next) {
            match self.readers.at(next) {
                Ok(disk) => one.disk = Some(disk),
                Err(error) => return lost_late(&self.shared, &arrears, next, &error),
            }
        }
        let Some(disk) = &mut one.disk else {
            return Err(());
        };
        let records = match disk.next_records() {
            Ok(Some(records)) => records,
            // It was read before, so it can be read.
            Ok(None) => {
                self.shared.problem(next, "it is durable, and not there");
                return Err(());
            }
            Err(error) => return lost_late(&self.shared, &arrears, next, &error),
        };
        for (at, record) in records {
            if at >= reading {
                break;
            }
            let read = self.dispatch.read(record, at);
            let bytes = match &read {
                Ok(Some((_, info))) => info.bytes,
                Ok(None) | Err(_) => 0,
            };
            let Some(owed) = arrears.claim(at, bytes) else {
                // It was paused again.
                break;
            };
            match read {
                Ok(Some((batch, info))) if self.dispatch.is_for(&batch, &arrears) => {
                    let permit = self.replay.acquire_blocking(record.len().max(LEAST));
                    let late = Late {
                        shared: self.shared.clone(),
                        owed: owed.clone(),
                    };
                    let ticket = Ticket::new(info, Some(Arc::new(late)));
                    let now = monotonic_nanos();
                    let sent =
                        self.dispatch
                            .dispatch_late(batch, Arc::new(permit), ticket, &owed, now);
                    match sent {
                        Ok(()) => {}
                        Err(DispatchError::Refused(why)) => self.shared.problem(at, &why),
                        Err(DispatchError::Gone) => return Err(()),
                    }
                }
                // One that cannot be read was told, and is held, since its turn came.
                read => owed.end(read.is_err()),
            }
        }
        Ok(())
    }
}

/// Passes over damage, which was told when others came to it, or has come since.
fn lost_late<B>(shared: &Shared<B>, arrears: &Arrears, next: u64, error: &Error) -> Result<(), ()> {
    if let Some(owed) = arrears.claim(next, 0) {
        owed.end(true);
    }
    match error {
        Error::Damaged(damage) if let Some(to) = damage.to => {
            shared.problem(next, &damage.to_string());
            arrears.pass_over(to);
            Ok(())
        }
        error => {
            let why = format!("nothing can be read from it on: {error}");
            shared.problem(next, &why);
            Err(())
        }
    }
}

/// Tells of the end of a record that a pipeline was given late.
struct Late<B> {
    shared: Arc<Shared<B>>,
    owed: Owed,
}

impl<B: Send> Settled for Late<B> {
    fn settled(&self, ticket: &TicketInfo, retry: bool) {
        self.owed.end(retry);
        if retry {
            let waits = self.shared.lock().late.remove(&self.owed.sequence());
            if let Some((_, listener)) = waits {
                listener.settled(ticket, true);
            }
        }
        self.shared.ended_late();
    }
}
