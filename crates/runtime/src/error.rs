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
