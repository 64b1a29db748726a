//! The disk buffer of a sink: records that it is owed, in order, kept until it has taken them.

mod journal;
mod mark;
mod view;

pub use journal::{Buffer, Kept, LEAST};
pub use mark::Mark;
pub use view::BufferView;
