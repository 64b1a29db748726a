use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use millpond_sinks::{ConfigError, Kind, Sink, SinkError, Writer, own};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use crate::positions;
use crate::writer::SqliteWriter;

/// The sink as a configuration names it.
pub const KIND: Kind = Kind {
    name: "sqlite",
    summary: "inserts rows into a table of an SQLite database, each once",
    schema: || schema_for!(SqliteConfig),
    build: |params| own(params, SqliteConfig::validate),
};

/// A sink that inserts rows into a table of an SQLite database.
///
/// ```toml
/// [sinks.clicks]
/// type = "sqlite"
/// path = "out/clicks.sqlite"
/// table = "clicks"
/// columns = { id = "event_id", page = "context.page" }  # default: one column, event
/// ```
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqliteConfig {
    /// The database. Missing directories above it are created.
    pub path: PathBuf,
    /// The table.
    pub table: String,
    /// What goes into which column: paths into an event by the names of columns. Without any, the
    /// column `event` gets the row's JSON.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// Whether a table that is not there is made.
    #[serde(default = "yes")]
    pub create: bool,
    /// How long an attempt waits for others who have the database locked.
    #[serde(default = "five_seconds", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub busy_timeout: Duration,
    /// What a transaction is worth.
    #[serde(default)]
    pub synchronous: Synchronous,
}

/// What a transaction is worth, as SQLite has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    /// It survives a power cut.
    #[default]
    Full,
    /// It survives the process; a power cut may undo the latest ones, rows and positions alike.
    Normal,
}

fn yes() -> bool {
    true
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

impl SqliteConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        if self.path.file_name().is_none() {
            let path = &self.path;
            let message =
                format!("{path:?} names no file, expected a path such as \"out/rows.sqlite\"");
            return Err(ConfigError::new("path", message));
        }
        let no_name = |name: &str| name.is_empty() || name.contains('\0');
        if no_name(&self.table) || self.table.eq_ignore_ascii_case(positions::TABLE) {
            let table = &self.table;
            let message = format!("{table:?} cannot be the table, expected another name");
            return Err(ConfigError::new("table", message));
        }
        for (column, path) in &self.columns {
            let key = format!("columns.{column}");
            if no_name(column) {
                return Err(ConfigError::new(key, "expected a name of a column"));
            }
            millpond_event::Path::parse(path)
                .map_err(|error| ConfigError::new(key, error.to_string()))?;
        }
        Ok(())
    }
}

impl Sink for SqliteConfig {
    fn open(
        self: Box<Self>,
        name: &str,
        journal: Option<u64>,
    ) -> Result<Box<dyn Writer>, SinkError> {
        Ok(Box::new(SqliteWriter::open(name, *self, journal)?))
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}
