use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use millpond_delivery::{Consignment, Inbound, Lane, Ledger, Part, Tally};
use millpond_engine::{Pipeline, Timestamp};
use millpond_queue::{After, Budget, Mailbox, Permit, ReadySet, Weight, monotonic_nanos};
use tracing::Span;

use crate::brake::Brake;
use crate::codec::Codec;
use crate::collect::Letters;
use crate::crash::Supervision;
use crate::design::{Design, Edition};
use crate::exit::Exit;
use crate::handover::Outbox;
use crate::process::{Haul, Remote};
use crate::service::{ServiceCounts, Sums};
use crate::view::Counts;
use crate::watch::Watch;

/// What the shards of a pipeline share.
pub(crate) struct Shared<C: Codec> {
    pub(crate) ledger: Arc<Ledger>,
    /// Its place among the pipelines.
    pub(crate) pipeline: usize,
    pub(crate) design: Design<C::Item>,
    /// The sinks' exits; the dead letters' last, if there is one.
    pub(crate) exits: Vec<Exit<C::Output>>,
    pub(crate) letters_exit: Option<usize>,
    pub(crate) budget: Budget,
    pub(crate) counts: Arc<Counts>,
    pub(crate) brake: Brake,
    pub(crate) supervision: Supervision,
    pub(crate) service: Arc<ServiceCounts>,
    pub(crate) slice_nanos: u64,
    pub(crate) turn: usize,
    pub(crate) output_bytes: u64,
    pub(crate) tick_nanos: Option<u64>,
}

impl<C: Codec> Shared<C> {
    /// Wakes the sinks for what was put into their rooms.
    pub(crate) fn ring(&self) {
        self.exits.iter().for_each(|exit| exit.room.ring());
    }
}

/// A shard of a pipeline: its mailbox, its instance of the line, and what is on its way out.
///
/// Owned by one worker at a time; see [`Shard::run`].
pub(crate) struct Shard<C: Codec> {
    pub(crate) shared: Arc<Shared<C>>,
    pub(crate) lane: Lane,
    pub(crate) mailbox: Mailbox<Inbound<C::Batch>>,
    pub(crate) codec: C,
    /// What it is doing, for others to see.
    pub(crate) watch: Arc<Watch<C>>,
    /// What the line was built from.
    pub(crate) edition: Arc<Edition<C::Item>>,
    /// The names of its stages.
    pub(crate) stages: Arc<[String]>,
    pub(crate) line: Pipeline<C::Item>,
    pub(crate) item: Option<C::Item>,
    /// The batch in work.
    pub(crate) current: Option<Current<C>>,
    /// The batches in work, where they are run by a process of their own.
    pub(crate) haul: Option<Haul<C>>,
    /// Nanoseconds that an event takes there, more or less; 0 = nobody knows yet.
    pub(crate) pace: u64,
    /// Which child of its worker its line was in last.
    pub(crate) generation: Option<u64>,
    /// What the batches since the last hand-over came to.
    pub(crate) open: Option<Open>,
    /// How many parts there were at the last hand-over.
    pub(crate) parts: usize,
    pub(crate) outputs: Vec<C::Output>,
    pub(crate) letters: Letters,
    pub(crate) outbox: Outbox<C::Output>,
    pub(crate) waker: Waker,
    /// What the batches since the last hand-over came to, for the service's counts.
    pub(crate) ran: Sums,
    /// Events run so far, and the shard's number: chooses those that are timed.
    pub(crate) runs: u64,
    /// How many of them the brake was told of.
    pub(crate) runs_told: u64,
    pub(crate) last_tick: u64,
    /// When its worker last looked at the clock, between batches.
    pub(crate) clock: u64,
    /// How many events are run between two looks at the clock.
    pub(crate) stride: u32,
    /// When it wakes the sinks for what its worker has put out before, by the clock of the slice.
    pub(crate) ring_by: u64,
    /// An event is being decoded or run: whose fault a panic is.
    pub(crate) in_event: bool,
    /// Its worker slept until now, and has not begun a batch yet.
    pub(crate) woken: bool,
    pub(crate) parked: bool,
    pub(crate) finished: bool,
}

pub(crate) struct Current<C: Codec> {
    pub(crate) batch: C::Batch,
    /// Freed with the batch.
    pub(crate) _permit: Option<Arc<Permit>>,
    pub(crate) weight: Weight,
    /// When it was put into the mailbox; none once its wait is counted.
    pub(crate) packed_at: Option<u64>,
    /// A worker had to wake for it.
    pub(crate) woken: bool,
    /// Nanoseconds that earlier slices spent on it.
    pub(crate) spent: u64,
    pub(crate) index: usize,
    /// How many of its events the mailbox was told have been run.
    pub(crate) told: u64,
    pub(crate) len: usize,
    pub(crate) now: Timestamp,
    /// Set once it is worked on, if its chunk is followed.
    pub(crate) span: Option<Box<Span>>,
    pub(crate) trace: u64,
}

