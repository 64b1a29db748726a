use crate::look::{Measured, StageLook};
use crate::predict::STEADY;

/// With fewer batches than this, chance says too much.
const FEW: u64 = 500;

/// What whoever reads predictions from this should know.
pub(crate) fn notes(measured: &Measured) -> Vec<String> {
    let look = &measured.look;
    let mut notes = Vec::new();
    for pipeline in &look.pipelines {
        let name = &pipeline.pipeline;
        if pipeline.parked_shards > 0 {
            notes.push(format!(
                "shards of {name} waited for a sink: it is the sink that has to become faster, and nothing here says how fast it is"
            ));
        }
        if (1..FEW).contains(&pipeline.batches) {
            notes.push(format!(
                "{name} ran only {} batches: measure for longer, chance says much here",
                pipeline.batches
            ));
        }
        let untimed = |stage: &&StageLook| stage.events > 0 && stage.timed_events == 0;
        if let Some(stage) = pipeline.stages.iter().find(untimed) {
            notes.push(format!(
                "no event was timed in {}: its part is unknown and counts as decoding",
                stage.stage
            ));
        }
    }
    if look.on_core_seconds.is_none() {
        notes.push("it is not known for how much of their time workers need a core: it is taken that they need one for all of it".to_owned());
    }
    if !look.closed_loop && look.busy_seconds > STEADY * look.workers as f64 * measured.seconds {
        notes.push(
            "the workers were busy all the time: they may not have kept up when this was measured"
                .to_owned(),
        );
    }
    notes
}
