use serde::{Deserialize, Serialize};

use crate::error::PlanError;
use crate::spread::Spread;

/// What a daemon's `/api/v1/service` shows: numbers that grow. Two of them tell what was between.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Look {
    /// Since the daemon began.
    pub uptime_seconds: f64,
    /// Cores that it may use.
    pub cores: usize,
    /// Workers that run.
    pub workers: usize,
    /// Time that workers spent on shards.
    pub busy_seconds: f64,
    /// Time of that on a core, or waiting for one, where it is counted.
    pub on_core_seconds: Option<f64>,
    /// Time of the whole process on a core, where the system tells.
    pub process_seconds: Option<f64>,
    /// The byte budget.
    pub budget_bytes: u64,
    /// Connections that are open, or files.
    pub connections: u64,
    /// Events that sources took in.
    pub received_events: u64,
    /// Bytes of them.
    pub received_bytes: u64,
    /// The next batch came when one was done with: when batches come, and how often, was not measured.
    #[serde(default)]
    pub closed_loop: bool,
    /// The pipelines.
    pub pipelines: Vec<PipelineLook>,
}

/// What it takes to run a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct PipelineLook {
    /// Its name.
    pub pipeline: String,
    /// Whether a key decides which shard an event goes to.
    pub keyed: bool,
    /// How often something came.
    pub arrivals: u64,
    /// Batches run: with a key, what comes is split into one for each of several shards.
    pub batches: u64,
    /// Events in them.
    pub events: u64,
    /// Bytes that they pinned.
    pub bytes: u64,
    /// The sum of the squares of their events, modulo 2^64, like the next.
    pub event_squares: u64,
    /// The sum of their events, each times the nanoseconds of its batch.
    pub event_nanos: u64,
    /// How long each took.
    pub took: Spread,
    /// How long each waited.
    pub waited: Spread,
    /// How long those waited for which a worker had to wake.
    pub woke: Spread,
    /// Of [`PipelineLook::took`] the time for those: caches are cold then.
    pub woken_seconds: f64,
    /// Time that workers spent on each shard, in seconds.
    pub shards: Vec<f64>,
    /// Shards that wait for a sink at this moment.
    pub parked_shards: u64,
    /// Its stages, in order.
    pub stages: Vec<StageLook>,
}

/// What a stage takes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct StageLook {
    /// Its name.
    pub stage: String,
    /// Events that came to it.
    pub events: u64,
    /// Those whose time was taken.
    pub timed_events: u64,
    /// Their time.
    pub timed_seconds: f64,
}

/// What was between two looks: as many counts, none of which began before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// How long it was measured.
    pub seconds: f64,
    /// The counts.
    #[serde(flatten)]
    pub look: Look,
}

impl Look {
    /// What was since `earlier`.
    ///
    /// # Errors
    /// [`PlanError`] if nothing was run meanwhile, or the two are not of one run of a daemon.
    pub fn since(&self, earlier: &Look) -> Result<Measured, PlanError> {
        let seconds = self.uptime_seconds - earlier.uptime_seconds;
        let look = self.less(earlier).filter(|_| seconds > 0.0);
        let look = look.ok_or(PlanError::Restarted)?;
        if look.pipelines.iter().all(|one| one.took.count() == 0) {
            let seconds = seconds as u64;
            return Err(PlanError::Idle { seconds });
        }
        Ok(Measured { seconds, look })
    }

    fn less(&self, earlier: &Look) -> Option<Look> {
        let none = PipelineLook::default();
        let pipelines = self.pipelines.iter().map(|one| {
            let same = |other: &&PipelineLook| other.pipeline == one.pipeline;
            one.less(earlier.pipelines.iter().find(same).unwrap_or(&none))
        });
        Some(Look {
            busy_seconds: self.busy_seconds - earlier.busy_seconds,
            on_core_seconds: between(self.on_core_seconds, earlier.on_core_seconds),
            process_seconds: between(self.process_seconds, earlier.process_seconds),
            received_events: self.received_events.checked_sub(earlier.received_events)?,
            received_bytes: self.received_bytes.checked_sub(earlier.received_bytes)?,
            pipelines: pipelines.collect::<Option<_>>()?,
            ..self.clone()
        })
    }
}

impl PipelineLook {
    fn less(&self, earlier: &PipelineLook) -> Option<PipelineLook> {
        let shards = self.shards.iter().enumerate().map(|(at, seconds)| {
            let before = earlier.shards.get(at).copied().unwrap_or(0.0);
            (seconds - before).max(0.0)
        });
        let stages = self.stages.iter().map(|stage| {
            let none = StageLook::default();
            // A reload may have changed which there are.
            let mut known = earlier.stages.iter();
            let before = known.find(|before| before.stage == stage.stage);
            let before = before.unwrap_or(&none);
            Some(StageLook {
                stage: stage.stage.clone(),
                events: stage.events.checked_sub(before.events)?,
                timed_events: stage.timed_events.checked_sub(before.timed_events)?,
                timed_seconds: (stage.timed_seconds - before.timed_seconds).max(0.0),
            })
        });
        Some(PipelineLook {
            pipeline: self.pipeline.clone(),
            keyed: self.keyed,
            arrivals: self.arrivals.checked_sub(earlier.arrivals)?,
            batches: self.batches.checked_sub(earlier.batches)?,
            events: self.events.checked_sub(earlier.events)?,
            bytes: self.bytes.checked_sub(earlier.bytes)?,
            event_squares: self.event_squares.wrapping_sub(earlier.event_squares),
            event_nanos: self.event_nanos.wrapping_sub(earlier.event_nanos),
            took: self.took.since(&earlier.took)?,
            waited: self.waited.since(&earlier.waited)?,
            woke: self.woke.since(&earlier.woke)?,
            woken_seconds: (self.woken_seconds - earlier.woken_seconds).max(0.0),
            shards: shards.collect(),
            parked_shards: self.parked_shards.max(earlier.parked_shards),
            stages: stages.collect::<Option<_>>()?,
        })
    }
}

fn between(later: Option<f64>, earlier: Option<f64>) -> Option<f64> {
    Some((later? - earlier?).max(0.0))
}
