//! What a shard does whose line runs in a child.

use std::ops::Range;
use std::time::Duration;

use millpond_delivery::Inbound;
use millpond_queue::monotonic_nanos;

use super::death::Death;
use super::doubt::{ALONE, Verdict};
use super::haul::Haul;
use super::parent::{Asked, Errand, Remote};
use crate::codec::Codec;
use crate::collect::{Collector, Why};
use crate::events::DECODE;
use crate::service::Ran;
use crate::shard::Shard;

/// A haul takes up no more batches than this, and no more once it has as many bytes.
const BATCHES: usize = 64;
const BYTES: u64 = 256 << 10;
/// A request has no more bytes than this, unless one event has.
const REQUEST: u64 = 1 << 20;
/// So many events are asked for while nobody knows how long they take.
const UNKNOWN: usize = 64;

/// The reason of an event that was set aside because the daemon did not survive it either.
const RESTART: &str = "worker_restart";

/// Where an event was set aside that children died of: nobody knows the stage.
const WORKER: &str = "worker";

impl<C: Codec> Shard<C> {
    /// Takes what waits in the mailbox, as much as is worth a request; false if nothing does.
    pub(crate) fn gather(&mut self, remote: &dyn Remote<C>) -> bool {
        let mut haul = Haul::new();
        while haul.batches() < BATCHES && haul.bytes < BYTES {
            let Some(parcel) = self.mailbox.take() else {
                break;
            };
            let weight = parcel.weight;
            let waited = monotonic_nanos().saturating_sub(parcel.packed_at);
            let woken = std::mem::take(&mut self.woken);
            haul.woken |= woken;
            self.shared.service.began(self.number(), waited, woken);
            let (inbound, permit) = parcel.open();
            let Inbound {
                batch,
                part,
                received_nanos,
            } = inbound;
            haul.bytes += remote.batch_bytes(&self.codec, &batch);
            let runnable = remote.is_runnable(&self.codec, &batch);
            let events = self.codec.len(&batch);
            haul.add(batch, permit, weight, events, runnable);
            haul.spans.extend(millpond_spans::batch(
                part.info().trace,
                self.shared.ledger.name(),
                self.lane.shard,
                weight.events,
                Duration::from_nanos(waited),
            ));
            let open = self.open_for(received_nanos);
            open.add(part);
            open.ran += weight.events;
        }
        self.recall(&mut haul, remote);
        let any = haul.batches() > 0;
        self.haul = any.then_some(haul);
        any
    }

    /// Has the events of the haul run, request by request; true when the slice is over.
    pub(crate) fn work_apart(&mut self, remote: &mut dyn Remote<C>, until: u64) -> bool {
        let Some(mut haul) = self.haul.take() else {
            return false;
        };
        let begun = monotonic_nanos();
        let mut now = begun;
        let mut held = false;
        while haul.done < haul.events() && now < until && !held && !self.has_enough_output() {
            self.ask(&mut haul, remote);
            now = monotonic_nanos();
            held = self.shared.brake.holds();
        }
        haul.spent += now - begun;
        if haul.done < haul.events() {
            self.haul = Some(haul);
        } else {
            self.close(&haul);
        }
        self.clock = now;
        now >= until || held
    }

    /// Lets go of a haul that has been run to its end.
    fn close(&mut self, haul: &Haul<C>) {
        let events = haul.events().max(1) as u64;
        for (at, weight) in haul.weights().enumerate() {
            let ran = Ran {
                // The first was what woke the worker, if it was woken.
                woken: haul.woken && at == 0,
                events: weight.events,
                bytes: weight.bytes,
                nanos: haul.spent * weight.events / events,
            };
            let number = self.number();
            self.shared.service.ran(number, &ran, &mut self.ran);
        }
    }

