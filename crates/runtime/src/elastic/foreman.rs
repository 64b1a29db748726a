use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};

use millpond_queue::{Budget, ReadySet, monotonic_nanos};

use super::Elastic;
use super::controller::Controller;
use super::crew::Staff;
use super::decision::{Decision, Verdict};
use super::sample::Sample;
use super::view::PoolView;
use crate::error::RuntimeError;
use crate::view::{PipelineView, WorkersView};

/// How often a sample is taken.
const EVERY: Duration = Duration::from_millis(100);

/// Takes samples, asks the controller and carries out what it says.
pub(crate) struct Foreman {
    pub(crate) staff: Arc<dyn Staff>,
    pub(crate) pool: PoolView,
    pub(crate) workers: WorkersView,
    pub(crate) pipelines: Vec<PipelineView>,
    pub(crate) ready: Arc<ReadySet>,
    pub(crate) budget: Budget,
}

/// Starts the foreman's thread, which ends when what is returned is dropped.
pub(crate) fn oversee(foreman: Foreman, elastic: Elastic) -> Result<Sender<()>, RuntimeError> {
    let (leave, left) = channel();
    let controller = Controller::new(elastic, *foreman.pool.bounds().end());
    std::thread::Builder::new()
        .name("foreman".to_owned())
        .spawn(move || foreman.run(controller, &left))
        .map_err(RuntimeError::Foreman)?;
    Ok(leave)
}

impl Foreman {
    fn run(&self, mut controller: Controller, left: &Receiver<()>) {
        while left.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            let sample = self.sample();
            if let Some(verdict) = controller.look(&sample) {
                self.carry_out(sample.workers, verdict);
            }
        }
    }

    fn sample(&self) -> Sample {
        let now = monotonic_nanos();
        let mut sample = Sample {
            at: Duration::from_nanos(now),
            workers: self.workers.running(),
            busy: self.workers.busy_at(now),
            ready: self.ready.waiting(),
            overdrawn: self.budget.is_overdrawn(),
            on_core: self.workers.on_core(),
            process: self.workers.processor_time(),
            ..Sample::default()
        };
        for pipeline in &self.pipelines {
            let depth = pipeline.intake.depth();
            sample.received += pipeline.ledger.totals().received;
            sample.waiting += depth.events + pipeline.intake.arriving();
            sample.oldest = sample.oldest.max(depth.oldest);
            sample.parked += pipeline.parked_shards();
        }
        sample
    }

    fn carry_out(&self, from: usize, Verdict { to, reason }: Verdict) {
        if to == from {
            tracing::info!(
                workers = from,
                reason = reason.name(),
                "workers stay: {reason}"
            );
        } else if let Err(error) = self.staff.set(to) {
            tracing::error!(%error, from, to, "workers could not be added");
            return;
        } else {
            tracing::info!(from, to, reason = reason.name(), "workers change: {reason}");
        }
        self.pool.decided(Decision {
            at: SystemTime::now(),
            from,
            to,
            reason,
        });
    }
}
