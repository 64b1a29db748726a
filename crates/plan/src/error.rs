/// Why nothing can be predicted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing was run.
    #[error(
        "{seconds} s went by without a batch run to its end: nothing to plan with; expected traffic meanwhile"
    )]
    Idle {
        /// For how long.
        seconds: u64,
    },
    /// Another daemon, or the same one anew.
    #[error("the daemon was started anew between two looks, expected one run")]
    Restarted,
    /// A number that cannot be.
    #[error("{what} is {value}, expected {expected}")]
    Ask {
        /// Which.
        what: &'static str,
        /// What was asked for.
        value: String,
        /// What would do.
        expected: &'static str,
    },
}
