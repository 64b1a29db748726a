//! A pool of workers that follows the load.
//!
//! A worker that is to go ends between two slices, when it holds no shard, and one that comes takes the
//! next ready shard like any other: so nothing moves, nothing is reordered and nobody waits. A
//! [`Controller`] decides how many there should be, from samples alone; a thread takes them ten times
//! a second. Where the number is fixed, there is no such thread.

mod controller;
#[cfg(test)]
mod controller_tests;
mod crew;
mod decision;
mod foreman;
mod meters;
mod sample;
mod smooth;
mod view;

pub use controller::Controller;
pub(crate) use crew::{Crew, Kit, Staff};
pub use decision::{Decision, Reason, Verdict};
pub(crate) use foreman::{Foreman, oversee};
pub(crate) use meters::{Meters, processor_time};
pub use sample::Sample;
pub use view::PoolView;

use std::time::Duration;

/// Between what and towards what the number of workers changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elastic {
    /// The fewest workers, at least 1.
    pub min: usize,
    /// How old the oldest waiting event may be before workers are added to work off what waits.
    pub target: Duration,
    /// Cores that the process may use: work that keeps one busy gains nothing from more workers.
    pub cores: usize,
}
