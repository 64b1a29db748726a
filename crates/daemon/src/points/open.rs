//! Opens a tap at a point, for the admin listener.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use millpond_admin::{TapAt, TapRefusal, TapWanted, Tapped, Taps};
use millpond_runtime::PipelineView;
use millpond_tap::{Point, Tap};
use serde_json::{Map, Value, json};

use super::conditions::Wanted;
use super::lens::{Lens, What};
use crate::config::DEAD_LETTERS;
use crate::wire::Seen;

/// So many taps at once: each costs the pipeline a little.
const TAPS: usize = 4;
/// With conditions, so many events a second are judged.
const JUDGED: u32 = 5_000;

/// Opens taps.
pub(crate) struct Looks {
    seen: Arc<Seen>,
    open: Arc<AtomicUsize>,
}

impl Looks {
    pub(crate) fn new(seen: Arc<Seen>) -> Self {
        Looks {
            seen,
            open: Arc::default(),
        }
    }

    /// Where it is.
    fn find(&self, at: &TapAt) -> Result<Place, TapRefusal> {
        let points = &self.seen.points;
        let place = |point: &Arc<Point>, said: Value| {
            let point = point.clone();
            Place::new(said, move |per_second| point.tap(per_second))
        };
        match at {
            TapAt::Source(name) => {
                let point = known("source", name, &points.sources)?;
                Ok(place(point, json!({ "source": name })))
            }
            TapAt::Sink(name) => {
                let mut sinks = points.sinks.clone();
                sinks.remove(DEAD_LETTERS);
                let point = known("sink", name, &sinks)?;
                Ok(place(point, json!({ "sink": name })))
            }
            TapAt::DeadLetters => {
                let point = known("sink", DEAD_LETTERS, &points.sinks)?;
                Ok(place(point, json!({})))
            }
            TapAt::Stage { pipeline, stage } => self.stage(pipeline, stage),
        }
    }

    fn stage(&self, pipeline: &str, stage: &str) -> Result<Place, TapRefusal> {
        let line = known("pipeline", pipeline, &self.seen.points.lines)?.clone();
        if self.seen.processes.is_some() {
            return Err(TapRefusal::Cannot(
                "stages run in processes of their own (`runtime.isolation`), which nobody can look into: expected a \
                 source, a sink or the dead letters"
                    .to_owned(),
            ));
        }
        let mut views = self.seen.pipelines.iter().map(|one| &one.view);
        let view = views.find(|view| view.ledger().name() == pipeline);
        let stats = view.map(|view| view.stages());
        let stats = stats.iter().flat_map(|stats| stats.stages());
        let names: BTreeMap<String, ()> = stats.map(|(name, _)| (name.to_owned(), ())).collect();
        known(&format!("stage of {pipeline}"), stage, &names)?;
        let said = json!({ "pipeline": pipeline, "stage": stage });
        let (name, view) = (stage.to_owned(), view.cloned());
        let place = Place::new(said, move |per_second| line.tap(&name, per_second));
        let name = stage.to_owned();
        Ok(Place {
            entered: view.map(|view| Box::new(move || entered(&view, &name)) as Count),
            ..place
        })
    }
}

/// How many events have ever come to a stage, as it is called: which place it has may change.
fn entered(view: &PipelineView, stage: &str) -> u64 {
    let stats = view.stages();
    let mut stages = stats.stages();
    let found = stages.find(|(name, _)| *name == stage);
    found.map_or(0, |(_, counts)| counts.entered)
}

impl Taps for Looks {
    fn open(&self, wanted: &TapWanted) -> Result<Tapped, TapRefusal> {
        let redact = &self.seen.redact;
        let what = match &wanted.at {
            TapAt::DeadLetters => What::letters(&wanted.conditions),
            _ => Wanted::parse(&wanted.conditions, redact).map(What::Events),
        };
        let what = what.map_err(TapRefusal::Bad)?;
        let place = self.find(&wanted.at)?;
        let seat = Seat::take(&self.open)?;
        let per_second = match wanted.conditions.is_empty() {
            true => wanted.rate,
            false => JUDGED.max(wanted.rate),
        };
        let tap = (place.tap)(per_second);
        let lens = Lens {
            at: place.said,
            what,
            redact: redact.clone(),
        };
        let passed = place.entered.map(|entered| {
            let before = entered();
            let since = move || entered().saturating_sub(before);
            Box::new(since) as Count
        });
        Ok(Tapped {
            tap,
            passed,
            show: Box::new(move |sample, dropped| {
                // The seat is left with the lens.
                let _ = &seat;
                lens.show(sample, dropped)
            }),
        })
    }
}

/// Reads a number that grows.
type Count = Box<dyn Fn() -> u64 + Send>;

/// A place to look at.
struct Place {
    /// What is said of each event there.
    said: Map<String, Value>,
    /// Looks at so many events a second.
    tap: Box<dyn FnOnce(u32) -> Tap>,
    /// Events that ever came there, where that is counted anyway.
    entered: Option<Count>,
}

impl Place {
    fn new(said: Value, tap: impl FnOnce(u32) -> Tap + 'static) -> Self {
        Place {
            said: said.as_object().cloned().unwrap_or_default(),
            tap: Box::new(tap),
            entered: None,
        }
    }
}

/// One of the taps that may be open.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(open: &Arc<AtomicUsize>) -> Result<Self, TapRefusal> {
        let free = |taken: usize| (taken < TAPS).then_some(taken + 1);
        let taken = open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free);
        let full = |_| {
            TapRefusal::Later(format!(
                "{TAPS} taps are open already, which is as many as there may be"
            ))
        };
        taken.map(|_| Seat(open.clone())).map_err(full)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn known<'a, T>(kind: &str, name: &str, all: &'a BTreeMap<String, T>) -> Result<&'a T, TapRefusal> {
    all.get(name).ok_or_else(|| unknown(kind, name, all))
}

fn unknown<T>(kind: &str, name: &str, all: &BTreeMap<String, T>) -> TapRefusal {
    let names: Vec<&str> = all.keys().map(String::as_str).collect();
    let names = match names.is_empty() {
        true => "there is none".to_owned(),
        false => format!("expected one of {}", names.join(", ")),
    };
    TapRefusal::Unknown(format!("there is no {kind} {name:?}: {names}"))
}
