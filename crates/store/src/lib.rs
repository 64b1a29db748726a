//! What Millpond keeps on disk beside its journal, on journals of its own. It knows nothing of JSON
//! events, sources or sinks.
//!
//! [`dead_letters`] are events that were set aside. They are kept in two journals, since those who
//! send junk must not be able to push out what was accepted: *rejects*, which nobody could read as
//! an event, give way to newer ones when there are too many; *accepted* events, which failed later,
//! are never deleted by themselves, and a store that is full of them takes no more.
//!
//! A [`buffer`] keeps what a sink is owed while it cannot take it: records in order, each let go of once it
//! is delivered.
//!
//! ```
//! use millpond_store::{Class, DeadLetters, Filter, Letter, Letters};
//!
//! # let folder = tempfile::tempdir()?;
//! let store = DeadLetters::open(folder.path(), 1 << 30)?;
//! let mut record = Vec::new();
//! Letter {
//!     class: Class::Accepted,
//!     pipeline: "clicks",
//!     stage: "explode",
//!     reason: "not_an_array",
//!     event: br#"{"items":1}"#,
//!     ..Letter::default()
//! }
//! .write_record(&mut record);
//! store.append([&record[..]])?;
//! store.sync()?;
//!
//! let mut reasons = Vec::new();
//! Letters::open(folder.path())?.each(&Filter::default(), |found| {
//!     reasons.push(found.letter.reason.to_owned());
//!     Ok::<_, millpond_store::Error>(true)
//! })?;
//! assert_eq!(reasons, ["not_an_array"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod buffer;
pub mod dead_letters;
mod error;

pub use buffer::{Buffer, BufferView, Kept};
pub use dead_letters::{
    Class, Count, DeadLetters, DeadLettersView, Filter, FilterError, Found, Glimpse, Group, Id,
    Letter, Letters, Truncated,
};
pub use error::{Error, NotTaken, Result};
