use std::time::Duration;

use millpond_engine::{Ended, Pipeline, StageError, Timestamp};
use millpond_queue::monotonic_nanos;

use crate::codec::Codec;
use crate::collect::{Collector, Why};
use crate::process::{Asked, Remote};
use crate::service::Ran;
use crate::shard::{Open, Shard};

/// One event in this many has its stages timed. No divisor of a round number: a stage that takes its time once
/// for a hundred events is seen as often as it does.
pub(crate) const TIMED: u64 = 61;
/// The clock is read after at most this many events.
const STRIDE_MAX: u32 = 64;

/// What a shard does with its line: events, ticks and the end.
impl<C: Codec> Shard<C> {
    /// Runs the events of the current batch; true when the slice is over.
    pub(crate) fn work(&mut self, until: u64) -> bool {
        // As the batch before ended, or the slice began.
        let begun = self.clock;
        self.begin(begun);
        // One question a batch: the events of those that nobody looks at pay nothing for it.
        let watched = self.codec.is_watched();
        match &self.current {
            Some(current) if current.span.is_some() => self.work_followed(begun, until, watched),
            _ if watched => self.work_through::<false, true>(begun, until),
            _ => self.work_through::<false, false>(begun, until),
        }
    }

    /// The same, from `begun` on; `ALL`: every event is timed; `WATCHED`: somebody looks at what comes to the stages.
    pub(crate) fn work_through<const ALL: bool, const WATCHED: bool>(
        &mut self,
        begun: u64,
        until: u64,
    ) -> bool {
        let mut unclocked = 0;
        while self.run_next::<ALL, WATCHED>() {
            unclocked += 1;
            if unclocked < self.stride {
                continue;
            }
            let now = self.look(until, std::mem::take(&mut unclocked));
            if now >= until {
                self.pause(now - begun);
                return true;
            }
            if self.has_enough_output() {
                self.pause(now - begun);
                return false;
            }
        }
        let mut ran = self.current.as_ref().map(|current| Ran {
            events: current.weight.events,
            bytes: current.weight.bytes,
            nanos: current.spent,
            woken: current.woken,
        });
        self.close_batch();
        let now = self.look(until, unclocked);
        if let Some(ran) = &mut ran {
            ran.nanos += now - begun;
            let number = self.number();
            self.shared.service.ran(number, ran, &mut self.ran);
        }
        now >= until
    }

    /// Looks at the clock, and sees whether the `ran` events since the last look were quick or slow: how many are run
    /// before the next has to be few enough to notice the end of the slice. The next batch, or slice, begins with that.
    fn look(&mut self, until: u64, ran: u32) -> u64 {
        let now = monotonic_nanos();
        let quick = now - self.clock < until.saturating_sub(now) / 4;
        if !quick {
            self.stride = 1;
        } else if ran >= self.stride {
            // Fewer say nothing of what so many more would take.
            self.stride = (self.stride * 2).min(STRIDE_MAX);
        }
        self.clock = now;
        if now >= self.ring_by {
            self.ring_by = u64::MAX;
            self.shared.ring();
        }
        now
    }

    /// Whether its last events were quick.
    pub(crate) fn is_quick(&self) -> bool {
        self.stride > 1
    }

    /// The current batch is worked on from now on: its wait is over, if this is the first time.
    fn begin(&mut self, now: u64) {
        let number = self.number();
        if let Some(current) = &mut self.current
            && let Some(packed_at) = current.packed_at.take()
        {
            let waited = now.saturating_sub(packed_at);
            current.woken = std::mem::take(&mut self.woken);
            self.shared.service.began(number, waited, current.woken);
            current.span = millpond_spans::batch(
                current.trace,
                self.shared.ledger.name(),
                self.lane.shard,
                current.weight.events,
                Duration::from_nanos(waited),
            )
            .map(Box::new);
        }
    }

    /// The current batch goes on later.
    fn pause(&mut self, spent: u64) {
        if let Some(current) = &mut self.current {
            current.spent += spent;
        }
    }

