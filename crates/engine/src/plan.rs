use std::sync::Arc;

use crate::LineStats;
use crate::output::At;

/// A checked blueprint, flattened: all stages of all branches in one row, shared by all lines.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Stage names by id.
    pub(crate) names: Vec<String>,
    pub(crate) stateful: Vec<bool>,
    /// Where an event goes after each stage.
    pub(crate) next: Vec<At>,
    /// Where an input begins.
    pub(crate) entry: At,
    /// Lists of exits: one for each line's end, then one for each exit by itself (a port's target).
    pub(crate) leaves: Vec<Vec<usize>>,
    /// Stage ids such that each comes before all that it can send to.
    pub(crate) order: Vec<usize>,
    pub(crate) stats: Arc<LineStats>,
}
