use std::io;

use millpond_engine::{Ended, Exits, Pipeline, StageError, Timestamp};
use millpond_queue::monotonic_nanos;

use super::super::reply::{Note, PANIC, Reply, What, u32_at};
use super::super::request::BATCH;
use super::super::wire::Wire;
use super::Hand;
use super::watch::Watch;
use crate::events::TIMED;
use crate::panics::catch_panic;

/// A shard's line.
pub(super) struct Line<C: Wire> {
    codec: C,
    line: Pipeline<C::Item>,
    item: Option<C::Item>,
    runs: u64,
}

/// What a line needs for a request.
pub(super) struct Work<'a, C: Wire> {
    pub(super) hand: &'a Hand<C>,
    pub(super) outputs: &'a mut [C::Output],
    pub(super) reply: &'a mut Reply,
    pub(super) output_bytes: u64,
    pub(super) watch: &'a Watch,
}

impl<C: Wire> Line<C> {
    pub(super) fn new(hand: &Hand<C>) -> Self {
        Line {
            codec: (hand.codec)(),
            line: hand.blueprint.line(),
            item: None,
            runs: 0,
        }
    }

    /// Runs the events that `fill` brings, of which `ends` and `batches` say where they end and how many
    /// came in at which time.
    pub(super) fn run(
        &mut self,
        work: &mut Work<'_, C>,
        ends: &[u32],
        utf8: bool,
        batches: &[u8],
        fill: &mut dyn FnMut(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut batches = batches
            .chunks_exact(BATCH)
            .map(|batch| (u32_at(batch, 0), time(batch)));
        let (mut left, mut now) = batches.next().unwrap_or_default();
        let mut batch = self.codec.batch(ends, utf8, now, fill)?;
        work.watch.begin();
        let events = u32::try_from(ends.len()).unwrap_or(u32::MAX);
        let mut event = 0;
        while event < events {
            let ran = catch_panic(|| {
                while event < events {
                    while left == 0 {
                        (left, now) = batches.next().unwrap_or((u32::MAX, now));
                    }
                    work.watch.at(event);
                    self.run_one(work, &mut batch, event, now);
                    (event, left) = (event + 1, left - 1);
                    let enough = |output| self.codec.filled(output) >= work.output_bytes;
                    if work.outputs.iter().any(enough) {
                        return;
                    }
                }
            });
            let Err(panic) = ran else { break };
            let stage = self.line.current_stage();
            work.reply.notes.push(Note {
                event,
                stage: number(stage),
                what: What::Panicked(panic.location.unwrap_or_default()),
                reason: PANIC.to_owned(),
                message: panic.message,
            });
            self.line.publish();
            self.line = work.hand.blueprint.line();
            self.item = None;
            (event, left) = (event + 1, left - 1);
        }
        work.reply.done = event;
        self.codec.close(&mut self.item);
        Ok(())
    }

    fn run_one(
        &mut self,
        work: &mut Work<'_, C>,
        batch: &mut C::Batch,
        event: u32,
        now: Timestamp,
    ) {
        let reply = &mut *work.reply;
        let decoded = self.codec.decode(batch, event as usize, &mut self.item);
        let item = match (decoded, &mut self.item) {
            (Ok(()), Some(item)) => item,
            (Ok(()), None) => {
                reply
                    .notes
                    .push(unread(event, "no_item", "the codec gave no item"));
                return;
            }
            (Err(refused), _) => {
                reply
                    .notes
                    .push(unread(event, refused.reason, &refused.message));
                return;
            }
        };
        let mut gather = Gather {
            codec: &mut self.codec,
            outputs: work.outputs,
            notes: &mut reply.notes,
            event,
        };
        self.runs = self.runs.wrapping_add(1);
        let ended = if self.runs.is_multiple_of(TIMED) {
            self.line
                .process_timed(item, now, &mut gather, &mut monotonic_nanos)
        } else {
            self.line.process(item, now, &mut gather)
        };
        match ended {
            Ended::Passed => reply.passed += 1,
            Ended::Filtered => reply.filtered += 1,
            Ended::Absorbed => reply.absorbed += 1,
            Ended::Consumed => reply.consumed.push(event),
            Ended::Dropped(reason) => {
                let same = |(name, _): &&mut (String, u32)| name == reason.name();
                match reply.dropped.iter_mut().find(same) {
                    Some((_, events)) => *events += 1,
                    None => reply.dropped.push((reason.name().to_owned(), 1)),
                }
            }
            Ended::Failed { stage, error } => reply.notes.push(Note {
                event,
                stage: number(Some(stage)),
                what: What::Failed,
                reason: error.reason().to_owned(),
                message: error.message().to_owned(),
            }),
        }
    }

    /// Tells the line the time, or that its input has ended.
    pub(super) fn without_input(
        &mut self,
        hand: &Hand<C>,
        outputs: &mut [C::Output],
        reply: &mut Reply,
        now: Timestamp,
        finish: bool,
    ) {
        let mut gather = Gather {
            codec: &mut self.codec,
            outputs,
            notes: &mut reply.notes,
            event: u32::MAX,
        };
        let line = &mut self.line;
        let ran = catch_panic(|| match finish {
            true => line.finish(now, &mut gather),
            false => line.tick(now, &mut gather),
        });
        if let Err(panic) = ran {
            reply.notes.push(Note {
                event: u32::MAX,
                stage: number(self.line.current_stage()),
                what: What::Tick,
                reason: PANIC.to_owned(),
                message: panic.to_string(),
            });
            self.line.publish();
            self.line = hand.blueprint.line();
        }
    }

    pub(super) fn publish(&mut self) {
        self.line.publish();
    }
}

/// Takes what leaves a line.
struct Gather<'a, C: Wire> {
    codec: &'a mut C,
    outputs: &'a mut [C::Output],
    notes: &'a mut Vec<Note>,
    event: u32,
}

impl<C: Wire> Exits<C::Item> for Gather<'_, C> {
    fn exit(&mut self, exit: usize, item: &mut C::Item) {
        self.codec
            .encode(exit, item, self.event, &mut self.outputs[exit]);
    }

    fn failed(&mut self, stage: usize, error: StageError, item: &mut C::Item) {
        let mut bytes = Vec::new();
        self.codec.put_item(item, &mut bytes);
        self.notes.push(Note {
            event: self.event,
            stage: number(Some(stage)),
            what: What::Derived(bytes),
            reason: error.reason().to_owned(),
            message: error.to_string(),
        });
    }

    fn tick_failed(&mut self, stage: usize, error: StageError) {
        self.notes.push(Note {
            event: u32::MAX,
            stage: number(Some(stage)),
            what: What::Tick,
            reason: error.reason().to_owned(),
            message: error.message().to_owned(),
        });
    }
}

fn unread(event: u32, reason: &str, message: &str) -> Note {
    Note {
        event,
        stage: u32::MAX,
        what: What::Failed,
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

fn number(stage: Option<usize>) -> u32 {
    stage.map_or(u32::MAX, |stage| u32::try_from(stage).unwrap_or(u32::MAX))
}

fn time(batch: &[u8]) -> Timestamp {
    Timestamp(u64::from(u32_at(batch, 4)) | u64::from(u32_at(batch, 8)) << 32)
}
