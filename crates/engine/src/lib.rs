//! The stage engine of Millpond: stages, the lines they form, and where events leave.
//!
//! A [`Stage`] looks at one event, changes it in place and says what becomes of it ([`Flow`]). A
//! [`Blueprint`] is the checked plan of a line of stages, with branches and named exits; each shard
//! gets its own [`Pipeline`] from it, so stages keep state without locks. The caller drives: it hands
//! in an event and the time, and takes what leaves through its [`Exits`].
//!
//! The crate is generic over the event type and does nothing else: no IO, no clock, no threads, no
//! channels, no format.
//!
//! ```
//! use millpond_engine::{Blueprint, Ended, Exits, Flow, StageError, Timestamp, stateless};
//!
//! let blueprint = Blueprint::<u64>::builder()
//!     .stage("even", stateless(|n: &mut u64, _| {
//!         Ok(if *n % 2 == 0 { Flow::Pass } else { Flow::Filter })
//!     }))
//!     .stage("halve", stateless(|n: &mut u64, out| {
//!         out.emit(*n / 2);
//!         Ok(Flow::Pass)
//!     }))
//!     .exit("numbers")
//!     .build()?;
//!
//! struct Print(Vec<u64>);
//! impl Exits<u64> for Print {
//!     fn exit(&mut self, _exit: usize, n: &mut u64) { self.0.push(*n) }
//!     fn failed(&mut self, _stage: usize, _error: StageError, _n: &mut u64) {}
//!     fn tick_failed(&mut self, _stage: usize, _error: StageError) {}
//! }
//!
//! let mut line = blueprint.line();
//! let mut print = Print(Vec::new());
//! assert_eq!(line.process(&mut 8, Timestamp(0), &mut print), Ended::Passed);
//! assert_eq!(line.process(&mut 7, Timestamp(0), &mut print), Ended::Filtered);
//! assert_eq!(print.0, [4, 8]);
//! # Ok::<(), millpond_engine::BlueprintError>(())
//! ```
//!
//! # How an event travels
//!
//! - Event by event through the whole line, in place: one event object serves a whole chunk.
//! - What a stage emits is released when its call returns `Ok`, and goes depth first to its end
//!   before the event in hand goes on. An `Err` takes the call's emissions back.
//! - An error concerns one event. The input's own fate is [`Ended`]; a derived event that fails is
//!   given to [`Exits::failed`], and the others go on.
//! - At most `max_emit` events are derived from one input, or the stage that exceeds it fails.
//! - Branches and exits are [`Port`]s, resolved when the line is built. Branches form no circle.
//! - Ended events are kept as spares ([`Output::spare`]), so a line that emits allocates nothing once
//!   it runs.
//!
//! Per-stage counters are plain integers of the line until it publishes them ([`LineStats`]).

mod blueprint;
mod builder;
mod cursor;
mod error;
mod factory;
mod onlook;
mod output;
mod pipeline;
mod plan;
mod stage;
mod state;
mod stats;

pub use blueprint::Blueprint;
pub use builder::{Branch, Builder};
pub use cursor::Cursor;
pub use error::{BlueprintError, LoadError};
pub use factory::{StageFactory, factory, filter, map, stage_fn, stateless};
pub use output::{Output, Port};
pub use pipeline::{Ended, Exits, Pipeline};
pub use stage::{Flow, Reason, Stage, StageError, Timestamp};
pub use stats::{LineStats, StageCounts};
