use std::sync::Arc;

use crate::cursor::{Cursor, Running};
use crate::plan::Plan;
use crate::{LineStats, Output, Pipeline, Port, StageFactory, builder::Builder};

/// The checked plan of a line: named stages, branches and exits, from which each shard gets its own
/// [`Pipeline`].
pub struct Blueprint<E> {
    pub(crate) plan: Arc<Plan>,
    pub(crate) exits: Vec<String>,
    /// By stage id, each with the ports it asked for.
    pub(crate) factories: Vec<(Box<dyn StageFactory<E>>, Vec<Port>)>,
    pub(crate) max_emit: u32,
    pub(crate) clean: Option<fn(&mut E)>,
}

impl<E> Blueprint<E> {
    /// Begins a plan.
    pub fn builder() -> Builder<E> {
        Builder::new()
    }

    /// The names of all exits; an exit's index is its position here.
    #[must_use]
    pub fn exits(&self) -> &[String] {
        &self.exits
    }

    /// The names of all stages, branches included; a stage's id is its position here.
    #[must_use]
    pub fn stage_names(&self) -> &[String] {
        &self.plan.names
    }

    /// The counters of all lines together.
    #[must_use]
    pub fn stats(&self) -> &Arc<LineStats> {
        &self.plan.stats
    }

    /// Whether any stage keeps state.
    #[must_use]
    pub fn is_stateful(&self) -> bool {
        self.plan.stateful.contains(&true)
    }

    /// A new line with its own instance of every stage.
    #[must_use]
    pub fn line(&self) -> Pipeline<E> {
        self.line_with(Arc::default())
    }

    /// A new line that keeps `cursor` up to date, which no other line may use at the same time.
    #[must_use]
    pub fn line_with(&self, cursor: Arc<Cursor>) -> Pipeline<E> {
        let stages = self
            .factories
            .iter()
            .map(|(factory, ports)| factory.build(ports))
            .collect();
        let out = Output::new(self.max_emit, self.clean);
        cursor.set(Running::Idle);
        Pipeline::new(Arc::clone(&self.plan), stages, out, cursor)
    }
}

impl<E> std::fmt::Debug for Blueprint<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blueprint")
            .field("stages", &self.plan.names)
            .field("exits", &self.exits)
            .field("max_emit", &self.max_emit)
            .finish_non_exhaustive()
    }
}
