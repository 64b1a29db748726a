/// Why a runtime did not start.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// There must be at least one worker and one shard.
    #[error("{what} is 0, expected at least 1")]
    Zero {
        /// Which setting.
        what: &'static str,
    },
    /// A pipeline's line leads to other exits than it was given.
    #[error("pipeline {pipeline:?} has {given} sinks, but its line leads to {wanted}")]
    Exits {
        /// The pipeline.
        pipeline: String,
        /// Exits given.
        given: usize,
        /// Exits of the blueprint.
        wanted: usize,
    },
    /// A number of workers that the pool has no place for.
    #[error("{wanted} workers are wanted, expected 1 to {max}")]
    Workers {
        /// What was asked for.
        wanted: usize,
        /// The most there can be.
        max: usize,
    },
    /// A number of workers that does not change.
    #[error(
        "there are {workers} workers, each with a process of its own, and their number stays as it is"
    )]
    Fixed {
        /// How many there are.
        workers: usize,
    },
    /// The process that a worker is to have does not start.
    #[error("the process of a worker did not start: {0}")]
    Process(std::io::Error),
    /// The operating system gave no thread to watch the workers from.
    #[error("could not start the thread that watches the load: {0}")]
    Foreman(std::io::Error),
    /// The operating system gave no thread.
    #[error("could not start worker {worker}: {error}")]
    Thread {
        /// Which worker.
        worker: usize,
        /// What the system said.
        error: std::io::Error,
    },
}
