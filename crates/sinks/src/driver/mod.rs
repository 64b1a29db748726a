//! What stands between a sink's room and its writer.

mod backoff;
mod hand;
mod handle;
mod pump;
mod state;

pub use handle::{Reopener, SinkHandle, spawn};
pub use state::{ClosedReason, SinkState, SinkView};
