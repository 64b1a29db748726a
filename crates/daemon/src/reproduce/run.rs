use std::io::Write;
use std::sync::Arc;

use millpond_engine::{Blueprint, Ended, Exits, StageError};
use millpond_event::{Buffer, Chunk, Event, Origin, Path, Slice};
use millpond_runtime::{Codec, DECODE, catch_panic, note_panics};

use super::{CRASHED, THROUGH};
use crate::codec::{JsonCodec, unix_micros};
use crate::config::{MissingKey, Pipeline};

/// Runs the event through a line, says what becomes of it, and returns how the process is to end.
pub(super) fn run(pipeline: &Pipeline, blueprint: &Blueprint<Event>, event: Vec<u8>) -> u8 {
    note_panics();
    let stages = blueprint.stage_names();
    let exits = blueprint.exits();
    // As large a stack as a worker's, and its name: what overflows there overflows here.
    let thread = std::thread::Builder::new().name("worker-0".to_owned());
    let done = std::thread::scope(|scope| {
        let work = || once(pipeline, blueprint, event, &mut Told { stages, exits });
        thread.spawn_scoped(scope, work).map(|thread| thread.join())
    });
    match done {
        Ok(Ok(code)) => code,
        // Said where it panicked.
        Ok(Err(_)) => CRASHED,
        Err(error) => {
            say(&format!("there is no thread to run it on: {error}"));
            CRASHED
        }
    }
}

fn once(
    pipeline: &Pipeline,
    blueprint: &Blueprint<Event>,
    event: Vec<u8>,
    told: &mut Told<'_>,
) -> u8 {
    let filled = event.len();
    let origin = Origin {
        source: "replay".into(),
        partition: 0,
        first_sequence: 0,
        offset: 0,
        received_micros: unix_micros(),
    };
    let chunk = Arc::new(Chunk::new(Buffer::from_vec(event), filled, origin));
    let Some(mut slice) = Slice::whole(chunk) else {
        say("it is blank: there is no event");
        return THROUGH;
    };
    let required = match (&pipeline.key, pipeline.missing_key) {
        (Some(key), MissingKey::DeadLetter) => Path::parse(key).ok(),
        _ => None,
    };
    let mut codec = JsonCodec::new(required, None);
    let mut line = blueprint.line();
    let mut item = None;
    let done = catch_panic(|| match codec.decode(&mut slice, 0, &mut item) {
        Err(refused) => say(&format!("{DECODE} refuses it: {}", refused.message)),
        Ok(()) => {
            if let Some(item) = &mut item {
                let now = codec.received(&slice);
                let ended = line.process(item, now, told);
                told.ended(ended);
            }
        }
    });
    let Err(panic) = done else { return THROUGH };
    let stage = line.current_stage().and_then(|at| told.stages.get(at));
    let stage = stage.map_or(DECODE, String::as_str);
    say(&format!("it crashed again in stage {stage:?}: {panic}"));
    CRASHED
}

/// Says what leaves a line.
struct Told<'a> {
    stages: &'a [String],
    exits: &'a [String],
}

impl Told<'_> {
    fn stage(&self, at: usize) -> &str {
        self.stages.get(at).map_or("", String::as_str)
    }

    fn ended(&self, ended: Ended) {
        match ended {
            Ended::Passed => {}
            Ended::Filtered => say("it is filtered"),
            Ended::Absorbed => say("it went into the state of a stage"),
            Ended::Consumed => say("it became other events"),
            Ended::Dropped(reason) => say(&format!("it is dropped: {}", reason.name())),
            Ended::Failed { stage, error } => {
                say(&format!(
                    "stage {:?} sets it aside: {error}",
                    self.stage(stage)
                ));
            }
        }
    }
}

impl Exits<Event> for Told<'_> {
    fn exit(&mut self, exit: usize, event: &mut Event) {
        let mut row = Vec::new();
        event.write_to(&mut row);
        let sink = self.exits.get(exit).map_or("", String::as_str);
        say(&format!("to {sink}: {}", String::from_utf8_lossy(&row)));
    }

    fn failed(&mut self, stage: usize, error: StageError, _: &mut Event) {
        say(&format!(
            "stage {:?} sets an event aside that was made of it: {error}",
            self.stage(stage)
        ));
    }

    fn tick_failed(&mut self, _: usize, _: StageError) {}
}

/// At once, line by line: the next thing may be the end of the process.
fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    // Whoever listened has gone.
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}
