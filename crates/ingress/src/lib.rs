//! The source `http`: an ingress that applications send their events to.
//!
//! A request goes through the files of this crate in this order, and each may refuse it:
//!
//! | file | what it decides |
//! |---|---|
//! | `source` | what listens, and how many connections there may be |
//! | `peers` | how many of them one peer may have |
//! | `tls` | who can read along |
//! | `connection` | what a connection speaks, and when it is over |
//! | `framing` | whether two readers would find the same requests in it |
//! | `request` | what becomes of a request, from its head to its answer |
//! | `cors`, `auth` | who may send, and how much |
//! | `room`, `presence` | how much memory its body gets, and whether anybody still waits for that |
//! | `body`, `inflate` | how long a body may take, and how large it may become |
//! | `format` | what the bytes of its body say, as lines of JSON |
//! | `dedupe`, `memory` | which of them were taken in already |
//! | `outcome` | when its events are acknowledged |
//! | `reply`, `drain` | what its sender hears, and when to come again |
//!
//! It stands apart from the other sources because of what it brings with it: whoever wants it passes [`KIND`] to
//! [`millpond_ingest::build_of`] with the other kinds.
//!
//! ```
//! let params = serde_json::json!({ "listen": "127.0.0.1:0" });
//! assert!(millpond_ingest::build_of(&[millpond_ingress::KIND], "http", params).is_ok());
//! ```

mod auth;
mod body;
mod config;
mod connection;
mod cors;
mod dedupe;
mod drain;
mod feeds;
mod format;
mod framing;
#[cfg(fuzzing)]
pub mod fuzzing;
mod inflate;
mod memory;
mod outcome;
mod peers;
mod presence;
mod pulse;
mod reload;
mod reply;
mod request;
mod room;
mod source;
mod stream;
mod tls;

pub use auth::{KeyConfig, Scheme};
pub use config::{Ack, Check, DedupeConfig, HttpConfig, KIND, OnFull};
pub use cors::CorsConfig;
pub use millpond_ingress_formats::REASONS;
pub use tls::TlsConfig;
