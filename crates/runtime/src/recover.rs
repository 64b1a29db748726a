use std::sync::atomic::Ordering;

use millpond_queue::{After, monotonic_nanos};

use crate::codec::Codec;
use crate::collect::{Collector, Why};
use crate::crash::Crash;
use crate::events::DECODE;
use crate::panics::Panic;
use crate::shard::Shard;

/// What follows when a line crashes.
impl<C: Codec> Shard<C> {
    /// After a panic: sets the event at fault aside, if there is one, and goes on with a new line.
    pub(crate) fn recover(&mut self, panic: &Panic) -> After {
        self.tell_runs(monotonic_nanos());
        let attributed = std::mem::take(&mut self.in_event);
        let at = self.line.current_stage();
        let stage = at
            .and_then(|stage| self.stages.get(stage))
            .map_or(DECODE, String::as_str)
            .to_owned();
        self.say_panic(
            &stage,
            &panic.message,
            panic.location.as_deref(),
            attributed,
        );
        self.rebuild();
        if attributed {
            self.quarantine(&stage, "panic", &panic.message, panic.location.as_deref());
        } else {
            self.item = None;
        }
        self.shared.brake.crashed(attributed);
        After::Again
    }

    /// Counts a panic, and logs it unless there are too many.
    pub(crate) fn say_panic(
        &self,
        stage: &str,
        message: &str,
        location: Option<&str>,
        in_an_event: bool,
    ) {
        self.shared.counts.panics.fetch_add(1, Ordering::Relaxed);
        if let Some(unsaid) = self.shared.counts.said.pass(monotonic_nanos()) {
            tracing::error!(
                pipeline = self.shared.ledger.name(),
                stage,
                panic = message,
                location,
                in_an_event,
                unsaid,
                "a stage panicked; its line is rebuilt"
            );
        }
    }

    /// Puts a new line in the place of one that is in disorder.
    fn rebuild(&mut self) {
        // What the stages have counted is not lost with them.
        self.line.publish();
        self.lose_state();
        self.build();
    }

    /// The line is a new one: counts and logs what its stages knew, if they know anything.
    pub(crate) fn lose_state(&self) {
        if !self.edition.blueprint.is_stateful() {
            return;
        }
        let lost = &self.shared.counts.state_lost;
        let lines = lost.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(unsaid) = self.shared.counts.lost_said.pass(monotonic_nanos()) {
            tracing::error!(
                pipeline = self.shared.ledger.name(),
                shard = self.lane.shard,
                lines,
                unsaid,
                "the state of a line is lost: its stages begin anew"
            );
        }
    }

    /// Sets the event in work aside because it crashed its line, with what reproduces that, and goes on behind it.
    pub(crate) fn quarantine(
        &mut self,
        stage: &str,
        reason: &str,
        message: &str,
        location: Option<&str>,
    ) {
        let item = self.item.take();
        let (Some(current), Some(open)) = (&mut self.current, &mut self.open) else {
            return;
        };
        let pipeline = self.shared.ledger.name();
        let told = match C::original(&current.batch, current.index) {
            Some(event) => self.shared.supervision.keep(&Crash {
                pipeline,
                stage,
                message,
                location,
                event,
            }),
            None => message.to_owned(),
        };
        let mut collector = Collector {
            codec: &mut self.codec,
            outputs: &mut self.outputs,
            letters: &mut self.letters,
            pipeline,
            stages: &self.stages,
            from: Some((&current.batch, current.index)),
            input: open.next,
        };
        let why = Why {
            stage,
            reason,
            message: &told,
            attempts: 1,
        };
        open.set_aside(collector.set_aside(item.as_ref(), false, &why));
        current.index += 1;
        open.next += 1;
    }
}
