//! The disk buffer in front of a sink: a thread between two rooms. While the sink keeps up, rows pass
//! through memory; when it does not, all of them go to disk first, and come back in order.

mod answers;
mod feed;
mod feeder;
mod flights;
mod handle;
mod piece;
mod record;
mod spill;

pub use handle::{BufferControl, BufferHandle, Buffered, buffer};