    /// One request.
    fn ask(&mut self, haul: &mut Haul<C>, remote: &mut dyn Remote<C>) {
        let at = haul.done;
        let runnable = haul.runnable(at);
        if runnable == 0 {
            self.refuse_unseen(haul);
            return;
        }
        let mut wanted = self.worth(haul, runnable, remote);
        if let Some((suspect, attempts)) = haul.suspects.last().copied() {
            if suspect == at && self.meets_suspect(haul, attempts, remote) {
                return;
            }
            wanted = wanted.min((suspect - at).max(1));
        }
        let events = at..at + haul.doubt.events(at, wanted);
        let alone = haul.doubt.attempt(at).filter(|_| events.len() == 1);
        self.begin_alone(haul, alone, remote);
        let begun = monotonic_nanos();
        let what = Asked::Run {
            haul,
            events: events.clone(),
            base: self.open.as_ref().map_or(0, |open| open.next),
        };
        match self.carry_out(remote, what) {
            Ok(done) => {
                if alone.is_some() {
                    self.acquit(haul, remote);
                }
                haul.done += done;
                if haul.doubt.passed(haul.done) {
                    // Whatever the children died of, it was none of these events.
                    self.shared.brake.crashed(false);
                }
                self.pace = ((monotonic_nanos() - begun) / done.max(1) as u64).max(1);
            }
            Err(death) => self.died(haul, events, &death, remote),
        }
    }

    /// Looks which of its events were alone with children that died before this life of the daemon.
    fn recall(&self, haul: &mut Haul<C>, remote: &dyn Remote<C>) {
        let Some(suspects) = remote.suspects().filter(|known| !known.is_empty()) else {
            return;
        };
        let pipeline = self.shared.ledger.name();
        let attempts = haul.each().map(|(batch, index)| {
            let kept_at = self.codec.kept_at(batch, index);
            kept_at.map_or(0, |kept_at| suspects.attempts(pipeline, kept_at))
        });
        let known = attempts.enumerate().filter(|(_, attempts)| *attempts > 0);
        let mut known: Vec<_> = known.collect();
        known.reverse();
        haul.suspects = known;
    }

    /// The next event is one of those: true if that was enough.
    fn meets_suspect(&mut self, haul: &mut Haul<C>, attempts: u32, remote: &dyn Remote<C>) -> bool {
        haul.suspects.pop();
        if attempts < ALONE {
            haul.doubt.recall(haul.done, attempts);
            return false;
        }
        let from = haul.finder(haul.done)(0);
        let message = "the daemon, too, ended while a process had this event alone";
        let message = self.keep_crash(WORKER, message, None, from);
        remote.set_aside();
        let why = Why {
            stage: WORKER,
            reason: RESTART,
            message: &message,
            attempts,
        };
        self.set_aside(haul, &why);
        self.tell_runs(monotonic_nanos());
        self.shared.brake.crashed(true);
        true
    }

    /// Remembers that the next event is tried alone, if it is: the daemon may end with it.
    fn begin_alone(&self, haul: &Haul<C>, attempt: Option<u32>, remote: &dyn Remote<C>) {
        if let (Some(attempt), Some(suspects)) = (attempt, remote.suspects())
            && let Some(kept_at) = self.kept_at(haul)
        {
            suspects.begin(self.shared.ledger.name(), kept_at, attempt);
        }
    }

    /// The next event has gone through alone.
    fn acquit(&self, haul: &Haul<C>, remote: &dyn Remote<C>) {
        if let Some(suspects) = remote.suspects()
            && let Some(kept_at) = self.kept_at(haul)
        {
            suspects.forget(self.shared.ledger.name(), kept_at);
        }
    }

    fn kept_at(&self, haul: &Haul<C>) -> Option<(u64, u32)> {
        let (batch, index) = haul.finder(haul.done)(0)?;
        self.codec.kept_at(batch, index)
    }

    /// How many events a request should have: as many as take a slice, and not too many bytes.
    fn worth(&self, haul: &mut Haul<C>, runnable: usize, remote: &dyn Remote<C>) -> usize {
        let in_time = match self.pace {
            0 => UNKNOWN,
            pace => usize::try_from(self.shared.slice_nanos / pace).unwrap_or(usize::MAX),
        };
        let events = runnable.min(in_time.max(1));
        if haul.bytes <= REQUEST {
            return events;
        }
        let from = haul.done;
        let mut bytes = 0;
        let fit = (from..from + events).take_while(|at| {
            let of = |(batch, index): (&mut C::Batch, usize)| {
                remote.event_bytes(&self.codec, batch, index) as u64
            };
            bytes += haul.locate(*at).map_or(0, of);
            bytes <= REQUEST
        });
        fit.count().max(1)
    }

