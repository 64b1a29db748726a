use serde::{Deserialize, Serialize};

use crate::config::{Apart, Config, Pipeline};

/// What the process of a worker is told at its start. It reads no configuration: that may have changed since.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Orders {
    /// The daemon's process.
    pub(super) parent: u32,
    /// The address space it may have, in bytes.
    pub(super) memory: u64,
    /// What it runs. Sources and sinks, and their secrets, are none of its business.
    pub(super) pipelines: Vec<Pipeline>,
}

impl Orders {
    pub(super) fn new(config: &Config, apart: &Apart) -> Self {
        Orders {
            parent: std::process::id(),
            memory: apart.memory,
            pipelines: config.pipelines.clone(),
        }
    }

    pub(super) fn write(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| format!("orders that cannot be read: {error}"))
    }
}
