use std::sync::Arc;

use crate::cursor::{Cursor, Running};
use crate::onlook::{Clock, Timed, Untimed, Watched};
use crate::output::At;
use crate::plan::Plan;
use crate::stats::{Counter, Tally};
use crate::{Flow, LoadError, Output, Reason, Stage, StageCounts, StageError, Timestamp, state};

/// One instance of a line: the stages of one shard, run in place, event by event.
///
/// It runs on the caller's thread and never waits. After a panic of a stage it can be used again
/// (the stage itself may be in disorder; [`current_stage`](Pipeline::current_stage) names it): the
/// event counts as failed there, and what had been derived from it so far and had not left is gone.
pub struct Pipeline<E> {
    plan: Arc<Plan>,
    slots: Vec<Slot<E>>,
    out: Output<E>,
    cursor: Arc<Cursor>,
}

/// A stage and what the line needs at hand to run it.
struct Slot<E> {
    next: At,
    tally: Tally,
    stage: Box<dyn Stage<E>>,
}

/// Takes what leaves a line.
pub trait Exits<E> {
    /// An event leaves through an exit (an index into [`Blueprint::exits`](crate::Blueprint::exits)).
    /// What is left in `event` is recycled, unless it is the input, which stays the caller's.
    fn exit(&mut self, exit: usize, event: &mut E);

    /// An event that a stage had emitted failed in a later stage. (For the input itself this is
    /// [`Ended::Failed`].)
    fn failed(&mut self, stage: usize, error: StageError, event: &mut E);

    /// `tick` or `finish` of a stage failed; no event is concerned.
    fn tick_failed(&mut self, stage: usize, error: StageError);

    /// An event is about to be run by a stage. Told of by [`Pipeline::process_watched`] alone.
    fn entering(&mut self, stage: usize, event: &E) {
        let _ = (stage, event);
    }
}

/// The fate of an input. What was derived from it went its own ways before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It left through the exits of its line.
    Passed,
    /// A stage said no to it.
    Filtered,
    /// It became other events.
    Consumed,
    /// It went into a stage's state.
    Absorbed,
    /// A stage gave it up.
    Dropped(Reason),
    /// A stage could not handle it.
    Failed {
        /// The id of the stage.
        stage: usize,
        /// What it said.
        error: StageError,
    },
}

impl<E> Pipeline<E> {
    /// Runs one input, and everything that is derived from it, to its end.
    #[inline]
    pub fn process(
        &mut self,
        event: &mut E,
        now: Timestamp,
        exits: &mut (impl Exits<E> + ?Sized),
    ) -> Ended {
        self.run(event, now, exits, &mut Untimed)
    }

    /// As [`process`](Pipeline::process), and adds to the statistics how long each stage took by
    /// `clock` (nanoseconds from any fixed point). Meant for a sample of the events.
    #[inline(never)]
    pub fn process_timed(
        &mut self,
        event: &mut E,
        now: Timestamp,
        exits: &mut (impl Exits<E> + ?Sized),
        clock: &mut dyn FnMut() -> u64,
    ) -> Ended {
        self.run(event, now, exits, &mut Timed(clock))
    }

    /// As [`process`](Pipeline::process), and tells `exits` of each stage that an event comes to, before it does. With
    /// a clock, as [`process_timed`](Pipeline::process_timed), too.
    #[inline(never)]
    pub fn process_watched(
        &mut self,
        event: &mut E,
        now: Timestamp,
        exits: &mut (impl Exits<E> + ?Sized),
        clock: Option<&mut dyn FnMut() -> u64>,
    ) -> Ended {
        self.run(event, now, exits, &mut Watched(clock))
    }

    /// Tells every stage that time has passed. What a stage emits goes through the stages after it
    /// before those get their own tick.
    pub fn tick(&mut self, now: Timestamp, exits: &mut (impl Exits<E> + ?Sized)) {
        self.each_stage(now, exits, |stage, out| stage.tick(now, out));
    }

    /// Tells every stage that the input has ended, in the order in which events travel: a stage
    /// finishes after all that can still send to it.
    pub fn finish(&mut self, now: Timestamp, exits: &mut (impl Exits<E> + ?Sized)) {
        self.each_stage(now, exits, |stage, out| stage.finish(out));
    }

    /// The stage that is running: after a panic was caught, the culprit. `None` between events, and
    /// while an exit has the event.
    #[must_use]
    pub fn current_stage(&self) -> Option<usize> {
        self.cursor.stage()
    }

    /// Adds what was counted since the last call to the blueprint's
    /// [`LineStats`](crate::LineStats). Call it once a slice, and when the line is given up.
    pub fn publish(&mut self) {
        self.recover();
        for (id, slot) in self.slots.iter_mut().enumerate() {
            self.plan.stats.add(id, &mut slot.tally);
        }
        self.out.trim();
    }

