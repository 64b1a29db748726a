//! Sends spans to a collector: OTLP over HTTP, as protobuf.
//!
//! [`start`] gives a layer for `tracing`'s registry, which turns spans into those of OpenTelemetry as they end, and the
//! [`Exporter`], which sends them from a thread of its own. Whoever ends a span never waits: what finds [`QUEUE`] spans
//! waiting is dropped and counted.
//!
//! The work is done by `tracing-opentelemetry`, `opentelemetry_sdk` and `opentelemetry-otlp`, without gRPC and without an
//! executor; the requests by `ureq`, as those of the sink `http`.

mod client;
mod counted;
mod error;
mod export;

pub use counted::Counts;
pub use error::OtlpError;
pub use export::{Exporter, Options, SpanLayer, start};

/// So many spans may wait to be sent, those on their way to the collector among them.
pub const QUEUE: usize = 4096;