pub(crate) struct Open {
    pub(crate) consignment: Consignment,
    pub(crate) parts: Vec<Part>,
    pub(crate) tally: Tally,
    /// Events that the mailbox was told have been run.
    pub(crate) ran: u64,
    /// The ordinal of the next event.
    pub(crate) next: u32,
    /// When the oldest of them was read.
    pub(crate) received_nanos: u64,
    /// The trace of the first that has one.
    pub(crate) trace: u64,
}

impl Open {
    pub(crate) fn add(&mut self, part: Part) {
        if self.trace == 0 {
            self.trace = part.info().trace;
        }
        self.parts.push(part);
    }
}

impl<C: Codec> Shard<C> {
    pub(crate) fn new(
        shared: Arc<Shared<C>>,
        lane: Lane,
        mailbox: Mailbox<Inbound<C::Batch>>,
        codec: C,
        watch: Arc<Watch<C>>,
        waker: Waker,
    ) -> Self {
        let edition = shared.design.edition();
        let line = edition.blueprint.line_with(watch.cursor.clone());
        let outputs = shared.exits.iter().map(|_| C::Output::default()).collect();
        let letters = Letters {
            exit: shared.letters_exit,
            counted: Vec::new(),
        };
        // Not all shards choose the same: else a slow line would have run many events before any is timed.
        let runs = u64::from(lane.shard);
        Shard {
            shared,
            lane,
            mailbox,
            codec,
            watch,
            stages: edition.blueprint.stage_names().into(),
            edition,
            line,
            item: None,
            current: None,
            haul: None,
            pace: 0,
            generation: None,
            open: None,
            parts: 1,
            outputs,
            letters,
            outbox: Outbox::new(),
            waker,
            ran: Sums::default(),
            runs,
            runs_told: runs,
            last_tick: 0,
            clock: 0,
            stride: 1,
            ring_by: u64::MAX,
            in_event: false,
            woken: false,
            parked: false,
            finished: false,
        }
    }

    /// Works through the mailbox until it is empty, its turn is over or the output finds no space.
    /// When it returns, all output is in the sinks' rooms, which are to be rung, or in the outbox. With a `remote`, its
    /// line is run there. `slept` says that the worker slept until now, `started` when that is. Says when it was over,
    /// too.
    pub(crate) fn run(
        &mut self,
        ready: &ReadySet,
        remote: Option<&mut dyn Remote<C>>,
        slept: bool,
        started: u64,
    ) -> (After, u64) {
        self.woken = slept;
        self.clock = started;
        if std::mem::take(&mut self.parked) {
            self.shared
                .counts
                .parked_shards
                .fetch_sub(1, Ordering::Relaxed);
        }
        self.fetch_spares();
        let after = self.slice(ready, started, remote);
        self.return_spares();
        self.line.publish();
        // Looked at once for all that follows: with a key there are few events for each look.
        let ended = monotonic_nanos();
        self.tell_runs(ended);
        self.shared.counts.add_letters(&mut self.letters.counted);
        // One that the brake holds waits for no sink.
        if after == After::Parked && !self.shared.brake.holds() {
            self.parked = true;
            self.shared
                .counts
                .parked_shards
                .fetch_add(1, Ordering::Relaxed);
        }
        self.shared.service.spent(self.number(), ended - started);
        (after, ended)
    }

