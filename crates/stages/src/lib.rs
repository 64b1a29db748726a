//! The built-in stages of Millpond, over [`millpond_event::Event`].
//!
//! A stage is configured by a table: its `type` names the [`Kind`], the other keys are its parameters.
//! [`kinds`] lists what there is, each with an example and a schema; [`build`] makes a factory of a
//! table, to be put into a [`Blueprint`](millpond_engine::Blueprint).
//!
//! ```
//! use millpond_engine::{Blueprint, Ended, Exits, StageError, Timestamp};
//! use millpond_event::Event;
//! use serde_json::json;
//!
//! struct Lines(Vec<u8>);
//! impl Exits<Event> for Lines {
//!     fn exit(&mut self, _exit: usize, event: &mut Event) { event.write_to(&mut self.0) }
//!     fn failed(&mut self, _stage: usize, _error: StageError, _event: &mut Event) {}
//!     fn tick_failed(&mut self, _stage: usize, _error: StageError) {}
//! }
//!
//! let clicks = millpond_stages::build("filter", json!({ "field": "type", "equals": "click" }))?;
//! let forget = millpond_stages::build("remove", json!({ "fields": ["context.ip"] }))?;
//! let blueprint = Blueprint::builder()
//!     .stage("clicks", clicks)
//!     .stage("forget", forget)
//!     .exit("out")
//!     .build()?;
//!
//! let mut event = Event::parse(br#"{"type":"click","context":{"ip":"10.0.0.1","page":"/"}}"#)?;
//! let mut lines = Lines(Vec::new());
//! assert_eq!(blueprint.line().process(&mut event, Timestamp(0), &mut lines), Ended::Passed);
//! assert_eq!(lines.0, br#"{"type":"click","context":{"page":"/"}}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod condition;
mod config;
mod delay;
mod explode;
mod fail;
mod filter;
mod kinds;
mod lookup;
mod map;
mod noop;
mod number;
mod path_name;
mod remove;
mod rename;
mod sample;
mod set;
#[cfg(test)]
mod testing;
mod work;

pub use condition::{Condition, ConditionConfig};
pub use config::{ConfigError, parse};
pub use kinds::{Factory, Kind, build, build_of, kinds};
