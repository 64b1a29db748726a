use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Rows, Sink, SinkError, WriteError, Writer};

/// A sink that takes everything and keeps nothing: for benches, and for pipelines run for their
/// counters. It has no settings of its own.
///
/// ```toml
/// [sinks.nowhere]
/// type = "blackhole"
/// ```
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlackholeConfig {}

impl Sink for BlackholeConfig {
    fn open(self: Box<Self>, _: Option<u64>) -> Result<Box<dyn Writer>, SinkError> {
        Ok(Box::new(Blackhole))
    }
}

struct Blackhole;

impl Writer for Blackhole {
    fn write(&mut self, _: &[Rows<'_>]) -> Result<(), WriteError> {
        Ok(())
    }
}
