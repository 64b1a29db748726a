use crate::StageError;

/// Why a blueprint can't be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlueprintError {
    /// A stage, branch or exit has no name.
    #[error("{what} with an empty name")]
    EmptyName {
        /// `stage`, `branch` or `exit`.
        what: &'static str,
    },
    /// Two stages have one name; names are unique over all branches.
    #[error("two stages are named {name:?}, expected each name once")]
    DuplicateStage {
        /// The name.
        name: String,
    },
    /// Two branches have one name, or a branch is named like an exit.
    #[error("the name {name:?} is taken by another branch or exit")]
    DuplicateBranch {
        /// The name.
        name: String,
    },
    /// A line names an exit twice.
    #[error("the exit {exit:?} is named twice in one line")]
    DuplicateExit {
        /// The exit.
        exit: String,
    },
    /// What passes the last stage would have nowhere to go.
    #[error("{} has no exit, expected at least one", line(.branch.as_deref()))]
    NoExit {
        /// The branch, or `None` for the main line.
        branch: Option<String>,
    },
    /// A stage sends to a name that is neither a branch nor an exit.
    #[error("stage {stage:?} sends to {port:?}, expected one of: {}", .known.join(", "))]
    UnknownPort {
        /// The stage.
        stage: String,
        /// The name it sends to.
        port: String,
        /// The names it could send to.
        known: Vec<String>,
    },
    /// Branches send to each other in a circle.
    #[error("branches send in a circle: {}", .path.join(" -> "))]
    BranchCycle {
        /// The branches on the circle; the first is repeated at the end.
        path: Vec<String>,
    },
}

fn line(branch: Option<&str>) -> String {
    branch.map_or_else(
        || "the main line".to_owned(),
        |name| format!("branch {name:?}"),
    )
}

/// Why a saved state can't be taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes were not written by [`Pipeline::save`](crate::Pipeline::save), or only in part.
    #[error("saved state of {length} bytes is damaged at byte {offset}: {problem}")]
    Damaged {
        /// Where reading stopped.
        offset: usize,
        /// Length of the saved state.
        length: usize,
        /// What was found there.
        problem: &'static str,
    },
    /// The state belongs to a line with other stages.
    #[error("saved state holds the stages {found:?}, expected {expected:?}")]
    OtherStages {
        /// The stages in the saved state.
        found: Vec<String>,
        /// The stateful stages of this line.
        expected: Vec<String>,
    },
    /// A stage refused its state.
    #[error("stage {stage:?} refused its saved state: {error}")]
    Refused {
        /// The stage.
        stage: String,
        /// Its reason.
        error: StageError,
    },
}