    /// Sets the next event aside, which the codec refuses whatever is in it.
    fn refuse_unseen(&mut self, haul: &mut Haul<C>) {
        let mut item = None;
        let refused = haul
            .locate(haul.done)
            .and_then(|(batch, index)| self.codec.decode(batch, index, &mut item).err());
        let (reason, message) = match &refused {
            Some(refused) => (refused.reason, refused.message.as_str()),
            None => ("no_item", "the codec gave no item"),
        };
        let why = Why {
            stage: DECODE,
            reason,
            message,
            attempts: 1,
        };
        self.set_aside(haul, &why);
    }

    /// Sets the next event of a haul aside.
    fn set_aside(&mut self, haul: &mut Haul<C>, why: &Why<'_>) {
        let Some(open) = &mut self.open else { return };
        let from = haul.finder(haul.done)(0);
        let mut collector = Collector {
            codec: &mut self.codec,
            outputs: &mut self.outputs,
            letters: &mut self.letters,
            pipeline: self.shared.ledger.name(),
            stages: &self.stages,
            from,
            input: open.next,
        };
        open.set_aside(collector.set_aside(None, false, why));
        open.next += 1;
        haul.done += 1;
        self.runs = self.runs.wrapping_add(1);
    }

    /// A child died that had these events.
    fn died(
        &mut self,
        haul: &mut Haul<C>,
        events: Range<usize>,
        death: &Death,
        remote: &mut dyn Remote<C>,
    ) {
        let outside = death.is_from_outside();
        match haul
            .doubt
            .died(events.start, events.len(), death.hint, outside)
        {
            Verdict::Again => {}
            Verdict::SetAside => {
                let from = haul.finder(events.start)(0);
                let message = format!("the process that had this event alone {death}");
                let message = self.keep_crash(WORKER, &message, None, from);
                remote.set_aside();
                let why = Why {
                    stage: WORKER,
                    reason: death.how.reason(),
                    message: &message,
                    attempts: ALONE,
                };
                self.set_aside(haul, &why);
                self.tell_runs(monotonic_nanos());
                self.shared.brake.crashed(true);
            }
        }
    }

    /// Asks the child for something and takes its reply over: how many events it ran.
    fn carry_out(
        &mut self,
        remote: &mut dyn Remote<C>,
        what: Asked<'_, C>,
    ) -> Result<usize, Death> {
        let shared = &self.shared;
        let blueprint = &self.edition.blueprint;
        let exits = blueprint.exits().len();
        let haul = match &what {
            Asked::Run { haul, events, .. } => Some((*haul, events.start)),
            Asked::Tick(_) | Asked::Finish(_) => None,
        };
        let reply = remote.carry_out(Errand {
            codec: &self.codec,
            pipeline: shared.pipeline,
            shard: self.lane.shard,
            hello: self.edition.hello.as_ref(),
            stats: blueprint.stats(),
            stages: blueprint.stage_names().len(),
            outputs: &mut self.outputs[..exits],
            what,
        })?;
        let generation = remote.generation();
        let before = self.generation.replace(generation);
        if before.is_some_and(|before| before != generation) {
            self.lose_state();
        }
        self.account(haul, &reply, &*remote);
        let done = reply.done as usize;
        remote.recycle(reply);
        Ok(done)
    }

    /// Tells the line in the child the time, or that its input has ended.
    pub(crate) fn without_input_apart(&mut self, remote: &mut dyn Remote<C>, what: Asked<'_, C>) {
        // Whatever state the line had died with the child.
        if let Err(death) = self.carry_out(remote, what) {
            let (pipeline, shard) = (self.shared.ledger.name(), self.lane.shard);
            tracing::error!(
                pipeline,
                shard,
                "at a tick or at the end of the input the process of a worker {death}"
            );
            if !death.is_from_outside() {
                self.shared.brake.crashed(false);
            }
        }
    }
}
