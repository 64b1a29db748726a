use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;

use super::writer::FileWriter;
use crate::{ConfigError, Sink, SinkError, Writer};

/// A sink that appends rows to a file.
///
/// ```toml
/// [sinks.features]
/// type = "file"
/// path = "out/features.ndjson"
/// append = true                                        # default; false empties the file at start
/// sync = false                                         # default
/// rotate = { size = "1GiB", every = "1h", keep = 10 }  # default: never
/// ```
///
/// Rows are handed to the system whenever the sink's room is empty, and at the latest after 1 MiB.
/// With `sync`, they count as delivered once they are on stable storage. With a journal every row is
/// there once, however the process ended: `PATH.positions` tells which are. A row is never torn: what
/// an error left of one is taken back or completed, and a last line without an end, which a crash
/// left behind, is ended when the file is opened.
///
/// The file belongs to this sink alone (it holds a lock on it). On SIGHUP it is opened anew if it
/// was moved away. While the disk is full the sink waits and tries again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// The file. Missing directories above it are created.
    pub path: PathBuf,
    /// Whether rows are added to what the file holds already; otherwise it is emptied first.
    #[serde(default = "yes")]
    pub append: bool,
    /// Whether rows must be on stable storage before they count as delivered.
    #[serde(default)]
    pub sync: bool,
    /// When to move the file away and begin a new one.
    pub rotate: Option<RotateConfig>,
}

/// When a file is moved away: `out.ndjson` becomes `out.20260131T235959Z.ndjson`, named for the time
/// in UTC at which that happened, with a number when that name is taken. Always between two rows;
/// nothing is overwritten.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateConfig {
    /// Before it would grow beyond this, at least 4 KiB. A longer row gets a file of its own.
    #[schemars(with = "Option<String>")]
    pub size: Option<ByteSize>,
    /// When it has been open for this long, at least a second, and is not empty.
    #[serde(default, with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    pub every: Option<Duration>,
    /// How many files that were moved away to keep; the oldest are deleted. 0 keeps all.
    #[serde(default)]
    pub keep: u32,
}

fn yes() -> bool {
    true
}

impl FileConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if self.path.as_os_str().is_empty() || self.path.file_name().is_none() {
            let found = format!(
                "{:?} names no file, expected a path such as \"out/rows.ndjson\"",
                self.path
            );
            return Err(ConfigError::new("path", found));
        }
        let Some(rotate) = &self.rotate else {
            return Ok(());
        };
        match rotate {
            RotateConfig {
                size: None,
                every: None,
                ..
            } => Err(ConfigError::new(
                "rotate",
                "neither size nor time is set, expected `size` or `every`",
            )),
            RotateConfig {
                size: Some(size), ..
            } if size.as_u64() < 4 << 10 => {
                let message = format!("{size} is too small, expected at least 4KiB");
                Err(ConfigError::new("rotate.size", message))
            }
            RotateConfig {
                every: Some(every), ..
            } if *every < Duration::from_secs(1) => {
                let every = humantime::format_duration(*every);
                let message = format!("{every} is too short, expected at least 1s");
                Err(ConfigError::new("rotate.every", message))
            }
            _ => Ok(()),
        }
    }
}

impl Sink for FileConfig {
    fn open(
        self: Box<Self>,
        name: &str,
        journal: Option<u64>,
    ) -> Result<Box<dyn Writer>, SinkError> {
        Ok(Box::new(FileWriter::open(name, *self, journal)?))
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}
