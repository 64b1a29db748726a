//! Dead letters: events that were set aside, with where they came from and why.

mod batch;
mod filter;
mod index;
mod latest;
mod letter;
mod line;
mod look;
mod purge;
mod ranges;
mod record;
mod shelf;
mod store;

pub use filter::{Filter, FilterError};
pub use index::{Count, Group};
pub use latest::Glimpse;
pub use letter::{Class, Found, Id, Letter, Truncated};
pub use look::Letters;
pub use store::{DeadLetters, DeadLettersView};
