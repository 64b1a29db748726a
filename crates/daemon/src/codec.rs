//! How the runtime reads events from slices and writes them for sinks.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use millpond_engine::Timestamp;
use millpond_event::{Event, Path, Position, Records, Slice};
use millpond_runtime::{Codec, DECODE, Letter, Refused};
use millpond_sinks::{Encoder, NdJson};
use millpond_store::{Class, Letter as DeadLetter, Truncated};
use millpond_tap::{Line, Sample, Wanted};

/// How many events ahead the next one is asked for from memory.
const AHEAD: usize = 2;

/// JSON events in, NDJSON rows out.
pub(crate) struct JsonCodec {
    encoder: NdJson,
    /// Where a journal keeps the event in work.
    position: Position,
    /// The key that an event must have, where events without one are set aside.
    required_key: Option<Path>,
    /// Where its events can be looked at, unless it is in a process of its own.
    points: Option<Arc<Line>>,
    /// How many of the next events are to be shown in front of each stage.
    wanted: Wanted,
}

impl JsonCodec {
    pub(crate) fn new(required_key: Option<Path>, points: Option<Arc<Line>>) -> Self {
        JsonCodec {
            encoder: NdJson,
            position: Position::NONE,
            required_key,
            points,
            wanted: Wanted::default(),
        }
    }
}

impl Codec for JsonCodec {
    type Batch = Slice;
    type Item = Event;
    type Output = Records;

    fn len(&self, slice: &Slice) -> usize {
        slice.len()
    }

    fn received(&self, slice: &Slice) -> Timestamp {
        Timestamp(slice.chunk().origin().received_micros)
    }

    fn open(&mut self, slice: &Slice) {
        (0..AHEAD).for_each(|index| slice.touch(index));
    }

    fn decode(
        &mut self,
        slice: &mut Slice,
        index: usize,
        item: &mut Option<Event>,
    ) -> Result<(), Refused> {
        self.position = slice.position(index);
        if let Some(refusal) = slice.chunk().refusal() {
            return Err(Refused {
                reason: refusal.reason,
                message: refusal.detail.clone(),
            });
        }
        slice.touch(index + AHEAD);
        let event = item.get_or_insert_with(Event::default);
        event.read(slice, index).map_err(|error| Refused {
            reason: error.reason(),
            message: error.to_string(),
        })?;
        match &self.required_key {
            Some(key) if !event.exists(key) => Err(Refused {
                reason: "missing_key",
                message: format!("the event has no {key}, the pipeline's key"),
            }),
            _ => Ok(()),
        }
    }

    fn kept_at(&self, slice: &Slice, index: usize) -> Option<(u64, u32)> {
        let position = slice.position(index);
        position
            .is_some()
            .then_some((position.sequence, position.ordinal))
    }

    fn original(slice: &Slice, index: usize) -> Option<&[u8]> {
        (index < slice.len()).then(|| slice.bytes(index))
    }

    fn share(slice: &Slice) -> Option<Slice> {
        Some(slice.clone())
    }

    fn close(&mut self, item: &mut Option<Event>) {
        // What a stage makes at a tick or at the end has no position.
        self.position = Position::NONE;
        // An event pins its chunk.
        if let Some(event) = item {
            event.clear();
        }
    }

    fn is_watched(&mut self) -> bool {
        let points = self.points.as_ref();
        points.is_some_and(|points| points.is_watched() && points.wanted(&mut self.wanted))
    }

    fn show(&mut self, stage: &str, event: &Event) {
        self.wanted.show(stage, || {
            let mut bytes = Vec::new();
            event.write_to(&mut bytes);
            Sample::of(&bytes)
        });
    }

    fn encode(&mut self, _exit: usize, event: &mut Event, input: u32, rows: &mut Records) {
        self.encoder.encode(event, input, self.position, rows);
    }

    fn encode_letter(&mut self, letter: Letter<'_, Self>, input: u32, rows: &mut Records) -> bool {
        let mut derived = Vec::new();
        if let (true, Some(event)) = (letter.derived, letter.item) {
            event.write_to(&mut derived);
        }
        let from = letter
            .from
            .map(|(slice, index)| (slice.chunk(), slice, index));
        let original = match from {
            Some((_, slice, index)) if !letter.derived => slice.bytes(index),
            _ => &derived[..],
        };
        // What was refused for another reason than its length is there as a whole.
        let truncated = from.and_then(|(chunk, ..)| chunk.refusal());
        let truncated = truncated.filter(|refusal| refusal.length != original.len() as u64);
        let dead = DeadLetter {
            class: if letter.stage == DECODE {
                Class::Rejects
            } else {
                Class::Accepted
            },
            time_micros: unix_micros(),
            pipeline: letter.pipeline,
            source: from.map_or("", |(chunk, ..)| &chunk.origin().source),
            partition: from.map_or(0, |(chunk, ..)| chunk.origin().partition),
            sequence: from.map_or(0, |(_, slice, index)| slice.sequence(index)),
            offset: from.map_or(0, |(_, slice, index)| slice.offset(index)),
            stage: letter.stage,
            reason: letter.reason,
            detail: letter.message,
            attempts: letter.attempts,
            event: original,
            truncated: truncated.map(|refusal| Truncated {
                length: refusal.length,
                hash: refusal.hash,
            }),
        };
        rows.push_at(input, self.position, |out| dead.write_record(out));
        true
    }

    fn rows(&self, rows: &Records) -> u64 {
        rows.len() as u64
    }

    fn filled(&self, rows: &Records) -> u64 {
        rows.bytes().len() as u64
    }

    fn bytes(&self, rows: &Records) -> u64 {
        rows.capacity() as u64
    }

    fn input(&self, rows: &Records, row: u64) -> u32 {
        rows.input(row as usize)
    }
}

pub(crate) fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| {
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    })
}