    fn slice(
        &mut self,
        ready: &ReadySet,
        started: u64,
        mut remote: Option<&mut dyn Remote<C>>,
    ) -> After {
        if self.shared.brake.is_leaving() {
            self.leave();
        }
        if self.shared.brake.holds() {
            return self.stand_still();
        }
        if !self.flush() {
            return After::Parked;
        }
        if self.shared.budget.is_overdrawn() {
            self.shared.budget.on_paid_back(&self.waker);
            return After::Parked;
        }
        let until = started + self.shared.slice_nanos;
        let renewed = self.renew(remote.is_some());
        if self.tick(started, &mut remote) || renewed {
            self.clock = monotonic_nanos();
        }
        let mut turn_over = false;
        let mut batches = 0;
        while !turn_over {
            match &mut remote {
                None => {
                    if self.current.is_none() && !self.take() {
                        break;
                    }
                    turn_over = self.work(until);
                    batches += usize::from(self.current.is_none());
                }
                Some(remote) => {
                    if self.haul.is_none() && !self.gather(&**remote) {
                        break;
                    }
                    turn_over = self.work_apart(&mut **remote, until);
                    batches += self.shared.turn;
                }
            }
            if self.is_between_batches() {
                // Shards that keep pace with each other let go of a chunk together; one that ran ahead would
                // leave it pinned by those that lag.
                turn_over |= batches >= self.shared.turn && ready.any_ready();
            }
            if self.has_enough_output() {
                if !self.hand_over() {
                    return After::Parked;
                }
                // The rest of the slice may take long.
                if self.outbox.take_put() {
                    self.shared.ring();
                }
                self.clock = monotonic_nanos();
                turn_over |= self.shared.budget.is_overdrawn();
                self.fetch_spares();
            }
        }
        if !turn_over && !self.finished && self.mailbox.is_ended() {
            self.finish(&mut remote);
        }
        if !self.hand_over() {
            After::Parked
        } else if turn_over {
            After::Again
        } else if self.finished {
            After::Finished
        } else {
            After::Idle
        }
    }

    /// Its number among the shards of its pipeline.
    pub(crate) fn number(&self) -> usize {
        self.lane.shard as usize
    }

    /// Takes the next batch from the mailbox.
    fn take(&mut self) -> bool {
        let Some(parcel) = self.mailbox.begin() else {
            return false;
        };
        let (weight, packed_at) = (parcel.weight, parcel.packed_at);
        let (
            Inbound {
                batch,
                part,
                received_nanos,
            },
            permit,
        ) = parcel.open();
        self.codec.open(&batch);
        let trace = part.info().trace;
        self.open_for(received_nanos).add(part);
        let (len, now) = (self.codec.len(&batch), self.codec.received(&batch));
        self.watch.batch(Some(&batch));
        self.current = Some(Current {
            batch,
            _permit: permit,
            weight,
            packed_at: Some(packed_at),
            woken: false,
            spent: 0,
            index: 0,
            told: 0,
            len,
            now,
            span: None,
            trace,
        });
        true
    }

    /// What the batches since the last hand-over came to, begun anew if need be for one that was read then.
    pub(crate) fn open_for(&mut self, received_nanos: u64) -> &mut Open {
        self.open.get_or_insert_with(|| Open {
            consignment: Consignment::open(&self.shared.ledger),
            // As many as last time, more or less: with a key each batch is small.
            parts: Vec::with_capacity(self.parts.max(1)),
            tally: Tally::default(),
            ran: 0,
            next: 0,
            received_nanos,
            trace: 0,
        })
    }

    /// Whether every batch that was begun is done with.
    pub(crate) fn is_between_batches(&self) -> bool {
        self.current.is_none() && self.haul.is_none()
    }

    /// Tells the mailbox how far the current batch has been run.
    pub(crate) fn tell_progress(&mut self) {
        if let (Some(current), Some(open)) = (&mut self.current, &mut self.open) {
            let ran = current.index as u64 - current.told;
            self.mailbox.ran(ran);
            current.told += ran;
            open.ran += ran;
        }
    }

    /// Tells the brake how many events have been run until now.
    pub(crate) fn tell_runs(&mut self, now: u64) {
        let runs = self.runs.wrapping_sub(self.runs_told);
        self.shared.brake.ran(runs, now);
        self.runs_told = self.runs;
    }

    /// The pipeline is paused.
    fn stand_still(&mut self) -> After {
        if !self.shared.brake.is_kept() {
            self.flush();
            return After::Parked;
        }
        self.give_back();
        match self.hand_over() {
            true => After::Idle,
            false => After::Parked,
        }
    }

    /// Lets go of what has not been run. Its inputs end as abandoned, which asks whoever can for a retry: those of a
    /// batch that was begun together with what has been run of it.
    fn leave(&mut self) {
        self.close_batch();
        self.haul = None;
        while let Some(parcel) = self.mailbox.take() {
            let events = parcel.weight.events;
            drop(parcel);
            self.mailbox.done(events);
        }
    }

    /// Lets go of the current batch, which has been run as far as it ever will.
    pub(crate) fn close_batch(&mut self) {
        self.codec.close(&mut self.item);
        if let (Some(current), Some(open)) = (self.current.take(), &mut self.open) {
            self.watch.batch(None);
            let ran = current.weight.events - current.told;
            self.mailbox.ran(ran);
            open.ran += ran;
            self.mailbox.finish(current.weight.bytes);
        }
    }
}
