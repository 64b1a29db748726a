use millpond_engine::{Exits, StageError};

use crate::codec::{Codec, Letter};

/// Where one event is in its line, and where its output is gathered.
pub(crate) struct Collector<'a, C: Codec> {
    pub(crate) codec: &'a mut C,
    /// Output by exit; the dead letters are the last one, if there are any.
    pub(crate) outputs: &'a mut [C::Output],
    pub(crate) letters: &'a mut Letters,
    pub(crate) pipeline: &'a str,
    pub(crate) stages: &'a [String],
    /// The batch and the place in it; none for what a stage makes at a tick or at the end.
    pub(crate) from: Option<(&'a C::Batch, usize)>,
    /// The event's ordinal in its consignment.
    pub(crate) input: u32,
}

/// Dead letters of a shard.
pub(crate) struct Letters {
    /// The exit they leave through.
    pub(crate) exit: Option<usize>,
    /// Those not yet added to the pipeline's counts, by stage and reason: a few kinds of them, so that a list is looked
    /// through faster than anything else, and only a kind's first letter copies its names.
    pub(crate) counted: Vec<((String, String), u64)>,
}

impl Letters {
    fn count(&mut self, stage: &str, reason: &str) {
        let known = self
            .counted
            .iter_mut()
            .find(|((known, why), _)| known == stage && why == reason);
        match known {
            Some((_, letters)) => *letters += 1,
            None => {
                let kind = (stage.to_owned(), reason.to_owned());
                self.counted.push((kind, 1));
            }
        }
    }
}

/// Why an event is set aside.
pub(crate) struct Why<'a> {
    pub(crate) stage: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
    /// How often it was run.
    pub(crate) attempts: u32,
}

impl<C: Codec> Collector<'_, C> {
    /// Sets an event aside; false when there is nowhere to put it.
    pub(crate) fn set_aside(
        &mut self,
        item: Option<&C::Item>,
        derived: bool,
        why: &Why<'_>,
    ) -> bool {
        let Why {
            stage,
            reason,
            message,
            attempts,
        } = *why;
        self.letters.count(stage, reason);
        let Some(exit) = self.letters.exit else {
            return false;
        };
        let letter = Letter {
            from: self.from,
            item,
            derived,
            pipeline: self.pipeline,
            stage,
            reason,
            message,
            attempts,
        };
        self.codec
            .encode_letter(letter, self.input, &mut self.outputs[exit])
    }
}

impl<C: Codec> Exits<C::Item> for Collector<'_, C> {
    fn exit(&mut self, exit: usize, event: &mut C::Item) {
        self.codec
            .encode(exit, event, self.input, &mut self.outputs[exit]);
    }

    fn failed(&mut self, stage: usize, error: StageError, event: &mut C::Item) {
        let stage = self.stages.get(stage).map_or("", String::as_str);
        let message = error.to_string();
        self.set_aside(
            Some(event),
            true,
            &Why {
                stage,
                reason: error.reason(),
                message: &message,
                attempts: 1,
            },
        );
    }

    fn entering(&mut self, stage: usize, event: &C::Item) {
        if let Some(stage) = self.stages.get(stage) {
            self.codec.show(stage, event);
        }
    }

    fn tick_failed(&mut self, stage: usize, error: StageError) {
        let stage = self.stages.get(stage).map_or("", String::as_str);
        tracing::error!(pipeline = self.pipeline, stage, %error, "a stage failed at a tick or at the end of the input");
    }
}
