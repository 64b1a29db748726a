//! The way out of a Millpond pipeline: encoders, which workers run, and writers, each behind a
//! bounded room on a thread of its own.
//!
//! A configuration names a sink's [kind](kinds); [`build`] checks its table, [`Sink::open`] opens
//! the destination and gives a [`Writer`], and [`spawn`] runs that writer until its room is closed
//! and empty. The driver in between promises:
//!
//! - rows are delivered in order, and their receipts confirmed only after a flush behind them;
//! - what fails is tried again, with growing pauses, for as long as it takes or as often as the
//!   configuration says; what was surely written is not written again;
//! - what the destination refuses for good is set aside, and holds up nothing else;
//! - whatever happens, panics included, every receipt is answered: nobody upstream waits for ever,
//!   and no event counts as delivered because it was forgotten.
//!
//! A sink that is to keep rows on disk while it cannot take them has a [`buffer()`] in front.
//!
//! The destinations: standard output ([`StdoutConfig`]), files ([`FileConfig`]), TCP
//! ([`TcpConfig`]), HTTP ([`HttpConfig`]), nothing at all ([`BlackholeConfig`]), and the bounded store of dead letters
//! ([`dead_letter_writer`]).
//!
//! ```
//! use std::sync::Arc;
//! use millpond_delivery::{Consignment, Lane, Ledger, Outbound, SinkLedger};
//! use millpond_event::Records;
//! use millpond_queue::{Limits, Parcel, Spares, Weight, room};
//! use millpond_sinks::{build, kinds, spawn};
//!
//! let writer = build(kinds(), "blackhole", serde_json::json!({}))?.open("nowhere", None)?;
//! let ledger = Arc::new(SinkLedger::new("nowhere"));
//! let (sender, receiver) = room("nowhere", Limits { events: 100, bytes: 1 << 20 });
//! let sink = spawn("nowhere", receiver, Spares::new(8, 1 << 20), writer, ledger.clone(), Default::default(), |_| ())?;
//!
//! let mut rows = Records::default();
//! rows.push(0, |out| out.extend_from_slice(b"{}\n"));
//! let receipt = Consignment::open(&Arc::new(Ledger::new("p"))).receipt(&ledger, 1, true, 0);
//! let weight = Weight { events: 1, bytes: rows.capacity() as u64 };
//! let lane = Lane { pipeline: "p".into(), shard: 0 };
//! sender.try_send(Parcel::new(Outbound { output: rows, lane, receipt }, weight)).expect("space");
//!
//! drop(sender);
//! sink.join()?;
//! assert_eq!((ledger.totals().delivered, ledger.totals().live), (1, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod append;
mod blackhole;
mod buffer;
mod config;
mod dead_letter;
mod driver;
mod encoder;
mod error;
mod file;
mod http;
mod kinds;
mod marks;
mod options;
mod pace;
mod retry;
mod rows;
mod sink;
mod stdout;
mod tcp;
#[cfg(test)]
mod testing;
mod writer;

pub use blackhole::BlackholeConfig;
pub use buffer::{BufferControl, BufferHandle, Buffered, buffer};
pub use config::ConfigError;
pub use dead_letter::{DeadLetterConfig, dead_letter_writer};
pub use driver::{
    Circuit, ClosedReason, Letters, Recourse, SinkControl, SinkHandle, SinkState, SinkView, spawn,
};
pub use encoder::{Encoder, NdJson};
pub use error::SinkError;
pub use file::{FileConfig, RotateConfig};
pub use http::{BatchConfig, HeaderConfig, HttpConfig};
pub use kinds::{Kind, build, kinds, own};
pub use marks::{Fresh, Marks, Reached, Skipped};
pub use options::{BufferOptions, OnFull, QueueOptions, SinkOptions};
pub use retry::RetryOptions;
pub use rows::{Place, Rows};
pub use sink::Sink;
pub use stdout::StdoutConfig;
pub use tcp::TcpConfig;
pub use writer::{WriteError, Writer};
