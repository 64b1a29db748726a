//! The source `http`: an ingress that applications send their events to.
//!
//! A request goes through the files of this crate in this order, and each may refuse it:
//!
//! | file | what it decides |
//! |---|---|
//! | `source` | what listens, and how many connections there may be |
//! | `connection` | what a connection speaks, and when it is over |
//! | `request` | what becomes of a request, from its head to its answer |
//! | `format` | what the bytes of its body say, as lines of JSON |
//! | `outcome` | when its events are acknowledged |
//! | `reply` | what its sender hears |
//!
//! It stands apart from the other sources because of what it brings with it: whoever wants it passes [`KIND`] to
//! [`millpond_ingest::build_of`] with the other kinds.
//!
//! ```
//! let params = serde_json::json!({ "listen": "127.0.0.1:0" });
//! assert!(millpond_ingest::build_of(&[millpond_ingress::KIND], "http", params).is_ok());
//! ```

mod body;
mod config;
mod connection;
mod format;
mod outcome;
mod reply;
mod request;
mod source;

pub use config::{Ack, HttpConfig, KIND};
