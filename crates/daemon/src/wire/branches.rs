//! Parts of a source's input that go to some of its pipelines alone.

use std::collections::HashMap;
use std::sync::Arc;

use millpond_delivery::SourceLedger;
use millpond_ingest::{Branch, Inlet, Opened, Route};

use crate::config::Pipeline;
use crate::error::StartError;

/// A source that is open, and its ways.
pub(super) struct OpenedSource {
    pub(super) name: Arc<str>,
    pub(super) opened: Box<dyn Opened>,
    pub(super) ledger: Arc<SourceLedger>,
    /// Into all pipelines that read it.
    pub(super) routes: Vec<Route>,
    pub(super) branches: Vec<OpenBranch>,
}

/// A branch, and its ways.
pub(super) struct OpenBranch {
    branch: String,
    /// What its events come from: `SOURCE/BRANCH`, which no source is called.
    pub(super) name: Arc<str>,
    pub(super) routes: Vec<Route>,
}

impl OpenBranch {
    /// The branches of a source. `routes` are those to the pipelines that are wanted.
    pub(super) fn all(
        source: &str,
        branches: Vec<Branch>,
        routes: impl Fn(&dyn Fn(&Pipeline) -> bool) -> Result<Vec<Route>, StartError>,
    ) -> Result<Vec<Self>, StartError> {
        let open = |Branch { name, pipelines }| {
            let reads = |pipeline: &Pipeline| {
                pipelines.contains(&pipeline.name)
                    && pipeline.from.iter().any(|from| from == source)
            };
            Ok(OpenBranch {
                name: format!("{source}/{name}").into(),
                routes: routes(&reads)?,
                branch: name,
            })
        };
        branches.into_iter().map(open).collect()
    }
}

impl OpenedSource {
    /// The ways of the source and of its branches, by what their events come from; they are taken out of it.
    pub(super) fn take_routes(&mut self) -> Vec<(Arc<str>, Vec<Route>)> {
        let own = (self.name.clone(), std::mem::take(&mut self.routes));
        let branches = self.branches.iter_mut();
        let branches = branches.map(|one| (one.name.clone(), std::mem::take(&mut one.routes)));
        std::iter::once(own).chain(branches).collect()
    }

    /// The source, and an inlet for it and for each of its branches.
    pub(super) fn into_inlet(
        self,
        inlet: impl Fn(Arc<str>, Vec<Route>, Arc<SourceLedger>) -> Inlet,
    ) -> (Arc<str>, Box<dyn Opened>, Inlet) {
        let ledger = self.ledger;
        let branches = self.branches.into_iter();
        let branches =
            branches.map(|one| (one.branch, inlet(one.name, one.routes, ledger.clone())));
        let branches: HashMap<_, _> = branches.collect();
        let own = inlet(self.name.clone(), self.routes, ledger);
        (self.name, self.opened, own.with_branches(branches))
    }
}
