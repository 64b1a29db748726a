use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use millpond_runtime::Crash;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::config::{Component, Config, MissingKey, Pipeline, Problems, config_of};

/// What reproduces a crash: a line of JSON, and behind it the event, byte for byte.
#[derive(Debug, PartialEq)]
pub(crate) struct CrashFile {
    pub(crate) head: Head,
    pub(crate) event: Vec<u8>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Head {
    /// The version of the daemon.
    pub(crate) millpond: String,
    /// When it happened, in RFC 3339.
    pub(crate) time: String,
    pub(crate) pipeline: String,
    pub(crate) stage: String,
    pub(crate) message: String,
    pub(crate) location: Option<String>,
    /// How long the event is: a file that was cut short is told from it.
    pub(crate) length: usize,
    /// `[pipelines.NAME]` as it was.
    pub(crate) config: Value,
}

/// A file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CrashFileError {
    #[error("{}: {error}", path.display())]
    Read {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("{}: it is no file of a crash: {why}, expected what the daemon leaves in its folder `crashes`", path.display())]
    NotOne { path: PathBuf, why: String },
}

impl CrashFile {
    pub(super) fn new(crash: &Crash<'_>, micros: u64, config: &Value) -> Self {
        let time = UNIX_EPOCH + Duration::from_micros(micros);
        let head = Head {
            millpond: env!("CARGO_PKG_VERSION").to_owned(),
            time: humantime::format_rfc3339_micros(time).to_string(),
            pipeline: crash.pipeline.to_owned(),
            stage: crash.stage.to_owned(),
            message: crash.message.to_owned(),
            location: crash.location.map(str::to_owned),
            length: crash.event.len(),
            config: config.clone(),
        };
        CrashFile {
            head,
            event: crash.event.to_owned(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = json!(self.head).to_string().into_bytes();
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.event);
        bytes.push(b'\n');
        bytes
    }

    pub(crate) fn read(path: &Path) -> Result<Self, CrashFileError> {
        let bytes = std::fs::read(path).map_err(|error| CrashFileError::Read {
            path: path.to_owned(),
            error,
        })?;
        Self::parse(&bytes).map_err(|why| CrashFileError::NotOne {
            path: path.to_owned(),
            why,
        })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let newline = bytes.iter().position(|&byte| byte == b'\n');
        let (head, rest) = bytes.split_at(newline.ok_or("its first line has no end")?);
        let head: Head = serde_json::from_slice(head).map_err(|error| error.to_string())?;
        let event = rest[1..].strip_suffix(b"\n").unwrap_or(&rest[1..]);
        if event.len() != head.length {
            return Err(format!(
                "its event has {} bytes instead of {}",
                event.len(),
                head.length
            ));
        }
        let event = event.to_owned();
        Ok(CrashFile { head, event })
    }

    /// A configuration with the pipeline as it was: its source and its sinks stand for the real ones.
    pub(crate) fn config(&self) -> Result<Config, Problems> {
        let name = &self.head.pipeline;
        let to = self.head.config["to"].as_array().into_iter().flatten();
        let sinks = to.filter_map(Value::as_str);
        let sinks: Map<String, Value> = sinks
            .map(|sink| (sink.to_owned(), json!({ "type": "blackhole" })))
            .collect();
        config_of(json!({
            "sources": { "event": { "type": "stdin" } },
            "pipelines": { name: self.head.config },
            "sinks": sinks,
        }))
    }
}

/// What of a pipeline's configuration decides what becomes of an event, as it is written.
pub(super) fn config(pipeline: &Pipeline) -> Value {
    let stage = |stage: &Component| {
        let mut table = match &stage.params {
            Value::Object(table) => table.clone(),
            _ => Map::new(),
        };
        table.insert("type".to_owned(), json!(stage.kind));
        table.insert("name".to_owned(), json!(stage.name));
        Value::Object(table)
    };
    let mut config = json!({
        "to": pipeline.to,
        "stages": pipeline.stages.iter().map(stage).collect::<Vec<_>>(),
        "max_emit": pipeline.max_emit,
    });
    if let Some(key) = &pipeline.key {
        config["key"] = json!(key);
        if pipeline.missing_key == MissingKey::DeadLetter {
            config["missing_key"] = json!("dead_letter");
        }
    }
    config
}
