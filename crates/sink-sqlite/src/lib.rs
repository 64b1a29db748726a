//! The sink `sqlite`: rows go into a table, and how far they go into another, in one transaction. So with a
//! journal in front every row is there once, whatever happens.
//!
//! It stands apart from the other sinks because it brings SQLite itself: whoever wants it passes
//! [`KIND`] to [`millpond_sinks::build`] with the other kinds.
//!
//! ```
//! let params = serde_json::json!({ "path": "out.sqlite", "table": "clicks" });
//! let sink = millpond_sinks::build(&[millpond_sink_sqlite::KIND], "sqlite", params)?;
//! assert!(sink.path().is_some_and(|path| path.ends_with("out.sqlite")));
//! # Ok::<(), millpond_sinks::ConfigError>(())
//! ```

mod config;
mod database;
mod error;
mod positions;
mod values;
mod writer;

pub use config::{KIND, SqliteConfig, Synchronous};
/// SQLite as it is built in here, for whoever looks at what was written.
pub use rusqlite;
