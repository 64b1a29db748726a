//! Sources: what brings events into a Millpond pipeline, and the one place where anything waits.
//!
//! A source reads bytes, finds the lines in them and hands each chunk of whole lines, with a ticket
//! that knows how many events it stands for, to the pipelines that read the source. It takes a
//! permit for the memory *before* it reads; a budget that is used up is how a slow pipeline slows
//! its senders, and nothing is dropped for it.
//!
//! | kind | what it reads |
//! |---|---|
//! | [`tcp`](TcpConfig) | newline-framed events from many connections |
//! | [`stdin`](StdinConfig) | standard input, to its end |
//! | [`file`](FileConfig) | files, to their end or followed as they grow |
//! | [`demo`](DemoConfig) | synthetic shoppers, seeded and reproducible |
//!
//! What holds for all of them:
//!
//! - A connection or file is a *partition* with a number of its own, in which events are counted by
//!   sequence and placed by byte offset. Blank lines are no events; a last line without a newline
//!   is one.
//! - A line longer than the source's `max_line` is read to its end, and goes on as one refused event
//!   with its length, its hash and its first bytes: received, counted and dead-lettered as any
//!   other.
//! - A chunk is charged to the budget by the capacity of its buffer, not by its length.
//! - Told to [`stop`], a source hands on every whole line it has read, lets go of the half line
//!   behind them, and ends: what went in is a prefix of each partition at a line's end.
//! - It ends by dropping its [`Inlet`], and with it its [`Route`]s. There is no stop message.
//!
//! Sources that bring much with them are crates of their own: they are given to [`build_of`] with the others, and are
//! made of the same parts ([`Feed`], [`listener`], [`settings`]).
//!
//! A source on its own, with a pipeline that only takes parcels out of its mailboxes:
//!
//! ```
//! use std::sync::Arc;
//! use millpond_delivery::{Ledger, SourceLedger};
//! use millpond_event::BufferPool;
//! use millpond_ingest::{Inlet, Route, build, stop};
//! use millpond_queue::{Budget, Limits, ReadySet, mailboxes};
//!
//! let ready = Arc::new(ReadySet::new(1));
//! let limits = Limits { events: 1 << 20, bytes: 64 << 20 };
//! let (intake, mut boxes) = mailboxes("clicks", ready, 0, 1, 1024, limits);
//! let route = Route { intake, ledger: Arc::new(Ledger::new("clicks")), key: None, arrears: None };
//! let (_handle, stop) = stop();
//! let inlet = Inlet::new(
//!     "shop".into(),
//!     vec![route],
//!     Budget::new(64 << 20),
//!     BufferPool::new(256 << 10, || 16 << 20),
//!     Arc::new(SourceLedger::new("shop")),
//!     stop,
//! );
//!
//! let source = build("demo", serde_json::json!({ "rate": 0, "events": 1000 }))?;
//! futures_lite::future::block_on(async { source.open().await?.run(inlet).await })?;
//!
//! let mut events = 0;
//! while let Some(parcel) = boxes[0].take() {
//!     events += parcel.item.batch.len();
//! }
//! assert_eq!(events, 1000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catch_up;
mod config;
mod demo;
mod error;
mod feed;
mod file;
mod flag;
mod idle;
mod inlet;
mod lease;
mod lines;
pub mod listener;
mod resume;
mod routes;
pub mod settings;
mod source;
mod stdin;
mod stop;
mod tcp;
mod traced;

pub use config::{ConfigError, Kind, build, build_of, kinds};
pub use demo::{Burst, DemoConfig, Shoppers};
pub use error::SourceError;
pub use feed::{Feed, Taken, unix_micros};
pub use file::{FileConfig, Paths};
pub use idle::Idle;
pub use inlet::{Closed, Ended, Inlet, JournalWay, Onlooker};
pub use lease::Lease;
pub use resume::{Resume, Resumed, is_file};
pub use routes::{Route, Routes};
pub use source::{BoxFuture, Branch, Opened, Source};
pub use stdin::StdinConfig;
pub use stop::{Stop, StopHandle, Stopped, Wake, WakePipe, stop};
pub use tcp::TcpConfig;