    /// Name and counts of every stage since the last [`publish`](Pipeline::publish), in the order of their ids.
    pub fn unpublished(&self) -> impl Iterator<Item = (&str, StageCounts)> {
        let names = self.plan.names.iter().map(String::as_str);
        names.zip(self.slots.iter().map(|slot| slot.tally.counts()))
    }

    /// Appends the state of every stateful stage to `into`.
    pub fn save(&self, into: &mut Vec<u8>) {
        let mut writer = state::Writer::new(into);
        for id in self.stateful() {
            writer.frame(&self.plan.names[id], |into| self.slots[id].stage.save(into));
        }
    }

    /// Takes over what [`save`](Pipeline::save) wrote for a line with the same stateful stages.
    ///
    /// # Errors
    ///
    /// When the bytes are damaged, name other stages, or a stage refuses its part. In the last case
    /// some stages may have loaded already: give the line up.
    pub fn load(&mut self, from: &[u8]) -> Result<(), LoadError> {
        let frames = state::read(from)?;
        let expected: Vec<usize> = self.stateful().collect();
        let names = || expected.iter().map(|&id| self.plan.names[id].as_str());
        if !frames.iter().map(|(name, _)| *name).eq(names()) {
            return Err(LoadError::OtherStages {
                found: frames.iter().map(|(name, _)| (*name).to_owned()).collect(),
                expected: names().map(str::to_owned).collect(),
            });
        }
        for (id, (name, state)) in expected.into_iter().zip(frames) {
            self.slots[id]
                .stage
                .load(state)
                .map_err(|error| LoadError::Refused {
                    stage: name.to_owned(),
                    error,
                })?;
        }
        Ok(())
    }

    pub(crate) fn new(
        plan: Arc<Plan>,
        stages: Vec<Box<dyn Stage<E>>>,
        out: Output<E>,
        cursor: Arc<Cursor>,
    ) -> Self {
        let slots = stages
            .into_iter()
            .zip(&plan.next)
            .map(|(stage, &next)| Slot {
                next,
                tally: Tally::default(),
                stage,
            });
        Self {
            slots: slots.collect(),
            plan,
            out,
            cursor,
        }
    }

    fn stateful(&self) -> impl Iterator<Item = usize> {
        (0..self.slots.len()).filter(|&id| self.plan.stateful[id])
    }

    // Where an event is run, and where it is timed; where somebody looks on, time matters less.
    #[inline(always)]
    fn run<X: Exits<E> + ?Sized, C: Clock>(
        &mut self,
        event: &mut E,
        now: Timestamp,
        exits: &mut X,
        clock: &mut C,
    ) -> Ended {
        self.recover();
        self.out.begin(now);
        let mut at = self.plan.entry;
        let ended = loop {
            let stage = match at {
                At::Leave(list) => {
                    self.leave(list, event, exits);
                    break Ended::Passed;
                }
                At::Stage(stage) => stage,
            };
            if C::WATCHES {
                exits.entering(stage, event);
            }
            let Some(flow) = self.step(stage, event, clock) else {
                at = self.slots[stage].next;
                continue;
            };
            if self.out.waiting() > 0 {
                self.out.release(0);
                self.drain(0, exits, clock);
            }
            match flow {
                Ok(Flow::Pass) => at = self.slots[stage].next,
                Ok(Flow::Filter) => break Ended::Filtered,
                Ok(Flow::Consume) => break Ended::Consumed,
                Ok(Flow::Absorb) => break Ended::Absorbed,
                Ok(Flow::Drop(reason)) => break Ended::Dropped(reason),
                Err(error) => break Ended::Failed { stage, error },
            }
        };
        self.cursor.set(Running::Idle);
        ended
    }

    /// Runs waiting events, the last first, until only `level` of them are left.
    fn drain<X: Exits<E> + ?Sized, C: Clock>(
        &mut self,
        level: usize,
        exits: &mut X,
        clock: &mut C,
    ) {
        while self.out.waiting() > level {
            let Some((mut at, mut event)) = self.out.pop() else {
                return;
            };
            loop {
                let stage = match at {
                    At::Leave(list) => {
                        self.leave(list, &mut event, exits);
                        self.out.recycle(event);
                        break;
                    }
                    At::Stage(stage) => stage,
                };
                if C::WATCHES {
                    exits.entering(stage, &event);
                }
                let mark = self.out.waiting();
                match self.step(stage, &mut event, clock) {
                    None => {
                        at = self.slots[stage].next;
                        continue;
                    }
                    Some(Ok(Flow::Pass)) => {
                        let next = self.slots[stage].next;
                        self.out.release_before(mark, next, event);
                    }
                    Some(Ok(_)) => {
                        self.out.release(mark);
                        self.out.recycle(event);
                    }
                    Some(Err(error)) => {
                        self.cursor.set(Running::Leaving);
                        exits.failed(stage, error, &mut event);
                        self.out.recycle(event);
                    }
                }
                break;
            }
        }
    }

