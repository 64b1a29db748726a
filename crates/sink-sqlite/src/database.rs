use std::fs;

use millpond_event::{Event, Path};
use millpond_sinks::SinkError;
use rusqlite::types::Value as Stored;
use rusqlite::{Connection, Result, Statement, params_from_iter};

use crate::config::{SqliteConfig, Synchronous};
use crate::positions;
use crate::values::stored;

/// What an event becomes in the table.
pub(crate) struct Columns {
    insert: String,
    /// What goes into each column; none: the row as it is goes into the only one.
    paths: Vec<Path>,
}

/// Opens the database, makes the tables if need be, and sees whether rows fit.
pub(crate) fn open(
    sink: &str,
    config: &SqliteConfig,
) -> std::result::Result<(Connection, Columns), SinkError> {
    let unusable = |message: String| SinkError::Unusable {
        destination: config.path.display().to_string(),
        message,
    };
    if let Some(parent) = config.path.parent() {
        fs::create_dir_all(parent).map_err(|error| SinkError::Io {
            action: "create directory",
            path: parent.to_owned(),
            error,
        })?;
    }
    let paths = config.columns.values().map(|path| Path::parse(path));
    let columns = Columns {
        insert: insert(config),
        paths: paths
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| unusable(error.to_string()))?,
    };
    let database = prepare(sink, config, &columns).map_err(|error| unusable(error.to_string()))?;
    Ok((database, columns))
}

fn prepare(sink: &str, config: &SqliteConfig, columns: &Columns) -> Result<Connection> {
    let database = Connection::open(&config.path)?;
    database.busy_timeout(config.busy_timeout)?;
    let mode: String = database.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        let path = config.path.display();
        tracing::warn!(sink, %path, mode, "the database does not take a write-ahead log");
    }
    database.execute_batch(match config.synchronous {
        Synchronous::Full => "PRAGMA synchronous = FULL",
        Synchronous::Normal => "PRAGMA synchronous = NORMAL",
    })?;
    positions::create(&database)?;
    if config.create {
        database.execute_batch(&create(config))?;
    }
    drop(columns.prepare(&database)?);
    Ok(database)
}

/// Columns without a type: values are kept as they come.
fn create(config: &SqliteConfig) -> String {
    let columns: Vec<_> = names(config).collect();
    let (table, columns) = (quoted(&config.table), columns.join(", "));
    format!("CREATE TABLE IF NOT EXISTS {table} ({columns})")
}

fn insert(config: &SqliteConfig) -> String {
    let columns: Vec<_> = names(config).collect();
    let values = vec!["?"; columns.len()].join(", ");
    let (table, columns) = (quoted(&config.table), columns.join(", "));
    format!("INSERT INTO {table} ({columns}) VALUES ({values})")
}

fn names(config: &SqliteConfig) -> impl Iterator<Item = String> {
    let names = config.columns.keys().map(String::as_str);
    let whole = config.columns.is_empty().then_some("event");
    names.chain(whole).map(quoted)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Columns {
    pub(crate) fn prepare<'a>(&self, database: &'a Connection) -> Result<Statement<'a>> {
        database.prepare(&self.insert)
    }

    /// The values of a row; none if it is no event.
    pub(crate) fn values(&self, row: &[u8]) -> Option<Vec<Stored>> {
        let row = row.strip_suffix(b"\n").unwrap_or(row);
        if self.paths.is_empty() {
            return Some(vec![Stored::Text(
                String::from_utf8_lossy(row).into_owned(),
            )]);
        }
        let event = Event::parse(row).ok()?;
        Some(
            self.paths
                .iter()
                .map(|path| stored(event.get(path)))
                .collect(),
        )
    }

    pub(crate) fn insert(statement: &mut Statement<'_>, values: Vec<Stored>) -> Result<()> {
        statement.execute(params_from_iter(values)).map(drop)
    }
}
