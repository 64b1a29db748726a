use serde::Serialize;

use crate::look::{Measured, PipelineLook};

/// Where the workers' time goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The pipeline.
    pub pipeline: String,
    /// The stage; none for what is not a stage's: decoding, encoding, handing over.
    pub stage: Option<String>,
    /// Its part of all the time that workers spend on shards.
    pub share: f64,
    /// Microseconds for an event that comes to it.
    pub micros: f64,
}

/// All parts, the largest first.
pub(crate) fn parts(measured: &Measured) -> Vec<Part> {
    let look = &measured.look;
    let all: f64 = look.pipelines.iter().map(spent).sum();
    let mut parts: Vec<Part> = look
        .pipelines
        .iter()
        .flat_map(|pipeline| of(pipeline, all.max(f64::MIN_POSITIVE)))
        .collect();
    parts.sort_by(|a, b| b.share.total_cmp(&a.share));
    parts
}

fn of(pipeline: &PipelineLook, all: f64) -> Vec<Part> {
    let spent = spent(pipeline);
    let stages = pipeline.stages.iter().map(|stage| {
        let each = stage.timed_seconds / stage.timed_events.max(1) as f64;
        (Some(stage.stage.clone()), each, stage.events)
    });
    let mut stages: Vec<_> = stages.collect();
    let known: f64 = stages
        .iter()
        .map(|(_, each, events)| each * *events as f64)
        .sum();
    // Only some of the events are timed: together they cannot be more than all.
    let scale = if known > spent { spent / known } else { 1.0 };
    let rest = (spent - known).max(0.0) / pipeline.events.max(1) as f64;
    for (_, each, _) in &mut stages {
        *each *= scale;
    }
    stages.push((None, rest, pipeline.events));
    let part = |(stage, each, events): (Option<String>, f64, u64)| Part {
        pipeline: pipeline.pipeline.clone(),
        stage,
        share: each * events as f64 / all,
        micros: each * 1e6,
    };
    stages.into_iter().map(part).collect()
}

fn spent(pipeline: &PipelineLook) -> f64 {
    pipeline
        .shards
        .iter()
        .sum::<f64>()
        .max(pipeline.took.seconds)
}
