//! Takes over what has changed in the configuration while everything runs: the stages of pipelines.

use std::sync::{Arc, Mutex, PoisonError};

use millpond_admin::NotReloaded;
use millpond_engine::Blueprint;
use millpond_event::Event;
use millpond_runtime::process::Processes;
use millpond_runtime::{Design, PipelineView, RuntimeError};

use crate::config::{self, Config, Inputs, Pipeline, changes};
use crate::crashes::Crashes;
use crate::error::StartError;
use crate::{wire, worker};

/// What of a pipeline may change while it runs.
const LIVE: [&str; 2] = ["stages", "max_emit"];

/// Reads the configuration again, one time after another.
pub(crate) struct Reloader {
    inputs: Inputs,
    runs: Designs,
    /// What runs was made of this.
    present: Mutex<Config>,
}

/// What runs and can be given another plan.
pub(crate) struct Designs {
    /// In the order of the configuration.
    pub(crate) pipelines: Vec<(Design<Event>, PipelineView)>,
    pub(crate) crashes: Arc<Crashes>,
    /// How the processes of workers are started, if each has one.
    pub(crate) processes: Option<Processes>,
    /// See [`Options::output_bytes`](millpond_runtime::Options::output_bytes).
    pub(crate) output_bytes: u64,
}

impl Reloader {
    /// For what runs as `config` says, which was read from `inputs`.
    pub(crate) fn new(inputs: Inputs, config: Config, runs: Designs) -> Self {
        Reloader {
            inputs,
            runs,
            present: Mutex::new(config),
        }
    }

    /// Takes over what has changed, all of it or nothing: the keys. Reads files, and may take as long as that.
    pub(crate) fn reload(&self) -> Result<Vec<String>, NotReloaded> {
        // Replaced as a whole, at the end.
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        let next = config::load(&self.inputs)
            .map_err(|problems| NotReloaded::Invalid(problems.to_string()))?;
        let changed = changes(&present.tree, &next.tree);
        if changed.is_empty() {
            return Ok(changed);
        }
        let fixed: Vec<_> = changed.iter().filter(|key| !is_live(key)).collect();
        if !fixed.is_empty() {
            let message = format!(
                "{fixed:?} changed, which needs a restart; expected changes in `stages` and `max_emit` of pipelines \
                 only. Nothing was taken over"
            );
            return Err(NotReloaded::Conflict(message));
        }
        self.runs
            .take_over(&present, &next)
            .map_err(|error| NotReloaded::Invalid(error.to_string()))?;
        *present = next;
        tracing::info!(?changed, "the configuration was reloaded");
        Ok(changed)
    }
}

/// Whether a key is one of a pipeline that may change.
fn is_live(key: &str) -> bool {
    let rest = key.strip_prefix("pipelines.");
    let last = rest.and_then(|rest| rest.rsplit_once('.'));
    last.is_some_and(|(_, last)| LIVE.contains(&last))
}

impl Designs {
    /// Goes over from one configuration to another with the same pipelines. Builds everything before anything
    /// changes.
    fn take_over(&self, before: &Config, after: &Config) -> Result<(), StartError> {
        let pipelines = before.pipelines.iter().zip(&after.pipelines);
        let changed = self.pipelines.iter().zip(pipelines);
        let changed = changed.filter_map(|(runs, (before, after))| {
            // A new process makes new lines of them all.
            let renewed = self.processes.is_some() || before != after;
            renewed.then_some((runs, after))
        });
        let changed: Vec<_> = changed.collect();
        let built = changed
            .iter()
            .map(|((design, _), pipeline)| build(design, pipeline))
            .collect::<Result<Vec<_>, _>>()?;
        let hello = match (&self.processes, &after.runtime.apart) {
            (Some(processes), Some(apart)) => {
                let processes = Processes {
                    hello: worker::hello(after, apart)?,
                    ..processes.clone()
                };
                // What builds here need not build there.
                processes
                    .try_one(self.output_bytes)
                    .map_err(RuntimeError::Process)?;
                Some(processes.hello)
            }
            _ => None,
        };
        for (((design, view), pipeline), blueprint) in changed.into_iter().zip(built) {
            self.crashes.know(pipeline);
            design
                .replace(blueprint, hello.clone())
                .map_err(|error| StartError::at(&pipeline.at, error.to_string()))?;
            view.brake().wake();
        }
        Ok(())
    }
}

fn build(design: &Design<Event>, pipeline: &Pipeline) -> Result<Blueprint<Event>, StartError> {
    let blueprint = wire::blueprint(pipeline, Some(design.stats()))?;
    design
        .takes(&blueprint)
        .map_err(|error| StartError::at(&pipeline.at, error.to_string()))?;
    Ok(blueprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_pipelines_do_with_an_event_may_change() {
        for key in ["pipelines.a.stages", "pipelines.a.b.max_emit"] {
            assert!(is_live(key), "{key}");
        }
        for key in [
            "pipelines.a",
            "pipelines.stages",
            "pipelines.a.key",
            "pipelines.a.to",
            "sinks.a.stages",
            "stages",
        ] {
            assert!(!is_live(key), "{key}");
        }
    }
}
