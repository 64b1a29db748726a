//! What becomes of events that are set aside.

mod letter;
mod store;

pub use letter::{DeadLetter, SinkRow, Truncated};
pub use store::{DeadLetterConfig, DeadLetterStore, DeadLetterView, dead_letter_store};
