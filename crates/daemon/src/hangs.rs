//! Workers that hang: said once, with what they hang on, and told to whoever asks whether the process lives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use millpond_event::{Event, KeyPath};
use millpond_runtime::{Crash, DECODE, Hang, Hangs, KeepCrash};

/// How often to look.
const EVERY: Duration = Duration::from_millis(250);
/// A hang is said after this part of the time after which it is held against the process.
const SAID_AFTER: u32 = 6;

/// Watches the workers.
pub(crate) struct HangWatch {
    hangs: Hangs,
    deadline: Duration,
    pipelines: BTreeMap<String, Watched>,
    said: Mutex<Vec<Said>>,
}

/// What is needed to say which event a pipeline hangs on.
pub(crate) struct Watched {
    pub(crate) key: Option<KeyPath>,
    pub(crate) keep: KeepCrash,
}

/// A hang that was said.
struct Said {
    worker: usize,
    id: (u64, u64),
    pipeline: Arc<str>,
    stage: Option<String>,
    since: Instant,
}

impl HangWatch {
    /// `deadline`: how long one event may take.
    pub(crate) fn new(
        hangs: Hangs,
        deadline: Duration,
        pipelines: BTreeMap<String, Watched>,
    ) -> Self {
        HangWatch {
            hangs,
            deadline,
            pipelines,
            said: Mutex::default(),
        }
    }

    /// How long whoever calls [`HangWatch::look`] may wait before the next call.
    pub(crate) fn every(&self) -> Duration {
        EVERY.min(self.deadline / SAID_AFTER)
    }

    /// Says what is new.
    pub(crate) fn look(&self) {
        let hangs = self.hangs.look(self.deadline / SAID_AFTER);
        // Whole after every change.
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|said| {
            let goes_on = !hangs.iter().any(|hang| hang.id == said.id);
            if goes_on {
                let seconds = said.since.elapsed().as_secs_f64();
                tracing::warn!(
                    worker = said.worker,
                    pipeline = &*said.pipeline,
                    stage = said.stage,
                    seconds,
                    "the worker goes on"
                );
            }
            !goes_on
        });
        for hang in &hangs {
            if !said.iter().any(|said| said.id == hang.id) {
                self.say(hang);
                let since = Instant::now();
                said.push(Said {
                    worker: hang.worker,
                    id: hang.id,
                    pipeline: hang.pipeline.clone(),
                    stage: hang.stage.clone(),
                    since: since.checked_sub(hang.age).unwrap_or(since),
                });
            }
        }
    }

    /// Whether every worker gets on.
    ///
    /// # Errors
    /// Which does not, for how long, and where.
    pub(crate) fn live(&self) -> Result<(), String> {
        let hangs = self.hangs.look(self.deadline);
        let told: Vec<String> = hangs.iter().map(in_words).collect();
        if told.is_empty() {
            Ok(())
        } else {
            Err(told.join("\n"))
        }
    }

    fn say(&self, hang: &Hang) {
        let pipeline = self.pipelines.get(&*hang.pipeline);
        let event = hang.event.as_deref();
        let file = pipeline.zip(event).and_then(|(pipeline, event)| {
            (pipeline.keep)(&Crash {
                pipeline: &hang.pipeline,
                stage: hang.stage.as_deref().unwrap_or(DECODE),
                message: "the event hangs",
                location: None,
                event,
            })
        });
        let key = pipeline.and_then(|pipeline| pipeline.key.as_ref());
        tracing::error!(
            worker = hang.worker,
            pipeline = &*hang.pipeline,
            shard = hang.shard,
            stage = hang.stage,
            key = key.zip(event).and_then(|(key, event)| key_of(key, event)),
            file,
            thread = self.hangs.thread(hang.worker),
            seconds = hang.age.as_secs_f64(),
            "a worker hangs"
        );
    }
}

/// The key of an event, as text.
fn key_of(key: &KeyPath, event: &[u8]) -> Option<String> {
    let event = Event::parse(event).ok()?;
    let key = event.get(key.path())?;
    let text = key.as_str().map(|text| text.into_owned());
    Some(text.unwrap_or_else(|| String::from_utf8_lossy(key.raw()).into_owned()))
}

fn in_words(hang: &Hang) -> String {
    let stage = match &hang.stage {
        Some(stage) => format!("stage {stage:?}"),
        None => "no stage".to_owned(),
    };
    let with = match hang.event {
        Some(_) => "one event",
        None => "one call",
    };
    format!(
        "worker {} has been with {with} for {} s: pipeline {:?}, shard {}, {stage}",
        hang.worker,
        hang.age.as_secs(),
        hang.pipeline,
        hang.shard
    )
}
