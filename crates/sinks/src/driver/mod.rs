//! What stands between a sink's room and its writer.

mod attempts;
mod hand;
mod handle;
mod letters;
mod pump;
mod refused;
mod state;

pub use handle::{Recourse, SinkControl, SinkHandle, spawn};
pub use letters::Letters;
pub(crate) use letters::unix_micros;
pub use state::{Circuit, ClosedReason, SinkState, SinkView};
