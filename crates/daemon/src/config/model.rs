use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use millpond_event::Path;
use millpond_sinks::{DeadLetterConfig, SinkOptions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tracing::TracingSection;
use super::workers::Workers;

/// The name under which the store of dead letters appears among the sinks.
pub(crate) const DEAD_LETTERS: &str = "dead_letters";

/// A configuration that was checked: names resolve, components build, limits hold. Everything with
/// a name is in the order of the names.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// As it was read, to compare another with.
    pub(crate) tree: Value,
    /// At least one.
    pub(crate) sources: Vec<Component>,
    /// At least one; every source is read by one of them.
    pub(crate) pipelines: Vec<Pipeline>,
    /// At least one.
    pub(crate) sinks: Vec<Sink>,
    pub(crate) dead_letters: DeadLetterConfig,
    pub(crate) dead_letters_at: Place,
    pub(crate) runtime: Runtime,
    /// Keeps what sources take in; without, it waits in memory.
    pub(crate) journal: Option<Journal>,
    /// Where the admin listener listens; `None` when it is off.
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) admin_at: Place,
    /// Names that it answers to, beside those of loopback.
    pub(crate) admin_hosts: Vec<String>,
    /// Fields of events that it shows to nobody.
    pub(crate) redact: Vec<Path>,
    /// Which chunks are followed, and who is told.
    pub(crate) tracing: TracingSection,
}

/// Where something stands in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file, variable or option that says it; empty where nobody said anything.
    pub(crate) origin: String,
    /// The path of its key.
    pub(crate) key: String,
}

impl fmt::Display for Place {
    /// To be written before a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.origin, &self.key].into_iter();
        parts
            .filter(|part| !part.is_empty())
            .try_for_each(|part| write!(f, "{part}: "))
    }
}

/// A source, stage or sink: what `build` of its crate takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Component {
    /// Unique among its like; that of a stage in its pipeline.
    pub(crate) name: String,
    /// The value of `type`.
    pub(crate) kind: String,
    /// Its table without `type`.
    pub(crate) params: Value,
    #[serde(skip)]
    pub(crate) at: Place,
}

/// A pipeline, defaults resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pipeline {
    pub(crate) name: String,
    /// Names of sources, each once.
    pub(crate) from: Vec<String>,
    /// Names of sinks, each once.
    pub(crate) to: Vec<String>,
    /// The path of the key; it compiles.
    pub(crate) key: Option<String>,
    pub(crate) missing_key: MissingKey,
    pub(crate) stages: Vec<Component>,
    /// Events that a line may make of one input.
    pub(crate) max_emit: u32,
    /// The share of events that may crash the line before the pipeline is paused, 0 to 1.
    pub(crate) max_poison: f64,
    #[serde(skip)]
    pub(crate) at: Place,
}

/// What happens to an event without a readable key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MissingKey {
    /// Any shard takes it.
    #[default]
    Any,
    /// It is set aside.
    DeadLetter,
}

/// A sink: what it is, and the settings that every sink has.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    /// Its table without the settings that every sink has.
    pub(crate) component: Component,
    pub(crate) options: SinkOptions,
}

impl Config {
    /// Whether any source reads files.
    pub(crate) fn reads_files(&self) -> bool {
        self.sources.iter().any(|source| source.kind == "file")
    }
}

/// The journal in front of the pipelines.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    /// Its folder.
    pub(crate) dir: PathBuf,
    /// What its segments may take up together, in bytes.
    pub(crate) max: u64,
    /// The length of a segment in bytes.
    pub(crate) segment: u64,
    pub(crate) at: Place,
}

/// How the process runs.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    pub(crate) workers: Workers,
    /// Where they run their stages, if not themselves.
    pub(crate) apart: Option<Apart>,
    /// Shards per pipeline, at least 1.
    pub(crate) shards: usize,
    /// The byte budget.
    pub(crate) memory: usize,
    /// How long a drain may take.
    pub(crate) drain: Duration,
    /// How long one event may take before the process counts as hanging.
    pub(crate) hang: Duration,
    /// Where files are left that reproduce crashes.
    pub(crate) crashes: PathBuf,
}

/// How workers run their stages in processes of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Apart {
    /// The address space that each may have, in bytes.
    pub(crate) memory: u64,
    /// How long each may take for what it was given.
    pub(crate) timeout: Duration,
}
