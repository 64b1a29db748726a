use std::sync::Arc;
use std::thread::{self, JoinHandle};

use millpond_delivery::{Ledger, SinkLedger, Totals};
use millpond_engine::Builder;
use millpond_queue::{Limits, monotonic_nanos, room};

use crate::{
    Exit, Feed, Options, Passthrough, PipelineSpec, Row, Runtime, RuntimeError, Supervision,
};

/// How much may wait for the sink, in events. The budget bounds the bytes.
const ROOM: u64 = 65_536;

/// One pipeline over a Rust type of one's own, in this process: a [`Feed`] at its head, stages on
/// workers, a closure at its end.
///
/// ```
/// use millpond_engine::{Blueprint, map};
/// use millpond_queue::Budget;
/// use millpond_runtime::{LocalPipeline, Options};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stages = Blueprint::builder().stage("double", map(|number: &mut u64| *number *= 2));
/// let options = Options::new(2, Budget::new(1 << 20));
/// let (pipeline, mut feed) =
///     LocalPipeline::start("numbers", &options, stages, |row| assert_eq!(row.item % 2, 0))?;
/// feed.push(vec![1, 2, 3]).map_err(|lost| format!("{lost} numbers lost"))?;
/// drop(feed); // the end of the input: everything ends by itself, in order
/// assert_eq!(pipeline.join()?.delivered, 3);
/// # Ok(())
/// # }
/// ```
pub struct LocalPipeline {
    ledger: Arc<Ledger>,
    runtime: Runtime,
    sink: JoinHandle<()>,
}

/// Why a [`LocalPipeline`] did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The stages do not make a line.
    #[error(transparent)]
    Blueprint(#[from] millpond_engine::BlueprintError),
    /// The runtime did not start.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The operating system gave no thread for the sink.
    #[error("could not start the sink of pipeline {pipeline:?}: {error}")]
    Thread {
        /// The pipeline.
        pipeline: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The closure at the end panicked; what it had not taken counts as dropped.
    #[error("the sink of pipeline {pipeline:?} panicked; {totals:?}")]
    SinkPanicked {
        /// The pipeline.
        pipeline: String,
        /// What its ledger says.
        totals: Box<Totals>,
    },
}

impl LocalPipeline {
    /// Starts the workers, and a thread that hands each row to `sink`: first to last, for each key in
    /// the order of the input. A row with a [`failure`](Row::failure) is one that a stage refused.
    ///
    /// # Errors
    /// [`LocalError`] when the stages do not make a line, a setting is out of range, or the system
    /// gives no threads.
    pub fn start<T: Clone + Send + 'static>(
        name: &str,
        options: &Options,
        stages: Builder<T>,
        mut sink: impl FnMut(Row<T>) + Send + 'static,
    ) -> Result<(Self, Feed<T>), LocalError> {
        let ledger = Arc::new(Ledger::new(name));
        let limits = Limits {
            events: ROOM,
            bytes: options.budget.capacity(),
        };
        let (sender, mut receiver) = room("sink", limits);
        let exit = |sink: &str| Exit::new(sender.clone(), Arc::new(SinkLedger::new(sink)));
        let spec = PipelineSpec {
            ledger: ledger.clone(),
            design: stages.exit("sink").build()?.into(),
            codec: Box::new(Passthrough::default),
            exits: vec![exit("sink")],
            dead_letters: Some(exit("dead_letters")),
            supervision: Supervision::default(),
        };
        drop(sender);
        let (runtime, intakes) = Runtime::start(options, vec![spec])?;
        let sink = thread::Builder::new()
            .name(format!("sink-{name}"))
            .spawn(move || {
                while let Some(parcel) = receiver.recv() {
                    let (rows, outbound) = (parcel.weight.events, parcel.open().0);
                    outbound.output.rows.into_iter().for_each(&mut sink);
                    outbound.receipt.confirm(monotonic_nanos());
                    receiver.done(rows);
                }
            })
            .map_err(|error| LocalError::Thread {
                pipeline: name.to_owned(),
                error,
            })?;
        let feeds = intakes
            .into_iter()
            .map(|intake| Feed::new(intake, ledger.clone(), options.budget.clone()));
        let pipeline = LocalPipeline {
            ledger: ledger.clone(),
            runtime,
            sink,
        };
        match feeds.last() {
            Some(feed) => Ok((pipeline, feed)),
            None => unreachable!("one pipeline has one intake"),
        }
    }

    /// The pipeline's ledger.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The runtime under it, for its views.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Waits until the feed has been dropped and every row is handed over; what became of the input.
    ///
    /// # Errors
    /// [`LocalError::SinkPanicked`].
    pub fn join(self) -> Result<Totals, LocalError> {
        // Without a deadline there is nothing that could be left.
        let _ = self.runtime.join(None);
        drop(self.runtime);
        let sink = self.sink.join();
        let totals = self.ledger.totals();
        sink.map(|()| totals.clone())
            .map_err(|_| LocalError::SinkPanicked {
                pipeline: self.ledger.name().to_owned(),
                totals: Box::new(totals),
            })
    }
}
