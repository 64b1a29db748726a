//! Where events can be looked at while they pass: the sources, the stages, the sinks and the store of dead letters.

mod conditions;
mod lens;
mod open;
mod redact;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;

use millpond_ingest::Onlooker;
use millpond_sinks::Writer;
use millpond_tap::{Line, Point, Sample};

use crate::config::{Config, DEAD_LETTERS};
pub(crate) use lens::glimpse;
pub(crate) use open::Looks;
pub(crate) use redact::Redact;
use writer::Shown;

/// All points of a line, by name.
pub(crate) struct Points {
    sources: BTreeMap<String, Arc<Point>>,
    lines: BTreeMap<String, Arc<Line>>,
    /// The store of dead letters among them.
    sinks: BTreeMap<String, Arc<Point>>,
}

impl Points {
    /// A point for everything that the configuration names.
    pub(crate) fn of(config: &Config) -> Self {
        let point = |name: &String| (name.clone(), Arc::default());
        let sources = config.sources.iter().map(|source| &source.name);
        let sinks = config.sinks.iter().map(|sink| &sink.component.name);
        let lines = config.pipelines.iter();
        let lines = lines.map(|pipeline| (pipeline.name.clone(), Arc::default()));
        let letters = DEAD_LETTERS.to_owned();
        Points {
            sources: sources.map(point).collect(),
            lines: lines.collect(),
            sinks: sinks.chain([&letters]).map(point).collect(),
        }
    }

    /// The stages of a pipeline.
    pub(crate) fn line(&self, pipeline: &str) -> Option<Arc<Line>> {
        self.lines.get(pipeline).cloned()
    }

    /// What looks at the chunks of a source. A branch of it, written `SOURCE/BRANCH`, is looked at as a part of it.
    pub(crate) fn onlooker(&self, source: &str) -> Option<Onlooker> {
        let own = source.split('/').next().unwrap_or(source);
        let point = self.sources.get(own)?.clone();
        Some(Arc::new(move |slice| {
            if point.is_watched() {
                let partition = slice.chunk().origin().partition;
                point.pass(slice.len(), |event| Sample {
                    place: Some((partition, slice.sequence(event))),
                    ..Sample::of(slice.bytes(event))
                });
            }
        }))
    }

    /// The writer of a sink, looked at.
    pub(crate) fn seen(&self, sink: &str, writer: Box<dyn Writer>) -> Box<dyn Writer> {
        match self.sinks.get(sink) {
            Some(point) => Box::new(Shown::new(writer, point.clone())),
            None => writer,
        }
    }
}