    /// Decodes the next event of the current batch and runs it through the line; false when there
    /// is none.
    fn run_next<const ALL: bool, const WATCHED: bool>(&mut self) -> bool {
        let (Some(current), Some(open)) = (&mut self.current, &mut self.open) else {
            return false;
        };
        if current.index >= current.len {
            return false;
        }
        self.in_event = true;
        self.watch.event(current.index);
        let decoded = self
            .codec
            .decode(&mut current.batch, current.index, &mut self.item);
        let mut collector = Collector {
            codec: &mut self.codec,
            outputs: &mut self.outputs,
            letters: &mut self.letters,
            pipeline: self.shared.ledger.name(),
            stages: &self.stages,
            from: Some((&current.batch, current.index)),
            input: open.next,
        };
        match (decoded, &mut self.item) {
            (Ok(()), Some(item)) => {
                self.runs = self.runs.wrapping_add(1);
                let ended = if WATCHED {
                    let clock = &mut monotonic_nanos;
                    let clock = ALL.then_some(clock as &mut dyn FnMut() -> u64);
                    self.line
                        .process_watched(item, current.now, &mut collector, clock)
                } else if ALL || self.runs.is_multiple_of(TIMED) {
                    self.line
                        .process_timed(item, current.now, &mut collector, &mut monotonic_nanos)
                } else {
                    self.line.process(item, current.now, &mut collector)
                };
                open.ended(ended, item, &mut collector);
            }
            (Ok(()), None) => {
                let why = Why {
                    stage: DECODE,
                    reason: "no_item",
                    message: "the codec gave no item",
                    attempts: 1,
                };
                open.set_aside(collector.set_aside(None, false, &why));
            }
            (Err(refused), _) => {
                let why = Why {
                    stage: DECODE,
                    reason: refused.reason,
                    message: &refused.message,
                    attempts: 1,
                };
                open.set_aside(collector.set_aside(None, false, &why));
            }
        }
        self.in_event = false;
        current.index += 1;
        open.next += 1;
        true
    }

    /// Tells the line the time, if that is due; true if it was.
    pub(crate) fn tick(&mut self, now_nanos: u64, remote: &mut Option<&mut dyn Remote<C>>) -> bool {
        let Some(every) = self.shared.tick_nanos else {
            return false;
        };
        if now_nanos.saturating_sub(self.last_tick) < every || self.finished {
            return false;
        }
        self.last_tick = now_nanos;
        match remote {
            Some(remote) => self.without_input_apart(&mut **remote, Asked::Tick(wall_clock().0)),
            None => self.without_input(|line, collector| line.tick(wall_clock(), collector)),
        }
        true
    }

    pub(crate) fn finish(&mut self, remote: &mut Option<&mut dyn Remote<C>>) {
        self.finished = true;
        match remote {
            Some(remote) => self.without_input_apart(&mut **remote, Asked::Finish(wall_clock().0)),
            None => self.without_input(|line, collector| line.finish(wall_clock(), collector)),
        }
    }

    pub(crate) fn without_input(
        &mut self,
        run: impl FnOnce(&mut Pipeline<C::Item>, &mut Collector<'_, C>),
    ) {
        self.watch.no_event();
        // In the midst of a batch, too: else the rows would take the place of the event before.
        self.codec.close(&mut self.item);
        let mut collector = Collector {
            codec: &mut self.codec,
            outputs: &mut self.outputs,
            letters: &mut self.letters,
            pipeline: self.shared.ledger.name(),
            stages: &self.stages,
            from: None,
            input: u32::MAX,
        };
        run(&mut self.line, &mut collector);
    }
}

impl Open {
    #[inline(always)]
    fn ended<C: Codec>(&mut self, ended: Ended, item: &C::Item, collector: &mut Collector<'_, C>) {
        let tally = &mut self.tally;
        match ended {
            Ended::Passed => tally.passed += 1,
            Ended::Filtered => tally.filtered += 1,
            Ended::Absorbed => tally.absorbed += 1,
            Ended::Consumed => tally.consumed.push(self.next),
            Ended::Dropped(reason) => *tally.dropped_by.entry(reason.name()).or_default() += 1,
            Ended::Failed { stage, error } => self.failed(stage, &error, item, collector),
        }
    }

    #[cold]
    #[inline(never)]
    fn failed<C: Codec>(
        &mut self,
        stage: usize,
        error: &StageError,
        item: &C::Item,
        collector: &mut Collector<'_, C>,
    ) {
        let stage = collector.stages.get(stage).map_or("", String::as_str);
        let why = Why {
            stage,
            reason: error.reason(),
            message: error.message(),
            attempts: 1,
        };
        self.set_aside(collector.set_aside(Some(item), false, &why));
    }

    pub(crate) fn set_aside(&mut self, kept: bool) {
        if kept {
            self.tally.dead_lettered.push(self.next);
        } else {
            *self.tally.dropped_by.entry("failed").or_default() += 1;
        }
    }
}

/// The name under which events that cannot be decoded are set aside: no stage should have it.
pub const DECODE: &str = "decode";

pub(crate) fn wall_clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |time| {
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    }))
}
