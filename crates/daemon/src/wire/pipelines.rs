//! Pipelines as the configuration describes them.

use std::sync::Arc;

use millpond_delivery::Ledger;
use millpond_engine::{Blueprint, LineStats};
use millpond_event::{Event, KeyPath, Path};
use millpond_runtime::{Hangs, PipelineSpec, Supervision, Tolerance};
use millpond_tap::Line;

use super::sinks::Sinks;
use crate::codec::JsonCodec;
use crate::config::{Config, DEAD_LETTERS, MissingKey, Pipeline, Place};
use crate::crashes::Crashes;
use crate::error::StartError;
use crate::hangs::{HangWatch, Watched};
use crate::kinds;
use crate::points::Points;

pub(super) fn line(
    pipeline: &Pipeline,
    sinks: &Sinks,
    points: &Points,
    crashes: &Arc<Crashes>,
) -> Result<PipelineSpec<JsonCodec>, StartError> {
    let blueprint = blueprint(pipeline, None)?;
    let missing =
        |name: &String| StartError::at(&pipeline.at, format!("there is no sink {name:?}"));
    let exits = pipeline
        .to
        .iter()
        .map(|name| sinks.exit(name).ok_or_else(|| missing(name)));
    Ok(PipelineSpec {
        ledger: Arc::new(Ledger::new(&*pipeline.name)),
        design: blueprint.into(),
        codec: Box::new(codec(pipeline, points.line(&pipeline.name))?),
        exits: exits.collect::<Result<_, _>>()?,
        dead_letters: sinks.exit(DEAD_LETTERS),
        supervision: Supervision {
            tolerance: Tolerance {
                max_poison: pipeline.max_poison,
                ..Tolerance::default()
            },
            keep_crash: Some(crashes.of(pipeline)),
        },
    })
}

/// What makes the codecs of a pipeline's shards.
pub(crate) fn codec(
    pipeline: &Pipeline,
    points: Option<Arc<Line>>,
) -> Result<impl Fn() -> JsonCodec + Send + Sync + use<>, StartError> {
    let required = match (&pipeline.key, pipeline.missing_key) {
        (Some(key), MissingKey::DeadLetter) => Some(
            Path::parse(key).map_err(|error| StartError::at(&pipeline.at, error.to_string()))?,
        ),
        _ => None,
    };
    Ok(move || JsonCodec::new(required.clone(), points.clone()))
}

/// The plan of a pipeline's line, which counts on where one before it did; also what `check` builds.
pub(crate) fn blueprint(
    pipeline: &Pipeline,
    before: Option<Arc<LineStats>>,
) -> Result<Blueprint<Event>, StartError> {
    let mut builder = Blueprint::builder().max_emit(pipeline.max_emit);
    if let Some(before) = before {
        builder = builder.counts_on(before);
    }
    let kinds = kinds::stages();
    for stage in &pipeline.stages {
        let factory = millpond_stages::build_of(&kinds, &stage.kind, stage.params.clone())
            .map_err(|error| StartError::config(&stage.at, error))?;
        builder = builder.stage(&*stage.name, factory);
    }
    for sink in &pipeline.to {
        builder = builder.exit(&**sink);
    }
    let blueprint = builder
        .build()
        .map_err(|error| StartError::at(&pipeline.at, error.to_string()))?;
    if blueprint.is_stateful() && pipeline.key.is_none() {
        let message = "a stage of this pipeline keeps state, which needs a `key`: without one, events go to any shard";
        return Err(StartError::at(&pipeline.at, message.to_owned()));
    }
    Ok(blueprint)
}

/// A pipeline's key, for the sources that feed it.
pub(crate) fn key(pipeline: &Pipeline) -> Result<Option<KeyPath>, StartError> {
    let place = Place {
        origin: pipeline.at.origin.clone(),
        key: format!("{}.key", pipeline.at.key),
    };
    let parse = |key: &String| {
        KeyPath::parse(key).map_err(|error| StartError::at(&place, error.to_string()))
    };
    pipeline.key.as_ref().map(parse).transpose()
}

/// What says on which event of a pipeline a worker hangs.
pub(super) fn hangs(
    config: &Config,
    hangs: Hangs,
    crashes: &Arc<Crashes>,
) -> Result<HangWatch, StartError> {
    let watched = |pipeline: &Pipeline| {
        let watched = Watched {
            key: key(pipeline)?,
            keep: crashes.of(pipeline),
        };
        Ok((pipeline.name.clone(), watched))
    };
    let pipelines = config.pipelines.iter().map(watched);
    let pipelines = pipelines.collect::<Result<_, StartError>>()?;
    Ok(HangWatch::new(hangs, config.runtime.hang, pipelines))
}