    /// One event in one stage. `None` is the commonest case: it passes, and nothing was emitted. On an
    /// error, what the stage emitted is taken back.
    #[inline(always)]
    fn step(
        &mut self,
        id: usize,
        event: &mut E,
        clock: &mut impl Clock,
    ) -> Option<Result<Flow, StageError>> {
        self.cursor.set(Running::Process(id));
        let mark = self.out.waiting();
        let out = &mut self.out;
        let Slot { next, tally, stage } = &mut self.slots[id];
        out.aim(*next);
        tally.add(Counter::Entered, 1);
        let result = clock.time(tally, || stage.process(event, out));
        match result {
            Ok(Flow::Pass) if out.is_untouched(mark) => {
                tally.add(Counter::Passed, 1);
                None
            }
            Ok(Flow::Filter) if out.is_untouched(mark) => {
                tally.add(Counter::Filtered, 1);
                Some(result)
            }
            _ => Some(self.settle(id, mark, result)),
        }
    }

    /// Everything but the common cases; kept out of the loop over the stages.
    #[inline(never)]
    fn settle(
        &mut self,
        id: usize,
        mark: usize,
        mut result: Result<Flow, StageError>,
    ) -> Result<Flow, StageError> {
        let tally = &mut self.slots[id].tally;
        if self.out.overflowed() && result.is_ok() {
            result = Err(self.out.overflow());
        }
        let ended = match result {
            Ok(Flow::Pass) => Counter::Passed,
            Ok(Flow::Filter) => Counter::Filtered,
            Ok(Flow::Consume) => Counter::Consumed,
            Ok(Flow::Absorb) => Counter::Absorbed,
            Ok(Flow::Drop(_)) => Counter::Dropped,
            Err(_) => Counter::Failed,
        };
        tally.add(ended, 1);
        if result.is_err() {
            self.out.roll_back(mark);
        } else {
            tally.add(Counter::Emitted, (self.out.waiting() - mark) as u64);
        }
        result
    }

    #[inline]
    fn leave<X: Exits<E> + ?Sized>(&mut self, list: usize, event: &mut E, exits: &mut X) {
        self.cursor.set(Running::Leaving);
        for &exit in &self.plan.leaves[list] {
            exits.exit(exit, event);
        }
    }

    fn each_stage<X: Exits<E> + ?Sized>(
        &mut self,
        now: Timestamp,
        exits: &mut X,
        mut call: impl FnMut(&mut dyn Stage<E>, &mut Output<E>) -> Result<(), StageError>,
    ) {
        self.recover();
        let plan = Arc::clone(&self.plan);
        for &id in &plan.order {
            self.out.begin(now);
            self.out.unlimited();
            self.out.aim(self.slots[id].next);
            self.cursor.set(Running::Tick(id));
            let result = call(&mut *self.slots[id].stage, &mut self.out);
            self.cursor.set(Running::Leaving);
            if let Err(error) = result {
                self.out.roll_back(0);
                self.slots[id].tally.add(Counter::TickFailed, 1);
                exits.tick_failed(id, error);
                continue;
            }
            self.slots[id]
                .tally
                .add(Counter::Emitted, self.out.waiting() as u64);
            self.out.release(0);
            while let Some(level) = self.out.waiting().checked_sub(1) {
                self.out.limited();
                self.drain(level, exits, &mut Untimed);
            }
        }
        self.cursor.set(Running::Idle);
    }

    /// After a panic: brings the counts into balance and clears what was left behind.
    #[inline(always)]
    fn recover(&mut self) {
        if self.cursor.get() != Running::Idle {
            self.recover_from_panic();
        }
    }

    #[cold]
    #[inline(never)]
    fn recover_from_panic(&mut self) {
        match self.cursor.get() {
            Running::Idle => {}
            Running::Leaving => {}
            Running::Process(stage) => self.slots[stage].tally.add(Counter::Failed, 1),
            Running::Tick(stage) => self.slots[stage].tally.add(Counter::TickFailed, 1),
        }
        self.out.roll_back(0);
        self.cursor.set(Running::Idle);
    }
}

impl<E> std::fmt::Debug for Pipeline<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline")
            .field("stages", &self.plan.names)
            .field("running", &self.cursor.get())
            .finish_non_exhaustive()
    }
}
