use std::path::PathBuf;

use millpond_event::KeyPath;
use serde_json::Value;

use super::problem::unknown;
use crate::kinds;

/// A problem inside a component: the path in its table, and what is wrong.
type Inside = (String, String);

/// Which component crate a table is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Source,
    Stage,
    Sink,
}

/// What the rest of the configuration needs to know of a component that builds.
#[derive(Debug, Default)]
pub(crate) struct Built {
    /// The file that it writes and nobody else may.
    pub(crate) writes: Option<PathBuf>,
    /// The files that it reads.
    pub(crate) reads: Vec<PathBuf>,
    /// Whether it asks for something that only a journal can give.
    pub(crate) needs_journal: bool,
    /// Whether it keeps state between events.
    pub(crate) stateful: bool,
}

impl Family {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Family::Source => "source",
            Family::Stage => "stage",
            Family::Sink => "sink",
        }
    }

    /// The values that `type` may have.
    pub(crate) fn kinds(self) -> Vec<&'static str> {
        match self {
            Family::Source => kinds::sources().iter().map(|kind| kind.name).collect(),
            Family::Stage => kinds::stages().iter().map(|kind| kind.name).collect(),
            Family::Sink => kinds::sinks().iter().map(|kind| kind.name).collect(),
        }
    }

    /// Builds a component and lets go of it: nothing is opened.
    pub(crate) fn check(self, kind: &str, params: Value) -> Result<Built, Inside> {
        if !self.kinds().contains(&kind) {
            if let Some(missing) = kinds::not_built(self, kind) {
                return Err(("type".to_owned(), missing));
            }
            let what = format!("{} type", self.name());
            return Err(("type".to_owned(), unknown(&what, kind, self.kinds())));
        }
        match self {
            Family::Source => millpond_ingest::build_of(&kinds::sources(), kind, params)
                .map(|source| Built {
                    reads: source.paths().to_vec(),
                    needs_journal: source.needs_journal(),
                    ..Built::default()
                })
                .map_err(|error| (error.key, error.message)),
            Family::Stage => millpond_stages::build_of(&kinds::stages(), kind, params)
                .map(|stage| Built {
                    stateful: stage.is_stateful(),
                    ..Built::default()
                })
                .map_err(|error| (error.key, error.message)),
            Family::Sink => millpond_sinks::build(&kinds::sinks(), kind, params)
                .map(|sink| Built {
                    writes: sink.path().map(PathBuf::from),
                    ..Built::default()
                })
                .map_err(|error| (error.key, error.message)),
        }
    }
}

/// Compiles the key of a pipeline and lets go of it.
pub(crate) fn check_key(key: &str) -> Result<(), String> {
    KeyPath::parse(key)
        .map(|_| ())
        .map_err(|error| error.to_string())
}
