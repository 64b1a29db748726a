//! What a reply says is entered into the shard's books.

use std::borrow::Cow;

use millpond_queue::monotonic_nanos;

use super::haul::Haul;
use super::parent::Remote;
use super::reasons;
use super::reply::{Note, PANIC, Reply, What};
use crate::codec::Codec;
use crate::collect::{Collector, Why};
use crate::crash::Crash;
use crate::events::DECODE;
use crate::shard::Shard;

impl<C: Codec> Shard<C> {
    /// Enters a reply about the events of a haul from a place on, or about none. Its rows are in the
    /// outputs already.
    pub(super) fn account(
        &mut self,
        haul: Option<(&Haul<C>, usize)>,
        reply: &Reply,
        remote: &dyn Remote<C>,
    ) {
        // Before what crashed of them: the brake weighs the one against the other.
        self.runs = self.runs.wrapping_add(u64::from(reply.done));
        self.tell_runs(monotonic_nanos());
        let base = self.open.as_ref().map_or(0, |open| open.next);
        if let (Some(open), Some(_)) = (&mut self.open, haul) {
            let tally = &mut open.tally;
            tally.passed += u64::from(reply.passed);
            tally.filtered += u64::from(reply.filtered);
            tally.absorbed += u64::from(reply.absorbed);
            let consumed = reply.consumed.iter().map(|event| base + event);
            tally.consumed.extend(consumed);
            for (reason, events) in &reply.dropped {
                *tally.dropped_by.entry(reasons::keep(reason)).or_default() += u64::from(*events);
            }
        }
        let mut finder = haul.map(|(haul, at)| haul.finder(at));
        for note in &reply.notes {
            let from = finder
                .as_mut()
                .and_then(|finder| finder(note.event as usize));
            self.enter(note, base, from, remote);
        }
        if let (Some(open), Some(_)) = (&mut self.open, haul) {
            open.next = base + reply.done;
        }
    }

    fn enter(
        &mut self,
        note: &Note,
        base: u32,
        from: Option<(&C::Batch, usize)>,
        remote: &dyn Remote<C>,
    ) {
        let (shared, stages) = (self.shared.clone(), self.stages.clone());
        let stage = stages
            .get(note.stage as usize)
            .map_or(DECODE, String::as_str);
        let mut message = Cow::Borrowed(note.message.as_str());
        let mut item = None;
        match &note.what {
            What::Tick => {
                self.failed_without_input(stage, note);
                return;
            }
            What::Derived(bytes) => item = remote.item(&self.codec, bytes),
            What::Failed => {}
            What::Panicked(place) => {
                let location = (!place.is_empty()).then_some(place.as_str());
                self.say_panic(stage, &message, location, true);
                self.lose_state();
                shared.brake.crashed(true);
                let told = self.keep_crash(stage, &message, location, from);
                message = Cow::Owned(told);
            }
        }
        let input = match from {
            Some(_) => base + note.event,
            None => u32::MAX,
        };
        let mut collector = Collector {
            codec: &mut self.codec,
            outputs: &mut self.outputs,
            letters: &mut self.letters,
            pipeline: shared.ledger.name(),
            stages: &stages,
            from,
            input,
        };
        let why = Why {
            stage,
            reason: &note.reason,
            message: &message,
            attempts: 1,
        };
        let kept = collector.set_aside(item.as_ref(), !note.is_outcome(), &why);
        if let (Some(open), true) = (&mut self.open, note.is_outcome()) {
            open.next = input;
            open.set_aside(kept);
        }
    }

    /// Has what reproduces a crash kept, and says what the dead letter says of it.
    pub(super) fn keep_crash(
        &self,
        stage: &str,
        message: &str,
        location: Option<&str>,
        from: Option<(&C::Batch, usize)>,
    ) -> String {
        let original = from.and_then(|(batch, index)| C::original(batch, index));
        match original {
            Some(event) => self.shared.supervision.keep(&Crash {
                pipeline: self.shared.ledger.name(),
                stage,
                message,
                location,
                event,
            }),
            None => message.to_owned(),
        }
    }

    fn failed_without_input(&self, stage: &str, note: &Note) {
        if note.reason == PANIC {
            self.say_panic(stage, &note.message, None, false);
            self.lose_state();
            self.shared.brake.crashed(false);
            return;
        }
        let (pipeline, error) = (self.shared.ledger.name(), &note.message);
        tracing::error!(
            pipeline,
            stage,
            error,
            "a stage failed at a tick or at the end of the input"
        );
    }
}
